"""Picking elements by index, and operators whose result's shape depends on values (these compute on the host)."""

import numpy as np

from ..errors import OnnxError
from ..table import operator


def from_front(b, indices, length):
    """Indices with those counted from the back made counts from the front."""
    if indices.known:
        host = indices.host().astype(np.int64)
        return b.constant(np.where(host < 0, host + length, host))
    indices = indices.cast("int64")
    return indices + (indices < 0).cast("int64") * b.constant(np.int64(length))


@operator("Gather")
def gather(n, x, indices):
    """Slices of an axis; negative indices count from the back."""
    axis = x.axis(n.int("axis", 0))
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    if x.dtype == "string":
        return n.b.constant(np.take(x.host(), indices.host(), axis), "string")
    if indices.known and x.shape[axis] >= 0 and indices.size and np.max(np.abs(indices.host() + 0.5)) > x.shape[axis]:
        raise OnnxError(f"indices: expected numbers below {x.shape[axis]}, got {indices.host().min()} to {indices.host().max()}")
    if 0 in shape and -1 not in shape:
        return n.b.full(shape, 0, x.dtype)
    out = n.b.op("take", x, indices.cast("int64"), axis=axis, mode="wrap")
    return n.b.op("Reshape", out, shape=()) if not shape and out.ndim else out


def grid(b, shape, axis, indices):
    """Indices for gather_nd: the place itself on all axes but one, given indices on that one."""
    parts = []
    for i, extent in enumerate(shape):
        own = np.arange(extent, dtype=np.int64).reshape([-1 if k == i else 1 for k in range(len(shape))])
        parts.append(indices if i == axis else b.constant(np.broadcast_to(own, shape)))
    return b.stack(parts, 0)


@operator("GatherElements")
def gather_elements(n, x, indices):
    """Elements of an axis at indices of the result's shape."""
    axis = x.axis(n.int("axis", 0))
    indices = from_front(n.b, indices, x.full_shape()[axis])
    return n.b.op("gather_nd", x, grid(n.b, indices.full_shape(), axis, indices))


@operator("GatherND")
def gather_nd(n, x, indices):
    """Slices at tuples of indices, for every element of the first batch_dims axes."""
    batch, depth = n.int("batch_dims", 0), indices.full_shape()[-1]
    x.full_shape()
    if batch + depth > x.ndim or batch >= indices.ndim:
        raise OnnxError(f"indices: {depth} numbers do not fit an input of {x.ndim} axes")
    parts = [from_front(n.b, indices.slice(indices.ndim - 1, i, i + 1), x.shape[batch + i]) for i in range(depth)]
    lead = indices.shape[:-1]
    for i in reversed(range(batch)):
        own = np.arange(x.shape[i], dtype=np.int64).reshape([-1 if k == i else 1 for k in range(len(lead))] + [1])
        parts.insert(0, n.b.constant(np.broadcast_to(own, (*lead, 1))))
    joined = n.b.concat(parts, len(lead))
    out = n.b.op("gather_nd", x, joined.transpose(len(lead), *range(len(lead))))
    return out.reshape(*lead, *x.shape[batch + depth :])


@operator("OneHot")
def one_hot(n, indices, depth, values):
    """The second of `values` at indices, the first elsewhere, on a new axis."""
    depth = int(depth.item("depth"))
    n.b.full([1, max(depth, 0)], 0, "bool")
    axis = n.int("axis", -1)
    axis = axis + indices.ndim + 1 if axis < 0 else axis
    flags = n.b.op("one_hot", from_front(n.b, indices.cast("int64"), depth), depth=depth, dtype="int32").reshape(*indices.full_shape(), depth)
    order = list(range(indices.ndim))
    order.insert(axis, indices.ndim)
    off, on = values.slice(0, 0, 1).reshape(()), values.slice(0, 1, 2).reshape(())
    return n.b.where(flags.transpose(order).cast("bool"), on, off)


@operator("TopK")
def top_k(n, x, k=None):
    """The k largest or smallest elements of an axis, and their places."""
    count = n.int("k") if k is None else int(k.item("k"))
    axis = x.axis(n.int("axis", -1))
    if not 0 < count <= x.full_shape()[axis]:
        raise OnnxError(f"k: expected 1 to {x.shape[axis]}, got {count}")
    return tuple(n.b.op("topk", x, axis=axis, k=count, ret_typ="both", is_ascend=not n.int("largest", 1), dtype="int64"))


@operator("ReverseSequence")
def reverse_sequence(n, x, lengths):
    """Every row's first elements in reverse."""
    batch, time = n.int("batch_axis", 1), n.int("time_axis", 0)
    order = [time, batch, *[i for i in range(x.ndim) if i not in (time, batch)]]
    back = np.argsort(order).tolist()
    return n.b.op("SequenceReverse", x.transpose(order), lengths.cast("float32"), use_sequence_length=True).transpose(back)


@operator("NonZero")
def non_zero(n, x):
    """Places of elements that are not 0."""
    return n.b.constant(np.stack(np.nonzero(np.atleast_1d(x.host("the input")))).astype(np.int64))


@operator("Compress")
def compress(n, x, condition):
    """Slices of an axis, or elements, where a condition holds."""
    keep = np.flatnonzero(condition.host("the condition"))
    axis = n.int("axis")
    x = x if axis is not None else x.reshape(-1)
    axis = x.axis(axis or 0)
    if not len(keep):
        return n.b.full([0 if i == axis else e for i, e in enumerate(x.full_shape())], 0, x.dtype)
    if keep.max() >= x.shape[axis]:
        raise OnnxError(f"condition: has {keep.max() + 1} elements, the axis {x.shape[axis]}")
    return x.take(keep, axis)


@operator("Unique")
def unique(n, x):
    """Different elements or slices, sorted or in the order of their first places."""
    axis = n.int("axis")
    values, first, inverse, counts = np.unique(
        x.host("the input"), return_index=True, return_inverse=True, return_counts=True, axis=None if axis is None else x.axis(axis)
    )
    inverse = inverse.ravel()
    if not n.int("sorted", 1):
        order = np.argsort(first)
        values = np.take(values, order, 0 if axis is None else x.axis(axis))
        first, counts, inverse = first[order], counts[order], np.argsort(order)[inverse]
    return (n.b.constant(values, x.dtype), *(n.b.constant(v.astype(np.int64)) for v in (first, inverse, counts)))
