"""The same elements under another shape, order of axes or dtype."""

import numpy as np

from .reduction import shaped
from .table import converts, refuse


@converts("Reshape", "reshape_like")
def reshape(b, n):
    return b.reshape(n.inputs[0], n.out_shapes[0])


@converts("Flatten")
def flatten(b, n):
    return b.node("Flatten", n.inputs, axis=1)


@converts("transpose")
def transpose(b, n):
    return b.node("Transpose", n.inputs, perm=[a % n.rank() for a in n.ints("axes") or range(n.rank())[::-1]])


@converts("SwapAxis")
def swap_axis(b, n):
    order = list(range(n.rank()))
    one, two = n.get("dim1", 0), n.get("dim2", 0)
    order[one], order[two] = order[two], order[one]
    return b.node("Transpose", n.inputs, perm=order)


@converts("expand_dims")
def expand_dims(b, n):
    return b.unsqueeze(n.inputs[0], [n.axis(rank=n.rank() + 1)])


@converts("squeeze")
def squeeze(b, n):
    axes = n.get("axis")
    axes = [i for i, e in enumerate(n.in_shapes[0]) if e == 1] if axes is None else [a % n.rank() for a in n.ints("axis")]
    return shaped(b, n, b.squeeze(n.inputs[0], axes)) if axes else b.node("Identity", n.inputs)


@converts("Cast", "amp_cast")
def cast(b, n):
    kind, target = n.in_types[0], n.out_types[0]
    value = n.inputs[0]
    # Runtimes differ on what a negative fraction is as an unsigned number.
    if kind.startswith(("float", "bfloat")) and target == "uint8":
        value = b.cast(value, "int32")
    return b.node("Cast", [value], to=b.type_code(target))


@converts("amp_multicast")
def multicast(b, n):
    return [b.node("Cast", [v], to=b.type_code(t)) for v, t in zip(n.inputs, n.out_types)]


@converts("shape_array")
def shape_array(b, n):
    return b.node("Shape", n.inputs)


@converts("size_array")
def size_array(b, n):
    return b.reshape(b.node("Size", n.inputs), (1,))


@converts("depth_to_space")
def depth_to_space(b, n):
    return b.node("DepthToSpace", n.inputs, blocksize=n.get("block_size"), mode="DCR")


@converts("space_to_depth")
def space_to_depth(b, n):
    return b.node("SpaceToDepth", n.inputs, blocksize=n.get("block_size"))


@converts("broadcast_to", "broadcast_axis")
def broadcast(b, n):
    return b.expand(n.inputs[0], n.out_shapes[0])


@converts("broadcast_like")
def broadcast_like(b, n):
    if n.get("lhs_axes") is None and n.get("rhs_axes") is None:
        return b.node("Expand", [n.inputs[0], b.node("Shape", n.inputs[1:])])
    return b.expand(n.inputs[0], n.out_shapes[0])


@converts("tile")
def tile(b, n):
    reps, rank = list(n.ints("reps")), n.rank()
    value = n.inputs[0]
    if len(reps) > rank:
        value = b.unsqueeze(value, range(len(reps) - rank))
    return b.node("Tile", [value, b.const([1] * (rank - len(reps)) + reps)])


@converts("repeat")
def repeat(b, n):
    times, rank = n.get("repeats"), n.rank()
    if n.get("axis") is None:
        copies = b.node("Tile", [b.node("Reshape", [n.inputs[0], b.const([-1, 1])]), b.const([1, times])])
        return b.flatten(copies)
    axis = n.axis()
    copies = b.node("Tile", [b.unsqueeze(n.inputs[0], [axis + 1]), b.const([1] * (axis + 1) + [times] + [1] * (rank - axis - 1))])
    return b.reshape(copies, n.out_shapes[0])


@converts("Pad")
def pad(b, n):
    width = n.ints("pad_width")
    mode = n.get("mode")
    inputs = [n.inputs[0], b.const([*width[::2], *width[1::2]])]
    if mode == "constant":
        inputs.append(b.const(n.number("constant_value", 0), n.out_types[0]))
    return b.node("Pad", inputs, mode=mode)


@converts("reverse")
def reverse(b, n):
    axes = n.ints("axis")
    return b.slice(n.inputs[0], [-1] * len(axes), [np.iinfo(np.int64).min] * len(axes), axes, [-1] * len(axes))


@converts("zeros_like", "ones_like")
def like(b, n):
    if n.op == "zeros_like" or n.out_types[0] != "bool":
        value = b.const(0 if n.op == "zeros_like" else 1, n.out_types[0])
        return b.node("Expand", [value, b.node("Shape", n.inputs)])
    return refuse(n, "dtype: expected a number, got bool")
