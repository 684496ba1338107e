"""Batches of rows that are read in groups (`rows`): numpy arrays, tables, Parquet files.

A batch is a copy. Memory: one group, the batch being made, and the first one, which fills the last one up.
"""

import numpy as np

from .. import ndarray as nd
from .data_desc import DataDesc
from .data_iter import DataIter, positive_batch_size

HANDLES = ("pad", "discard", "roll_over")


class RowIter(DataIter):
    """Iterate over rows.

    Parameters
    ----------
    rows : ArrayRows, ParquetRows or their like
    batch_size : int
    shuffle : bool
        A new order in every epoch, drawn from numpy.random: of the groups, and of the rows in each.
    last_batch_handle : {'pad', 'discard', 'roll_over'}
        Fewer rows at the end are filled up with the first ones of the epoch (and counted in `pad`), dropped, or begin the next epoch.
    """

    def __init__(self, rows, batch_size=1, shuffle=False, last_batch_handle="pad"):
        super().__init__(positive_batch_size("RowIter", batch_size))
        if last_batch_handle not in HANDLES:
            raise ValueError(f"[RowIter] last_batch_handle: expected one of {HANDLES}, got {last_batch_handle!r}")
        self._rows, self._shuffle, self._handle = rows, shuffle, last_batch_handle
        self._begins = np.cumsum([0, *rows.counts])
        self._rolled = None
        self.num_data = int(self._begins[-1])
        self.reset()

    @property
    def provide_data(self):
        """Descriptions of the data arrays of a batch."""
        return self._describe(self._rows.data)

    @property
    def provide_label(self):
        """Descriptions of the label arrays of a batch."""
        return self._describe(self._rows.label)

    def _describe(self, arrays):
        return [DataDesc(name, (self.batch_size, *shape), dtype.type) for name, shape, dtype in arrays]

    def reset(self):
        """Start the next epoch."""
        self._pieces = _Pieces(self._epoch(self._rolled))
        self._rolled = self._first = self._batch = None

    def _epoch(self, rolled):
        """Pairs (arrays, numbers of rows in them, the first one's number in the source)."""
        if rolled is not None:
            yield rolled[:-1], np.arange(len(rolled[-1])), rolled[-1]
        groups = np.arange(len(self._rows.counts))
        if self._shuffle:
            np.random.shuffle(groups)
        for group in groups:
            order = np.arange(self._rows.counts[group])
            if self._shuffle:
                np.random.shuffle(order)
            yield self._rows.read(group), order, self._begins[group] + order

    def iter_next(self):
        """Move on by one batch; False at the end of the epoch."""
        batch = self._pieces.take(self.batch_size)
        missing = self.batch_size - (len(batch[-1]) if batch else 0)
        if batch and missing and self._handle == "roll_over":
            self._rolled = batch
        if not batch or (missing and self._handle != "pad"):
            self._batch = None
            return False
        self._first = self._first or batch
        self._pad = missing
        if missing:
            fill = np.arange(missing) % len(self._first[-1])
            batch = [np.concatenate([array, first[fill]]) for array, first in zip(batch, self._first)]
        self._batch = batch
        return True

    def _current(self):
        if self._batch is None:
            raise StopIteration
        return self._batch

    def getdata(self):
        """Data arrays of the current batch."""
        return [_batch_array(array) for array in self._current()[: len(self._rows.data)]]

    def getlabel(self):
        """Label arrays of the current batch; empty without labels."""
        return [_batch_array(array) for array in self._current()[len(self._rows.data) : -1]]

    def getpad(self):
        """Rows at the end of the batch that only fill it up."""
        return self._pad

    def getindex(self):
        """Numbers of the current rows in the source."""
        return self._current()[-1]


class _Pieces:
    """Rows off the front of an epoch, `count` at a time across its groups."""

    def __init__(self, epoch):
        self._epoch = epoch
        self._arrays, self._order, self._numbers = [], np.empty(0, int), np.empty(0, int)

    def take(self, count):
        """Arrays with `count` rows and their numbers, fewer rows at the end, [] behind it."""
        parts = []
        while count:
            if not len(self._order):
                self._arrays = []  # freed before the next group is read
                group = next(self._epoch, None)
                if group is None:
                    break
                self._arrays, self._order, self._numbers = group
            rows, self._order = self._order[:count], self._order[count:]
            numbers, self._numbers = self._numbers[:count], self._numbers[count:]
            parts.append([*(array[rows] for array in self._arrays), numbers])
            count -= len(rows)
        return [np.concatenate(arrays) if len(parts) > 1 else arrays[0] for arrays in zip(*parts)]


def _batch_array(array):
    return nd.array(array, dtype="float32" if array.dtype == np.float64 else array.dtype)
