"""MNIST and FashionMNIST: pictures (28, 28, 1) as uint8, labels 0 to 9, from the four idx files, plain or .gz."""

import numpy as np

from .... import ndarray as nd
from ....base import MXNetError
from ....io.idx_file import read_idx
from .local_files import PicturesInMemory, default_root, find_files


class MNIST(PicturesInMemory):
    """Handwritten digits, 60,000 to train and 10,000 to test.

    Parameters
    ----------
    root : str
        Folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or these with .gz.
        None is ``$MXNET_HOME/datasets/mnist``, in ~/.mxnet without that variable. Nothing is downloaded.
    train : bool
    transform : callable, optional
        ``transform(picture, label)`` makes an example.

    Raises
    ------
    MXNetError
        For missing, truncated or corrupt files.
    """

    _folder = "mnist"

    def __init__(self, root=None, train=True, transform=None):
        part = "train" if train else "t10k"
        names = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
        images, labels = find_files(type(self).__name__, root or default_root(self._folder), names)
        pictures, classes = read_idx(images, 3), read_idx(labels, 1)
        if len(pictures) != len(classes):
            raise MXNetError(f"[{type(self).__name__} {labels}] labels: expected {len(pictures)} like {images}, got {len(classes)}")
        super().__init__(nd.array(pictures[..., None], dtype="uint8"), classes.astype(np.int32), transform)


class FashionMNIST(MNIST):
    """Zalando's articles, in files like those of MNIST; None as root is ``$MXNET_HOME/datasets/fashion-mnist``."""

    _folder = "fashion-mnist"
