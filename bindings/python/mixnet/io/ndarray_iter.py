"""Batches out of arrays in memory.

A batch is a copy: writing into it leaves the source alone. Cost per batch: one slice, or one gather where the order
is shuffled or the batch wraps around the end.
"""

import numpy as np

from .. import ndarray as nd
from .array_source import check_lengths, named_arrays
from .data_desc import DataDesc
from .data_iter import DataIter, positive_batch_size

HANDLES = ("pad", "discard", "roll_over")


class NDArrayIter(DataIter):
    """Iterate over NDArrays or numpy arrays along their first axis.

    Parameters
    ----------
    data, label : array, list of arrays or dict from name to array
        Examples along axis 0. numpy input becomes float32; NDArrays keep their type. `label` may be None.
    batch_size : int
    shuffle : bool
        New order in every epoch, drawn from ``numpy.random``.
    last_batch_handle : {'pad', 'discard', 'roll_over'}
        The incomplete batch at the end is filled from the beginning (and says so in ``pad``), dropped, or kept for
        the beginning of the next epoch.
    data_name, label_name : str
        Names of unnamed arrays.
    layout : str
        Layout written into the descriptions.

    Raises
    ------
    TypeError, ValueError
        For inputs of another kind, of different lengths or without examples, and unknown `last_batch_handle`.
    """

    def __init__(
        self,
        data,
        label=None,
        batch_size=1,
        shuffle=False,
        last_batch_handle="pad",
        data_name="data",
        label_name="softmax_label",
        layout="NCHW",
    ):
        super().__init__(positive_batch_size("NDArrayIter", batch_size))
        if last_batch_handle not in HANDLES:
            raise ValueError(f"[NDArrayIter] last_batch_handle: expected one of {HANDLES}, got {last_batch_handle!r}")
        self.data = named_arrays(data, data_name, allow_empty=False)
        self.label = named_arrays(label, label_name, allow_empty=True)
        self.data_list = [array for _, array in self.data + self.label]
        self.num_source = len(self.data_list)
        self.num_data = check_lengths(self.data + self.label)
        self.shuffle = shuffle
        self.last_batch_handle = last_batch_handle
        self.layout = layout
        self.cursor = -self.batch_size
        self.idx = np.arange(self.num_data)
        self._order = np.arange(self.num_data)
        self._rolled = self._order[:0]
        self._check_sparse()
        if shuffle:
            self._shuffle()

    def _check_sparse(self):
        if any(getattr(array, "stype", "default") != "default" for array in self.data_list):
            if self.shuffle or self.last_batch_handle != "discard":
                raise ValueError(
                    "[NDArrayIter] last_batch_handle: expected 'discard' without shuffle for sparse arrays, got "
                    f"{self.last_batch_handle!r} with shuffle={self.shuffle}"
                )

    def _shuffle(self):
        np.random.shuffle(self.idx)
        self._order = self._order[self.idx]

    def _describe(self, named):
        shapes = [(name, (self.batch_size,) + tuple(array.shape[1:]), array.dtype) for name, array in named]
        return [DataDesc(name, shape, dtype, self.layout) for name, shape, dtype in shapes]

    @property
    def provide_data(self):
        """Descriptions of the data arrays of a batch."""
        return self._describe(self.data)

    @property
    def provide_label(self):
        """Descriptions of the label arrays of a batch."""
        return self._describe(self.label)

    def hard_reset(self):
        """Start over and forget examples that were rolled over."""
        if self.shuffle:
            self._shuffle()
        self._rolled = self._order[:0]
        self.cursor = -self.batch_size

    def reset(self):
        """Start the next epoch. With 'roll_over' the examples left over, if the end was reached, come first."""
        leftover = self._leftover()
        if self.shuffle:
            self._shuffle()
        self._rolled = leftover
        self.cursor = -self.batch_size - len(leftover)

    def _leftover(self):
        at_end = self.cursor < self.num_data < self.cursor + self.batch_size
        if self.last_batch_handle == "roll_over" and at_end:
            carried = self._rolled if self.cursor < 0 else self._rolled[:0]
            return np.concatenate([carried, self._order[max(self.cursor, 0) :]])
        return self._order[:0]

    def iter_next(self):
        """Move on by one batch; False at the end of the epoch."""
        needed = 1 if self.last_batch_handle == "pad" else self.batch_size
        if self.cursor + needed <= self.num_data:
            self.cursor += self.batch_size
        return self.cursor + needed <= self.num_data

    def _source_rows(self):
        """Numbers of the current examples; those before 0 were rolled over from the last epoch."""
        if self.cursor >= self.num_data:
            raise StopIteration
        if self.cursor < 0:
            if not len(self._rolled):
                raise StopIteration
            return np.concatenate([self._rolled, self._order[: self.cursor + self.batch_size]])
        return self._order[np.arange(self.cursor, self.cursor + self.batch_size) % self.num_data]

    def _batch_of(self, named):
        if not named:
            return []
        rows = self._source_rows()
        if not self.shuffle and 0 <= self.cursor <= self.num_data - self.batch_size:
            return [_copy_rows(array, self.cursor, self.cursor + self.batch_size) for _, array in named]
        index = nd.array(rows, dtype="int64")
        return [nd.take(array, index) for _, array in named]

    def getdata(self):
        """Data arrays of the current batch, shape (batch_size, ...)."""
        return self._batch_of(self.data)

    def getlabel(self):
        """Label arrays of the current batch; empty without labels."""
        return self._batch_of(self.label)

    def getpad(self):
        """Examples at the end of the batch that only fill it up: 0 except in the last batch of 'pad'."""
        if self.last_batch_handle != "pad":
            return 0
        return max(self.cursor + self.batch_size - self.num_data, 0)

    def getindex(self):
        """Numbers of the current examples in the arrays given."""
        return self._source_rows()


def _copy_rows(array, begin, end):
    if getattr(array, "stype", "default") != "default":
        return array[begin:end]
    return nd.slice_axis(array, axis=0, begin=begin, end=end)
