"""CIFAR-10 and CIFAR-100 from their binary files: pictures (32, 32, 3) as uint8.

A record is the label or, in CIFAR-100, the coarse and the fine one, then all red bytes, the green, the blue.
"""

import gzip

import numpy as np

from .... import ndarray as nd
from ....base import MXNetError
from .local_files import PicturesInMemory, default_root, find_files

PIXELS = 3 * 32 * 32


class CIFAR10(PicturesInMemory):
    """Ten classes, 50,000 pictures to train and 10,000 to test.

    Parameters
    ----------
    root : str
        Folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin, or with cifar-10-batches-bin, where they are. None is
        ``$MXNET_HOME/datasets/cifar10``, in ~/.mxnet without that variable. Nothing is downloaded.
    train : bool
    transform : callable, optional
        ``transform(picture, label)`` makes an example.

    Raises
    ------
    MXNetError
        For missing files and those whose size is not that of whole records.
    """

    def __init__(self, root=None, train=True, transform=None):
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
        paths = find_files("CIFAR10", root or default_root("cifar10"), names, ("", "cifar-10-batches-bin"))
        super().__init__(*_read(paths, labels=1, column=0), transform)


class CIFAR100(PicturesInMemory):
    """100 classes in 20 coarse ones, 50,000 pictures to train and 10,000 to test.

    The files are train.bin and test.bin, in `root` or its folder cifar-100-binary; the default is ``cifar100`` beside CIFAR10's. `fine_label` takes
    the label of 100, else it is that of 20.
    """

    def __init__(self, root=None, fine_label=False, train=True, transform=None):
        names = ["train.bin" if train else "test.bin"]
        paths = find_files("CIFAR100", root or default_root("cifar100"), names, ("", "cifar-100-binary"))
        super().__init__(*_read(paths, labels=2, column=int(fine_label)), transform)


def _read(paths, labels, column):
    records = np.concatenate([_records(path, labels + PIXELS) for path in paths])
    pictures = records[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return nd.array(pictures, dtype="uint8"), records[:, column].astype(np.int32)


def _records(path, size):
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            content = file.read()
    except (OSError, EOFError) as error:
        raise MXNetError(f"[CIFAR {path}] file: expected a readable file, got {error}") from None
    if not content or len(content) % size:
        raise MXNetError(f"[CIFAR {path}] size: expected records of {size} bytes, got {len(content)} bytes")
    return np.frombuffer(content, np.uint8).reshape(-1, size)
