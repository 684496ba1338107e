"""Pooling. Windows that reach beyond the padded input ("full") become padding at the end."""

import numpy as np

from .convolution import back, first, spatial, window
from .table import converts, refuse

_GLOBAL = {"max": "GlobalMaxPool", "avg": "GlobalAveragePool", "lp": "GlobalLpPool"}


@converts("Pooling")
def pooling(b, n):
    return back(b, n, _pooled(b, n, first(b, n, n.inputs[0])))


def _pooled(b, n, value):
    kind = n.get("pool_type", "max")
    if n.flag("global_pool"):
        if kind == "sum":
            return b.reduce("ReduceSum", value, range(2, n.rank()), True)
        return b.node(_GLOBAL[kind], [value], p=n.get("p_value", 2) if kind == "lp" else None)
    count = n.rank() - 2
    kernel = list(n.ints("kernel"))
    stride, pad = window(n, "stride", 1, count), window(n, "pad", 0, count)
    end = _end(n, kernel, stride, pad)
    shared = {"kernel_shape": kernel, "strides": stride}
    if kind == "max":
        return b.node("MaxPool", [value], pads=pad + end, **shared)
    if kind == "lp":
        return b.node("LpPool", [value], pads=pad + end, p=n.get("p_value", 2), **shared)
    if kind == "sum":
        value = _padded(b, value, pad, end, n.out_types[0])
        return b.binary("Mul", b.node("AveragePool", [value], **shared), float(np.prod(kernel)), n.out_types[0])
    included = n.get("count_include_pad", True)
    if included and any(pad):
        # What "full" adds at the end is no padding: it does not count.
        value = _padded(b, value, pad, pad, n.out_types[0])
        pad, end = [0] * count, [e - p for e, p in zip(end, pad)]
    return b.node("AveragePool", [value], pads=pad + end, count_include_pad=0, **shared)


def _end(n, kernel, stride, pad):
    """Padding at the end of each axis, such that ONNX's floor gives the output's extents."""
    if n.get("pooling_convention", "valid") == "valid":
        return list(pad)
    result = []
    for extent, out, k, s, p in zip(spatial(n, n.in_shapes[0]), spatial(n, n.out_shapes[0]), kernel, stride, pad):
        if not isinstance(extent, int) or not isinstance(out, int):
            refuse(n, "pooling_convention full: expected fixed spatial extents")
        end = max(0, (out - 1) * s + k - extent - p)
        if end >= k:
            refuse(n, f"pooling_convention {n.get('pooling_convention')}: expected every window to touch the input")
        result.append(end)
    return result


def _padded(b, value, begin, end, dtype):
    if not any(begin) and not any(end):
        return value
    return b.node("Pad", [value, b.const([0, 0, *begin, 0, 0, *end]), b.const(0, dtype)], mode="constant")


@converts("_contrib_AdaptiveAvgPooling2D")
def adaptive(b, n):
    """Means over cells of equal width: two products with constant matrices."""
    extents, out = n.in_shapes[0][2:], n.out_shapes[0][2:]
    if tuple(out) == (1, 1):
        return b.node("GlobalAveragePool", n.inputs)
    if not all(isinstance(e, int) for e in extents):
        refuse(n, "expected fixed spatial extents")
    rows, columns = (_cells(e, o) for e, o in zip(extents, out))
    value = b.node("MatMul", [b.const(rows, n.out_types[0]), n.inputs[0]])
    return b.node("MatMul", [value, b.const(columns.T, n.out_types[0])])


def _cells(extent, out):
    matrix = np.zeros((out, extent), "float64")
    for i in range(out):
        first, last = i * extent // out, -(-(i + 1) * extent // out)
        matrix[i, first:last] = 1 / (last - first)
    return matrix
