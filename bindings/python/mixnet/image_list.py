"""Lists of images (.lst) for packing: made from a folder, split into shares. A line is `ID TAB LABEL ... TAB PATH`."""

import os
import pathlib
import random

from .base import MXNetError

EXTENSIONS = (".jpeg", ".jpg", ".png")


def find_images(root, recursive=False, extensions=EXTENSIONS):
    """([(id, path, label)], {folder: label}) of the files in a folder, paths relative to it, in the order of their names. With `recursive` also those of
    the folders in it: each that has images is a class, numbered from 0; otherwise all labels are 0. Raises MXNetError for what is no folder."""
    if not os.path.isdir(root):
        raise MXNetError(f"[im2rec] root: expected a folder, got {os.fspath(root)}")
    wanted = {extension.lower() for extension in extensions}
    images, classes = [], {}
    for folder, inner, files in os.walk(root, followlinks=True):
        inner.sort()
        if not recursive:
            inner.clear()
        relative = os.path.relpath(folder, root)
        for name in sorted(files):
            if os.path.splitext(name)[1].lower() in wanted and os.path.isfile(os.path.join(folder, name)):
                label = classes.setdefault(relative, len(classes))
                images.append((len(images), os.path.normpath(os.path.join(relative, name)), label))
    return images, classes


def split(images, train_ratio=1.0, test_ratio=0.0, chunks=1):
    """{suffix: images}: '' for all, or `_train`, `_val` and `_test`; `_0`, `_1` before them for chunks. Test images come first, then those to train on."""
    if not 0 <= train_ratio <= 1 or not 0 <= test_ratio <= 1 or train_ratio + test_ratio > 1 + 1e-9:
        raise MXNetError(f"[im2rec] --train-ratio, --test-ratio: expected shares with a sum of at most 1, got {train_ratio} and {test_ratio}")
    if chunks < 1:
        raise MXNetError(f"[im2rec] --chunks: expected at least 1, got {chunks}")
    size = -(-len(images) // chunks)
    lists = {}
    for i in range(chunks):
        chunk = images[i * size : (i + 1) * size]
        name = f"_{i}" if chunks > 1 else ""
        if train_ratio == 1:
            lists[name] = chunk
            continue
        test, train = int(size * test_ratio), int(size * train_ratio)
        if test_ratio:
            lists[name + "_test"] = chunk[:test]
        if train_ratio + test_ratio < 1:
            lists[name + "_val"] = chunk[test + train :]
        lists[name + "_train"] = chunk[test : test + train]
    return lists


def write_list(path, images):
    """Writes a list, in one go: there is no half of one."""
    bad = next((name for _, name, _ in images if "\n" in name or "\t" in name), None)
    if bad is not None:
        raise MXNetError(f"[im2rec] expected paths without tabs and line ends, got {bad!r}")
    unfinished = pathlib.Path(f"{path}.unfinished")
    with open(unfinished, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for number, name, label in images:
            file.write(f"{number}\t{label:f}\t{name}\n")
    unfinished.replace(path)


def make_lists(prefix, root, recursive=False, extensions=EXTENSIONS, shuffle=True, seed=100, train_ratio=1.0, test_ratio=0.0, chunks=1):
    """Writes PREFIX.lst, or the lists that `split` names. Returns ([(file, images)], {folder: label}).

    The shuffled order is that of Python's random.Random(seed); the default seed gives the lists that MXNet's im2rec writes.
    """
    images, classes = find_images(root, recursive, extensions)
    if not images:
        raise MXNetError(f"[im2rec] {os.fspath(root)}: expected files with the extensions {', '.join(extensions)}, got none")
    if shuffle:
        random.Random(seed).shuffle(images)
    written = []
    for suffix, part in split(images, train_ratio, test_ratio, chunks).items():
        path = f"{os.fspath(prefix)}{suffix}.lst"
        write_list(path, part)
        written.append((path, len(part)))
    return written, classes
