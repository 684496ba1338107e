"""Datasets whose files lie in a folder already: nothing is ever downloaded. All pictures are in memory, as uint8."""

import os

from ....base import MXNetError
from .. import dataset
from ..gathering import gathered


def default_root(name):
    """The folder where MXNet keeps a dataset: ``$MXNET_HOME/datasets/name``, in ~/.mxnet without the variable."""
    return os.path.join(os.environ.get("MXNET_HOME") or os.path.join("~", ".mxnet"), "datasets", name)


def find_files(place, root, names, folders=("",)):
    """Paths of the files in `root`, or one of the `folders` in it; with ".gz" behind where that is there instead.

    Raises one MXNetError that says which are missing, and where.
    """
    root = os.path.expanduser(os.fspath(root))
    found = {}
    for name in names:
        places = [os.path.join(root, folder, name + end) for folder in folders for end in ("", ".gz")]
        found[name] = next((path for path in places if os.path.isfile(path)), None)
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise MXNetError(f"[{place}] root: expected the files {', '.join(names)} (or .gz) in {root}, got no {', '.join(missing)}; nothing is downloaded")
    return list(found.values())


class PicturesInMemory(dataset.Dataset):
    """Pairs (picture, label) of an NDArray (count, height, width, channels) and int32 labels. `transform(picture, label)` makes an example of them."""

    def __init__(self, pictures, labels, transform):
        self._data, self._label, self._transform = pictures, labels, transform

    def __len__(self):
        return len(self._label)

    def __getitem__(self, idx):
        pair = self._data[idx], self._label[idx]
        return pair if self._transform is None else self._transform(*pair)

    def batch_of(self, indices):
        if self._transform is not None:
            return None
        return [gathered(self._data, indices), gathered(self._label, indices)]
