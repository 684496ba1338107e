"""Iterators that run in the library: they read, decode and make batches on its threads, ahead of who asks."""

import json
import threading

import numpy as np

from ..base import TextList, _Null, check, dtype_name, ffi, lib, patiently, text
from ..ndarray.ndarray import NDArray
from .data_desc import DataBatch, DataDesc
from .data_iter import DataIter
from .unpacked import unpacked


class MXDataIter(DataIter):
    """An iterator of the library by name, as the functions of `mx.io` make it.

    Parameters
    ----------
    name : str
        ``"CSVIter"``, ...
    params : dict
        Its parameters, as values or texts; those that are ``_Null`` are left out.
    data_name, label_name : str
        Names of the first data array and the first label array.

    Raises
    ------
    MXNetError
        For unknown names, values that do not fit and files that cannot be read; also by `next`, for what is met there. `reset` begins
        the next epoch then.
    """

    def __init__(self, name, params, data_name="data", label_name="softmax_label"):
        self.name = name
        self._handle = None
        self._lock = threading.RLock()
        out = ffi.new("mxn_data_iter_t **")
        with unpacked(name, params) as plain:
            given = {key: _as_text(value) for key, value in plain.items() if value is not _Null}
            keys, values = TextList(list(given)), TextList(list(given.values()))
            check(lib.mxn_data_iter_create(name.encode(), keys.pointer, values.pointer, len(given), out))
        self._handle = ffi.gc(out[0], lib.mxn_data_iter_free)
        described = self._describe()
        self.provide_data = _descriptions(described["data"], data_name)
        self.provide_label = _descriptions(described["label"], label_name)
        super().__init__(self.provide_data[0].shape[0])
        self._batch = None
        self._repeated = None

    def _describe(self):
        out = ffi.new("char **")
        check(lib.mxn_data_iter_describe(self._open(), out))
        return json.loads(text(out[0]))

    def _open(self):
        if self._handle is None:
            raise RuntimeError(f"[{self.name}] expected an open iterator, got a closed one")
        return self._handle

    @property
    def report(self):
        """What was met so far: ``{"examples": given, "skipped": could not be read, "faults": texts of the first 100 of these}``."""
        return self._describe()["report"]

    def close(self):
        """Gives threads and memory back, at any point of an epoch and from any thread. Batches that were handed out stay."""
        with self._lock:
            handle, self._handle, self._batch = self._handle, None, None
            if handle is not None:
                ffi.release(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def reset(self):
        """Begins the next epoch."""
        self._batch = None
        with self._lock:
            check(lib.mxn_data_iter_reset(self._open()))

    def iter_next(self):
        """Goes on to the next batch; False at the end of the epoch."""
        if self._repeated is not None:
            self._batch = self._repeated
            return True
        self._batch = None
        more = ffi.new("int32_t *")

        def step(wait):
            with self._lock:  # given up between waits: another thread may close the iterator then
                code = lib.mxn_data_iter_next(self._open(), wait, more)
                self._batch = self._current() if more[0] else None
                return code

        patiently(step)
        return self._batch is not None

    def _current(self):
        arrays, counts = ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t[3]")
        ids = ffi.new("int64_t **")
        check(lib.mxn_data_iter_batch(self._handle, arrays, counts, counts + 1, ids, counts + 2))
        found = [NDArray(arrays[0][i]) for i in range(counts[0])]
        lib.mxn_ndarray_list_free(arrays[0])
        split = len(self.provide_data)
        index = np.frombuffer(ffi.buffer(ids[0], 8 * counts[2]), np.uint64).copy() if counts[2] else None
        return DataBatch(data=found[:split], label=found[split:], pad=counts[1], index=index)

    def next(self):
        """The next `DataBatch`; StopIteration at the end of the epoch."""
        if not self.iter_next():
            raise StopIteration
        return self._batch

    def debug_skip_load(self):
        """From now on the next batch is given again and again: how fast a program is that needs not wait for data."""
        self._repeated = self.next()

    def getdata(self):
        """The first data array of the current batch."""
        return self._batch.data[0]

    def getlabel(self):
        """The first label array of the current batch."""
        return self._batch.label[0]

    def getindex(self):
        """Ids of the current examples, uint64; None where they have none."""
        return self._batch.index

    def getpad(self):
        """How many examples at the end of the current batch only fill it."""
        return self._batch.pad


def _as_text(value):
    if isinstance(value, (type, np.dtype)):
        return dtype_name(value)
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(str(v) for v in value) + ("," if len(value) == 1 else "") + ")"
    return str(value)


def _descriptions(described, first_name):
    found = []
    for i, d in enumerate(described):
        layout = {"layout": d["layout"]} if d["layout"] else {}
        dtype = d["dtype"] if d["dtype"] == "bfloat16" else np.dtype(d["dtype"]).type
        found.append(DataDesc(d["name"] if i else first_name, tuple(d["shape"]), dtype, **layout))
    return found
