"""Rows of named arrays in groups that are read one at a time: what RowIter and ColumnDataset are fed by.

Anything with these members: `data` and `label`, lists of (name, shape of one row, dtype); `counts`, rows in each group; and `read(group)`, the arrays of
that group as numpy arrays, data first. Memory: what `read` returns.
"""

import numpy as np

from ..base import MXNetError


class ArrayRows:
    """Numpy arrays (also np.memmap) as one group; nothing is copied until a batch is."""

    def __init__(self, data, label):
        self._arrays = [array for _, array in data + label]
        self.data, self.label = describe(data), describe(label)
        self.counts = [check_counts(data + label)]

    def read(self, group):
        return self._arrays


def describe(named):
    """(name, shape of one row, dtype) of each array; float64 reads as float32, which batches have."""
    return [(name, tuple(array.shape[1:]), narrow(array.dtype)) for name, array in named]


def narrow(dtype):
    """The dtype of batches."""
    return np.dtype(np.float32) if dtype == np.float64 else np.dtype(dtype)


def check_counts(named):
    """Rows that all arrays share; ValueError naming the first that differs, or where there are none."""
    first_name, first = named[0]
    for name, array in named:
        if array.ndim == 0 or len(array) != len(first):
            got = "a scalar" if array.ndim == 0 else len(array)
            raise ValueError(f"[rows] {name}: expected {len(first)} rows like {first_name}, got {got}")
    if not len(first):
        raise ValueError(f"[rows] {first_name}: expected at least one row, got none")
    return len(first)


def named_arrays(values, default_name):
    """[(name, numpy array)] of an array, or of a dict or list of them, in their order; [] for None."""
    if values is None:
        return []
    if isinstance(values, dict):
        named = list(values.items())
    elif isinstance(values, (list, tuple)) and values and isinstance(values[0], np.ndarray):
        named = [(default_name if len(values) == 1 else f"_{i}_{default_name}", value) for i, value in enumerate(values)]
    else:
        named = [(default_name, values)]
    return [(name, _numbers(name, value)) for name, value in named]


def _numbers(name, value):
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise MXNetError(f"[rows] {name}: expected numbers, got {array.dtype}")
    return array
