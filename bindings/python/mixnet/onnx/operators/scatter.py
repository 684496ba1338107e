"""Writing elements by index."""

import numpy as np

from ..errors import OnnxError
from ..table import operator
from .indexing import from_front, grid

_REDUCTIONS = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def write(n, x, places, updates):
    """`updates` at places (indices per axis first); with a reduction on the host, since a place may come twice."""
    reduction = n.choice("reduction", "none", *_REDUCTIONS)
    if reduction == "none":
        return n.b.op("_scatter_set_nd", x, updates, places, shape=x.full_shape())
    result, places = x.host("the data").copy(), places.host("the indices")
    _REDUCTIONS[reduction].at(result, tuple(places), updates.host("the updates"))
    return n.b.constant(result, x.dtype)


@operator("Scatter", "ScatterElements")
def scatter_elements(n, x, indices, updates):
    """Elements of an axis at indices of the updates' shape."""
    axis = x.axis(n.int("axis", 0))
    if indices.shape != updates.shape or indices.ndim != x.ndim:
        raise OnnxError(f"indices: expected the updates' shape {updates.shape}, got {indices.shape}")
    if not updates.size:
        return x
    indices = from_front(n.b, indices, x.full_shape()[axis])
    _inside(indices, x.shape[axis])
    return write(n, x, grid(n.b, indices.full_shape(), axis, indices), updates)


@operator("ScatterND")
def scatter_nd(n, x, indices, updates):
    """Slices at tuples of indices."""
    depth = indices.full_shape()[-1]
    if depth > x.ndim or updates.shape != (*indices.shape[:-1], *x.full_shape()[depth:]):
        raise OnnxError(f"updates: expected shape {(*indices.shape[:-1], *x.shape[depth:])}, got {updates.shape}")
    parts = [from_front(n.b, indices.slice(indices.ndim - 1, i, i + 1), x.shape[i]) for i in range(depth)]
    for i, value in enumerate(parts):
        _inside(value, x.shape[i])
    if not updates.size:
        return x
    return write(n, x, n.b.concat(parts, indices.ndim - 1).transpose(indices.ndim - 1, *range(indices.ndim - 1)), updates)


def _inside(indices, length):
    if indices.known and indices.size and not 0 <= indices.host().min() <= indices.host().max() < length:
        raise OnnxError(f"indices: expected numbers below {length}, got {indices.host().min()} to {indices.host().max()}")
