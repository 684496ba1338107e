"""Tables as datasets. Row groups of Parquet files are read when one of their rows is asked for, and the last few kept."""

import collections
import threading

import numpy as np

from ... import ndarray as nd
from ...io.adapters import arrow_rows, numpy_rows, pandas_rows
from ...io.rows import narrow
from .dataset import Dataset
from .sampler import Sampler


class ColumnDataset(Dataset):
    """Rows as tuples (data..., label...), or the value itself where there is one array; `counts` are the rows in each group.

    Parameters
    ----------
    rows : as RowIter takes them
    keep : int
        Groups that stay in memory. An order that jumps between more reads groups again and again: see GroupSampler.
    """

    def __init__(self, rows, keep=2):
        if keep < 1:
            raise ValueError(f"[ColumnDataset] keep: expected at least 1, got {keep}")
        self._rows, self._keep = rows, keep
        self._begins = np.cumsum([0, *rows.counts])
        self._kept, self._lock = collections.OrderedDict(), threading.Lock()

    @property
    def counts(self):
        return list(self._rows.counts)

    def __len__(self):
        return int(self._begins[-1])

    def __getitem__(self, idx):
        number = idx + len(self) if idx < 0 else idx
        if not 0 <= number < len(self):
            raise IndexError(f"[ColumnDataset] idx: expected less than {len(self)}, got {idx}")
        group = int(np.searchsorted(self._begins, number, side="right")) - 1
        parts = [array[number - self._begins[group]] for array in self._group(group)]
        parts = [part.astype(narrow(part.dtype), copy=False) for part in parts]
        return tuple(parts) if len(parts) > 1 else parts[0]

    def batch_of(self, indices):
        groups = np.searchsorted(self._begins, indices, side="right") - 1
        out = None
        for group in np.unique(groups):
            here = groups == group
            arrays = self._group(int(group))
            if out is None:
                out = [np.empty((len(indices), *array.shape[1:]), narrow(array.dtype)) for array in arrays]
            for whole, array in zip(out, arrays):
                whole[here] = array[indices[here] - self._begins[group]]
        batch = [nd.array(array, dtype=array.dtype) for array in out]
        return batch if len(batch) > 1 else batch[0]

    def _group(self, group):
        with self._lock:
            if group not in self._kept:
                while len(self._kept) >= self._keep:
                    self._kept.popitem(last=False)
                self._kept[group] = self._rows.read(group)
            self._kept.move_to_end(group)
            return self._kept[group]


class GroupSampler(Sampler):
    """All rows of a ColumnDataset in an order drawn for each epoch that goes group by group, so that each group is read once."""

    def __init__(self, dataset):
        self._counts = dataset.counts

    def __iter__(self):
        begins = np.cumsum([0, *self._counts])
        groups = np.arange(len(self._counts))
        np.random.shuffle(groups)
        for group in groups:
            order = np.arange(begins[group], begins[group + 1])
            np.random.shuffle(order)
            yield from order.tolist()

    def __len__(self):
        return sum(self._counts)


def from_numpy(data, label=None):
    """A dataset of numpy arrays, also np.memmap; `data` and `label` as mx.io.from_numpy takes them."""
    return ColumnDataset(numpy_rows(data, label))


def from_pandas(frame, data=None, label=None, dtype="float32"):
    """A dataset of a pandas DataFrame; columns as mx.io.from_pandas takes them."""
    return ColumnDataset(pandas_rows(frame, data, label, dtype=dtype))


def from_arrow(source, data=None, label=None, dtype="float32", keep=2):
    """A dataset of an Arrow table or Parquet files, as mx.io.from_arrow takes them; `keep` row groups stay in memory."""
    return ColumnDataset(arrow_rows(source, data, label, dtype=dtype), keep)
