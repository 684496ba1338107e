"""How a list of examples becomes a batch: what a DataLoader's `batchify_fn` may be.

Examples are NDArrays, numpy arrays or numbers, or tuples of such. All of these are callables on a list of examples.
"""

import numpy as np

from ... import ndarray as nd


def default_batchify_fn(data):
    """NDArrays stacked, tuples part by part (a list comes), everything else through numpy with its dtype."""
    first = data[0]
    if isinstance(first, nd.NDArray):
        return nd.stack(*data)
    if isinstance(first, tuple):
        return [default_batchify_fn(part) for part in zip(*data)]
    values = np.asarray(data)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"[batchify] data: expected numbers, arrays of one shape or tuples of them, got {type(first).__name__}")
    return nd.array(values, dtype=values.dtype)


default_mp_batchify_fn = default_batchify_fn


class Stack:
    """Arrays of one shape along a new first axis."""

    def __call__(self, data):
        return default_batchify_fn([np.asarray(x) if isinstance(x, (list, tuple)) else x for x in data])


class Pad:
    """Arrays of one number of axes, filled up behind their ends with `val` to the largest extents, and stacked.

    Parameters
    ----------
    val : number
    dtype : optional
        That of the first array else.
    round_to : int, optional
        Extents become multiples of it, so that few different shapes reach a net.
    axis : int, optional
        The only axis along which lengths may differ.
    ret_length : bool
        A pair comes: the batch and the lengths before as int32, along `axis` (or the first).
    """

    def __init__(self, val=0, dtype=None, round_to=None, axis=None, ret_length=False):
        self._val, self._dtype, self._round_to, self._axis, self._ret_length = val, dtype, round_to, axis, ret_length

    def __call__(self, data):
        arrays = [x.asnumpy() if isinstance(x, nd.NDArray) else np.asarray(x) for x in data]
        self._check(arrays)
        extents = [max(sizes) for sizes in zip(*(a.shape for a in arrays))]
        if self._round_to:
            extents = [-(-size // self._round_to) * self._round_to if self._grows(axis) else size for axis, size in enumerate(extents)]
        out = np.full([len(arrays), *extents], self._val, dtype=self._dtype or arrays[0].dtype)
        for row, array in zip(out, arrays):
            row[tuple(slice(size) for size in array.shape)] = array
        batch = nd.array(out, dtype=out.dtype)
        if not self._ret_length:
            return batch
        return batch, nd.array([a.shape[self._axis or 0] for a in arrays], dtype="int32")

    def _grows(self, axis):
        return self._axis is None or axis == self._axis

    def _check(self, arrays):
        first = arrays[0]
        if first.ndim == 0:
            raise ValueError("[batchify.Pad] data: expected arrays with at least one axis, got numbers")
        if self._axis is not None and not 0 <= self._axis < first.ndim:
            raise ValueError(f"[batchify.Pad] axis: expected 0 to {first.ndim - 1}, got {self._axis}")
        for number, array in enumerate(arrays):
            same = array.ndim == first.ndim and all(a == b or self._grows(i) for i, (a, b) in enumerate(zip(array.shape, first.shape)))
            if not same:
                raise ValueError(f"[batchify.Pad] example {number}: expected a shape like {first.shape}, got {array.shape}")


class Append:
    """A list with an array per example, each with a first axis of 1 unless `expand` is False: for shapes that differ."""

    def __init__(self, expand=True, batch_axis=0):
        self._expand, self._axis = expand, batch_axis

    def __call__(self, data):
        arrays = [x if isinstance(x, nd.NDArray) else nd.array(np.asarray(x), dtype=np.asarray(x).dtype) for x in data]
        return [a.expand_dims(axis=self._axis) for a in arrays] if self._expand else arrays


class AsList:
    """The examples as they are, in a list."""

    def __call__(self, data):
        return list(data)


class Group:
    """A function for each part of the examples: ``Group(Stack(), Pad(0))`` for pairs. A tuple comes."""

    def __init__(self, fn, *args):
        self._functions = tuple(fn) if isinstance(fn, (list, tuple)) and not args else (fn, *args)
        for function in self._functions:
            if not callable(function):
                raise TypeError(f"[batchify.Group] fn: expected functions, got {type(function).__name__}")

    def __call__(self, data):
        if len(data[0]) != len(self._functions):
            raise ValueError(f"[batchify.Group] data: expected examples of {len(self._functions)} parts, got {len(data[0])}")
        return tuple(function(part) for function, part in zip(self._functions, zip(*data)))
