"""Batches of numbers from CSV files, one example per line. The files are read whole when the iterator is made."""

import warnings

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError
from .data_desc import DataDesc
from .data_iter import DataIter, positive_batch_size


class CSVIter(DataIter):
    """Iterate over a CSV file of data and, optionally, one of labels.

    Parameters
    ----------
    data_csv : str
        File with one example per line, numbers separated by commas.
    data_shape : tuple of int
        Shape of one example.
    label_csv : str, optional
        File with the labels; without it all labels are 0.
    label_shape : tuple of int
        Shape of one label; (1,) gives labels of shape (batch,).
    batch_size : int
    round_batch : bool
        True fills the last batch from the beginning, and the next epoch starts behind those examples. False fills
        it too but the next epoch starts at the first example. Both report the filled-up examples as ``pad``.
    dtype : str, optional
        float32 (default), int32 or int64, for data and labels.
    data_name, label_name : str
    prefetch_buffer, ctx :
        Accepted for old scripts; the data is in memory already and batches are made on the current context.

    Raises
    ------
    MXNetError
        For missing files, lines that are no numbers, and lines of the wrong length.
    """

    def __init__(
        self,
        data_csv,
        data_shape,
        label_csv=None,
        label_shape=(1,),
        batch_size=128,
        round_batch=True,
        dtype=None,
        data_name="data",
        label_name="softmax_label",
        prefetch_buffer=4,
        ctx="cpu",
    ):
        super().__init__(positive_batch_size("CSVIter", batch_size))
        self._dtype = np.dtype(dtype or np.float32)
        self._data = _read_csv(data_csv, _shape(data_shape), self._dtype)
        self._label = self._read_labels(label_csv, data_csv, _shape(label_shape))
        self.data_name, self.label_name = data_name, label_name
        self.round_batch = round_batch
        self._start = 0
        self.cursor = -self.batch_size

    def _read_labels(self, label_csv, data_csv, shape):
        if label_csv in (None, "", "NULL"):
            label = np.zeros((len(self._data),) + shape, self._dtype)
        else:
            label = _read_csv(label_csv, shape, self._dtype)
        if len(label) != len(self._data):
            raise MXNetError(f"[CSVIter {label_csv}] lines: expected {len(self._data)} like {data_csv}, got {len(label)}")
        return label.reshape(-1) if shape == (1,) else label

    @property
    def provide_data(self):
        """Description of the data."""
        return [DataDesc(self.data_name, (self.batch_size,) + self._data.shape[1:], self._dtype.type)]

    @property
    def provide_label(self):
        """Description of the labels."""
        return [DataDesc(self.label_name, (self.batch_size,) + self._label.shape[1:], self._dtype.type)]

    def reset(self):
        """Start the next epoch, behind the examples borrowed by the last batch where `round_batch`."""
        at_end = self.cursor < len(self._data) < self.cursor + self.batch_size
        finished = self.cursor >= len(self._data)
        self._start = self._borrowed() if self.round_batch and (at_end or finished) else 0
        self.cursor = self._start - self.batch_size

    def _borrowed(self):
        return (self._start - len(self._data)) % self.batch_size % len(self._data)

    def iter_next(self):
        """Move on by one batch; False at the end of the epoch."""
        if self.cursor < len(self._data):
            self.cursor += self.batch_size
        return self.cursor < len(self._data)

    def getindex(self):
        """Line numbers of the current examples, from 0."""
        return np.arange(self.cursor, self.cursor + self.batch_size) % len(self._data)

    def getdata(self):
        """One array of shape (batch,) + data_shape."""
        return [nd.array(self._data[self.getindex()], dtype=self._dtype)]

    def getlabel(self):
        """One array of shape (batch,) or (batch,) + label_shape."""
        return [nd.array(self._label[self.getindex()], dtype=self._dtype)]

    def getpad(self):
        """Examples at the end of the batch that only fill it up."""
        return max(self.cursor + self.batch_size - len(self._data), 0)


def _shape(shape):
    return tuple(int(axis) for axis in (shape if isinstance(shape, (tuple, list)) else (shape,)))


def _read_csv(path, shape, dtype):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty file: reported below
            rows = np.loadtxt(path, delimiter=",", ndmin=2, comments=None, dtype=dtype)
    except OSError as error:
        raise MXNetError(f"[CSVIter {path}] file: expected a readable file, got {error}") from None
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise MXNetError(f"[CSVIter {path}] line: expected numbers separated by commas, got {reason}") from None
    width = int(np.prod(shape))
    if not len(rows):
        raise MXNetError(f"[CSVIter {path}] lines: expected at least one, got an empty file")
    if rows.shape[1] != width:
        raise MXNetError(f"[CSVIter {path}] line: expected {width} numbers for shape {shape}, got {rows.shape[1]}")
    return rows.reshape((-1,) + shape)
