"""Reductions by numpy as references."""

import numpy as np


def np_reduce(dat, axis, keepdims, numpy_reduce_func):
    """`numpy_reduce_func` over `axis` (int, tuple or None for all), optionally keeping the axes."""
    axes = range(dat.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = sorted(place % dat.ndim for place in axes)
    result = dat
    for place in reversed(axes):
        result = numpy_reduce_func(result, axis=place)
    return np.reshape(result, [1 if i in axes else n for i, n in enumerate(dat.shape)]) if keepdims else result


def collapse_sum_like(a, shape):
    """Sum `a` over the axes along which `shape` was broadcast to it."""
    extra = a.ndim - len(shape)
    a = a.sum(axis=tuple(range(extra)))
    grown = tuple(i for i, n in enumerate(shape) if n == 1 and a.shape[i] != 1)
    return a.sum(axis=grown, keepdims=True) if grown else a
