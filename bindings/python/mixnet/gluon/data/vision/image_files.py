"""Pictures in files of their own, whose labels come of folders or of a list."""

import os

import numpy as np

from ....base import MXNetError
from ..dataset import Dataset

ENDINGS = (".jpg", ".jpeg", ".png")


class _ImageFiles(Dataset):
    """Pairs (picture, label). `items` are the paths and labels."""

    def __init__(self, items, flag, transform):
        self.items, self._flag, self._transform = items, flag, transform

    def __len__(self):
        return len(self.items)

    def __getitem__(self, idx):
        from .... import image

        path, label = self.items[idx]
        try:
            picture = image.imread(path, self._flag)
            picture.wait_to_read()  # errors of decoding come with the array
        except (MXNetError, ValueError, OSError) as error:
            raise MXNetError(f"[{type(self).__name__}] {path}: expected a picture, got {error}") from error
        return (picture, label) if self._transform is None else self._transform(picture, label)


class ImageFolderDataset(_ImageFiles):
    """``root/cat/1.jpg``, ``root/dog/a.png``...: folders, in order of their names, are the classes 0, 1... (`synsets` lists the names).

    Parameters
    ----------
    root : str
    flag : {1, 0}
        1 decodes to (height, width, 3), red first, 0 to grey (height, width, 1).
    transform : callable, optional
        ``transform(picture, label)`` makes an example.

    Raises
    ------
    MXNetError
        Where `root` is no folder or no pictures (.jpg, .jpeg, .png) are in its folders; for a file that is none when it is asked for.
    """

    def __init__(self, root, flag=1, transform=None):
        root = os.path.expanduser(os.fspath(root))
        if not os.path.isdir(root):
            raise MXNetError(f"[ImageFolderDataset] root: expected a folder with a folder for each class, got {root}")
        self.synsets = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
        items = [(path, label) for label, name in enumerate(self.synsets) for path in _pictures(os.path.join(root, name))]
        if not items:
            raise MXNetError(f"[ImageFolderDataset] root: expected pictures ({', '.join(ENDINGS)}) in folders of {root}, got none")
        super().__init__(items, flag, transform)


class ImageListDataset(_ImageFiles):
    """Pictures by a list.

    Parameters
    ----------
    root : str
        The folder that paths begin at.
    imglist : str or list
        Path of a `.lst` file (lines of number, labels and path with tabs between), from `root` too, or a list of items ``[label, path]``, or with several
        labels ``[label, label, path]`` or ``[[label, label], path]``.
    flag, transform :
        As those of ImageFolderDataset.

    Raises
    ------
    MXNetError
        For a missing list and lines of another form, with their numbers.
    """

    def __init__(self, root=".", imglist=None, flag=1, transform=None):
        root = os.path.expanduser(os.fspath(root))
        if isinstance(imglist, (str, os.PathLike)):
            items = list(_read_list(os.path.join(root, os.fspath(imglist))))
        elif isinstance(imglist, (list, tuple)):
            items = [_item(f"item {number}", item[:-1], item[-1]) for number, item in enumerate(imglist)]
        else:
            raise TypeError(f"[ImageListDataset] imglist: expected a path or a list, got {type(imglist).__name__}")
        super().__init__([(os.path.join(root, path), label) for path, label in items], flag, transform)


def _pictures(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.lower().endswith(ENDINGS))


def _read_list(path):
    try:
        with open(path) as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise MXNetError(f"[ImageListDataset] imglist: expected a readable file, got {path}: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            parts = line.strip().split("\t")
            yield _item(f"{path} line {number}", parts[1:-1], parts[-1])


def _item(place, labels, path):
    try:
        label = np.concatenate([np.ravel(np.asarray(part, dtype=np.float32)) for part in labels])
    except (TypeError, ValueError):
        raise MXNetError(f"[ImageListDataset] {place}: expected labels and a path, got {labels!r} and {path!r}") from None
    return path, label if len(label) > 1 else float(label[0])
