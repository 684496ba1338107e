"""Where an iterator's examples come from: (label, bytes) by key, from a record file, its index, or a list of image files."""

import os

import numpy as np

from .. import recordio
from ..base import MXNetError


def read_list(path):
    """A list file as a dict from key to (labels, name of the image): lines of key, labels, name, with tabs between."""
    found = {}
    with open(path) as file:
        for number, line in enumerate(file, 1):
            parts = line.strip("\r\n").split("\t")
            if parts == [""]:
                continue
            try:
                found[int(float(parts[0]))] = (np.array(parts[1:-1], dtype=np.float32), parts[-1])
            except ValueError:
                raise MXNetError(f"[ImageIter] {path} line {number}: expected a key, labels and a name with tabs between, got {line.rstrip()!r}") from None
            if len(parts) < 3:
                raise MXNetError(f"[ImageIter] {path} line {number}: expected a key, a label and a name, got {line.rstrip()!r}")
    return found


def of_list(items):
    """The same from a list of [label or labels, name] or [label, label, ..., name]."""
    found = {}
    for key, item in enumerate(items, 1):
        if len(item) < 2 or not isinstance(item[-1], (str, os.PathLike)):
            raise MXNetError(f"[ImageIter] imglist: expected items [label, name], got {item!r}")
        labels = item[0] if len(item) == 2 else item[:-1]
        found[key] = (np.atleast_1d(np.asarray(labels, dtype=np.float32)), os.fspath(item[-1]))
    return found


def share(keys, part_index, num_parts):
    """One of num_parts shares of a list: every item is in one, and they differ in length by at most one."""
    if not 0 <= part_index < num_parts:
        raise MXNetError(f"[ImageIter] part_index: expected 0 to {num_parts - 1} (num_parts - 1), got {part_index}")
    return keys[part_index * len(keys) // num_parts : (part_index + 1) * len(keys) // num_parts]


def open_records(path, index_path, part_index, num_parts):
    """A reader of records: by key with an index, else in order, one share of the file."""
    if index_path:
        return recordio.MXIndexedRecordIO(index_path, path, "r")
    share([], part_index, num_parts)
    return recordio.MXRecordIO(path, "r", part_index, num_parts)


def as_label(label, width, key):
    """`label` as `width` numbers."""
    label = np.asarray(label, dtype=np.float64).ravel()
    if label.size != width:
        raise MXNetError(f"[ImageIter] label of example {key}: expected {width} numbers (label_width), got {label.size}")
    return label
