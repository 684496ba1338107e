"""Elements chosen by number. Indices may be floats; they become int64."""

import numpy as np

from .reduction import shaped
from .table import converts, refuse


def places(b, n, index, extent, mode="clip"):
    """An input as indices into an axis of this extent."""
    value = b.cast(n.inputs[index], "int64", n.in_types[index])
    if mode == "wrap":
        return b.node("Mod", [value, _scalar(b, extent)])
    last = b.const(extent - 1) if isinstance(extent, int) else b.node("Sub", [_scalar(b, extent), b.const(1)])
    # Clip on int64 needs opset 12.
    return b.node("Clip", [value, b.const(0), last])


def _scalar(b, extent):
    return b.const(extent) if isinstance(extent, int) else b.squeeze(b.extent(extent), [0])


@converts("Embedding")
def embedding(b, n):
    return b.node("Gather", [n.inputs[1], places(b, n, 0, n.in_shapes[1][0])], axis=0)


@converts("take")
def take(b, n):
    axis = n.axis(default=0)
    return b.node("Gather", [n.inputs[0], places(b, n, 1, n.in_shapes[0][axis], n.get("mode", "clip"))], axis=axis)


@converts("pick", "batch_take")
def pick(b, n):
    single = n.op == "batch_take"
    axis = 1 if single else n.axis()
    index = places(b, n, 1, n.in_shapes[0][axis], "clip" if single else n.get("mode", "clip"))
    if n.rank(1) < n.rank(0):
        index = b.unsqueeze(index, [axis])
    value = b.node("GatherElements", [n.inputs[0], index], axis=axis)
    return value if n.flag("keepdims") else shaped(b, n, b.squeeze(value, [axis]))


@converts("one_hot")
def one_hot(b, n):
    """By comparison: ONNX's OneHot counts negative indices from the end."""
    index = b.unsqueeze(b.cast(n.inputs[0], "int64", n.in_types[0]), [n.rank()])
    hit = b.node("Equal", [index, b.const(np.arange(n.get("depth")))])
    dtype = n.out_types[0]
    return b.node("Where", [hit, b.const(n.number("on_value", 1), dtype), b.const(n.number("off_value", 0), dtype)])


def _coordinates(b, n, index):
    """(axes, ...) as (..., axes)."""
    return b.transpose(b.cast(n.inputs[index], "int64", n.in_types[index]), [*range(1, n.rank(index)), 0])


@converts("gather_nd")
def gather_nd(b, n):
    return b.node("GatherND", [n.inputs[0], _coordinates(b, n, 1)])


@converts("scatter_nd")
def scatter_nd(b, n):
    target = b.const(np.zeros(n.ints("shape")), n.out_types[0])
    return b.node("ScatterND", [target, _coordinates(b, n, 1), n.inputs[0]])


@converts("_contrib_index_copy")
def index_copy(b, n):
    rows = b.unsqueeze(b.cast(n.inputs[1], "int64", n.in_types[1]), [1])
    return b.node("ScatterND", [n.inputs[0], rows, n.inputs[2]])


@converts("_ravel_multi_index")
def ravel(b, n):
    shape = n.ints("shape")
    if n.rank() != 2:
        refuse(n, f"expected 2 axes, got {n.rank()}")
    strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    weighted = b.node("Mul", [n.inputs[0], b.const(np.array(strides)[:, None], n.out_types[0])])
    return b.reduce("ReduceSum", weighted, [0], False)


@converts("_unravel_index")
def unravel(b, n):
    shape = n.ints("shape")
    place = b.cast(n.inputs[0], "int64", n.in_types[0])
    parts = []
    for axis, extent in enumerate(shape):
        part = b.binary("Div", place, int(np.prod(shape[axis + 1 :])), "int64")
        parts.append(b.unsqueeze(part if axis == 0 else b.binary("Mod", part, extent, "int64"), [0]))
    return b.cast(b.concat(parts, 0), n.out_types[0], "int64")
