"""Sorting and the largest elements, all by ONNX's TopK."""

import numpy as np

from .table import converts, refuse


def _top(b, n, ascending, k=None):
    """(values, indices, axis) of the k first elements in order; all when k is None."""
    value, axis, shape = n.inputs[0], n.get("axis", -1), n.in_shapes[0]
    if n.attrs.get("axis") == "None":
        value, axis, shape = b.flatten(value), 0, [int(np.prod(shape)) if all(isinstance(e, int) for e in shape) else None]
    axis %= len(shape)
    if not k:
        if not isinstance(shape[axis], int) and shape[axis] is None:
            refuse(n, "expected a fixed extent along the axis")
        k = shape[axis]
    values, indices = b.node("TopK", [value, b.extent(k)], outputs=2, axis=axis, largest=int(not ascending), sorted=1)
    return values, indices, axis, shape


@converts("sort")
def sort(b, n):
    return [_top(b, n, n.attrs.get("is_ascend", "True") in ("True", "1"))[0]]


@converts("argsort")
def argsort(b, n):
    indices = _top(b, n, n.attrs.get("is_ascend", "True") in ("True", "1"))[1]
    return [b.cast(indices, n.out_types[0], "int64")]


@converts("topk")
def topk(b, n):
    kind, k = n.get("ret_typ", "indices"), n.get("k", 1)
    values, indices, axis, shape = _top(b, n, n.flag("is_ascend"), k if k > 0 else None)
    if kind == "value":
        return [values]
    if kind == "indices":
        return [b.cast(indices, n.out_types[0], "int64")]
    if kind == "both":
        return [values, b.cast(indices, n.out_types[1], "int64")]
    dtype = n.out_types[0]
    zeros = b.node("Expand", [b.const(0, dtype), b.shape(shape)])
    ones = b.node("Expand", [b.const(1, dtype), b.node("Shape", [indices])])
    return [b.reshape(b.node("ScatterElements", [zeros, indices, ones], axis=axis), n.out_shapes[0])]
