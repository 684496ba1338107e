"""Shapes: what only moves, joins, cuts or makes values."""

import numpy as np

from ..builder import checked_size, common_shape
from ..dtypes import NAMES, numpy_type
from ..errors import NeedsValue, OnnxError
from ..table import operator
from ..value import OPEN

_PIECES = 65_536


@operator("Identity")
def identity(n, x):
    """What it was given, sequences too."""
    return x


@operator("Constant")
def constant(n):
    """A value from an attribute."""
    for key, dtype in (("value_float", "float32"), ("value_floats", "float32"), ("value_int", "int64"), ("value_ints", "int64")):
        if n.has(key):
            return n.b.constant(np.asarray(n.attr(key), dtype))
    for key in ("value_string", "value_strings"):
        if n.has(key):
            return n.b.constant(np.asarray(n.attr(key), object), "string")
    value = n.attr("value")
    if value is None:
        raise OnnxError("attribute 'value': expected a tensor")
    value.name = value.name or next(iter(n.outputs), None)
    return value


@operator("Shape")
def shape_of(n, x):
    """Extents as int64, or a part of them."""
    start, end = n.int("start", 0), n.int("end", x.ndim)
    extents = x.shape[slice(*slice(start, end).indices(x.ndim))]
    value = n.b.constant(np.asarray([OPEN if e < 0 else e for e in extents], np.int64))
    value.partial = -1 in extents
    return value


@operator("Size")
def size(n, x):
    """The number of elements."""
    return n.b.constant(np.asarray(int(np.prod(x.full_shape(), dtype=np.int64)), np.int64))


@operator("Reshape")
def reshape(n, x, shape=None):
    """0 keeps an extent unless allowzero is set, -1 follows from the others."""
    wanted = shape.ints("the shape") if shape is not None else n.ints("shape", [])
    if OPEN in wanted:
        wanted = _with_open(x, wanted)
    if not n.int("allowzero", 0):
        for i, extent in enumerate(wanted):
            if extent == 0 and i >= x.ndim:
                raise OnnxError(f"shape: 0 at place {i}, the input has {x.ndim} axes")
        if x.static:
            wanted = [x.shape[i] if e == 0 else e for i, e in enumerate(wanted)]
    elif 0 in wanted and not x.static:
        raise NeedsValue(f"with allowzero the input's shape must be known, {x.shape} is: give input_shapes")
    if not x.static:
        return n.b.reshape_open(x, wanted)
    return n.b.reshape(x, wanted)


def _with_open(x, wanted):
    """One open extent follows from the others; else each must stand where the input's is open, and is taken to be that one."""
    if wanted.count(OPEN) == 1 and -1 not in wanted:
        return [-1 if e == OPEN else e for e in wanted]
    if any(e == OPEN and (i >= x.ndim or x.shape[i] != -1) for i, e in enumerate(wanted)):
        raise NeedsValue(f"several extents of the result are known only when the model runs, of {x.shape}: give input_shapes")
    return [0 if e == OPEN else e for e in wanted]


@operator("Flatten")
def flatten(n, x):
    """Two axes: those before `axis`, and the others."""
    axis = n.int("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    if axis == 1 and x.ndim > 1 and not x.static:
        return n.b.op("Flatten", x)
    rows = int(np.prod(x.full_shape()[:axis], dtype=np.int64))
    return n.b.reshape(x, (rows, int(np.prod(x.shape[axis:], dtype=np.int64))))


@operator("Squeeze")
def squeeze(n, x, axes=None):
    """Without axes of extent 1."""
    axes = axes.ints("axes") if axes is not None else n.ints("axes")
    axes = [x.axis(a) for a in axes] if axes is not None else [i for i, e in enumerate(x.shape) if e == 1]
    if any(x.shape[a] not in (1, -1) for a in axes):
        raise OnnxError(f"axes: expected axes of extent 1, got {axes} of {x.shape}")
    rest = [e for i, e in enumerate(x.shape) if i not in axes]
    return n.b.reshape(x, rest) if x.static or not rest else n.b.op("squeeze", x, axis=tuple(axes)) if axes else x


@operator("Unsqueeze")
def unsqueeze(n, x, axes=None):
    """With new axes of extent 1 at places of the result."""
    axes = axes.ints("axes") if axes is not None else n.ints("axes", [])
    ndim = x.ndim + len(axes)
    axes = sorted(a + ndim if a < 0 else a for a in axes)
    if len(set(axes)) != len(axes) or any(not 0 <= a < ndim for a in axes):
        raise OnnxError(f"axes: expected different ones of {ndim}, got {axes}")
    if x.static:
        rest = iter(x.shape)
        return n.b.reshape(x, [1 if i in axes else next(rest) for i in range(ndim)])
    for axis in axes:
        x = n.b.op("expand_dims", x, axis=axis)
    return x


@operator("Transpose")
def transpose(n, x):
    """Axes in another order, reversed without one."""
    perm = n.ints("perm", list(range(x.ndim))[::-1])
    if sorted(perm) != list(range(x.ndim)):
        raise OnnxError(f"perm: expected an order of {x.ndim} axes, got {perm}")
    return x.transpose(perm)


@operator("Concat")
def concat(n, *inputs):
    """Inputs joined along an axis; empty ones are left out."""
    axis = inputs[0].axis(n.int("axis", 1))
    if inputs[0].dtype == "string":
        return n.b.constant(np.concatenate([v.host() for v in inputs], axis), "string")
    full = [v for v in inputs if v.shape[axis] != 0] or [inputs[0]]
    return n.b.concat(full, axis)


@operator("Split", "SplitToSequence")
def split(n, x, sizes=None):
    """Pieces of an axis."""
    axis = x.axis(n.int("axis", 0))
    length = x.full_shape()[axis] if x.shape[axis] < 0 else x.shape[axis]
    scalar = sizes is not None and n.op == "SplitToSequence" and sizes.ndim == 0
    sizes = sizes.ints("split") if sizes is not None else n.ints("split")
    if scalar or sizes is None:
        parts = n.int("num_outputs", len(n.outputs))
        step = sizes[0] if scalar else 1 if n.op == "SplitToSequence" else -(-length // max(parts, 1))
        if step < 1 and length:
            raise OnnxError(f"split: expected pieces of at least 1, got {step}")
        count = -(-length // step) if n.op == "SplitToSequence" else parts
        if count > _PIECES:
            raise OnnxError(f"split: expected at most {_PIECES} pieces, got {count}")
        sizes = [min(step, max(length - i * step, 0)) for i in range(count)]
    if sum(sizes) != length or min(sizes, default=0) < 0:
        raise OnnxError(f"split: expected sizes that add up to {length}, got {sizes}")
    pieces, begin = [], 0
    for piece in sizes:
        pieces.append(part(n.b, x, axis, begin, begin + piece))
        begin += piece
    if n.op == "Split":
        return tuple(pieces)
    if sizes and n.int("keepdims", 1) == 0 and not scalar and len(set(sizes)) == 1 and sizes[0] == 1:
        pieces = [n.b.reshape(p, [e for i, e in enumerate(p.shape) if i != axis]) for p in pieces]
    return (pieces,)


def part(b, x, axis, begin, end):
    """Elements begin to end of an axis; an empty piece is a constant."""
    if begin >= end:
        shape = [0 if i == axis else e for i, e in enumerate(x.full_shape())]
        return b.constant(np.zeros(shape, numpy_type(x.dtype)), x.dtype)
    return x.slice(axis, begin, end) if (begin, end) != (0, x.shape[axis]) else x


@operator("Slice")
def slice_(n, x, starts=None, ends=None, axes=None, steps=None):
    """Every axis from a start to an end in steps, as Python slices."""
    if n.opset < 10:
        starts, ends, axes, steps = n.ints("starts"), n.ints("ends"), n.ints("axes"), None
    else:
        starts, ends = starts.ints("starts"), ends.ints("ends")
        axes, steps = (None if v is None else v.ints("axes or steps") for v in (axes, steps))
    axes = list(range(len(starts))) if axes is None else axes
    for start, end, axis, step in zip(starts, ends, axes, [1] * len(starts) if steps is None else steps):
        x = sliced(n.b, x, x.axis(axis), start, end, step)
    return x


def sliced(b, x, axis, start, end, step):
    """One axis of a Slice."""
    length = x.shape[axis]
    if length < 0:
        if step != 1 or start < 0 or (end < 2**31 - 1 and end >= 0):
            raise NeedsValue(f"the extent of axis {axis} is not known: give input_shapes")
        return x.slice(axis, start, None if end > 0 else end)
    picked = range(*slice(start, end, step).indices(length)) if step > 0 else _backwards(start, end, step, length)
    if not len(picked) or step == 1:
        return part(b, x, axis, picked.start, picked.stop if len(picked) else picked.start)
    if step < 0:
        return x.take(np.fromiter(picked, np.int64), axis)
    return b.op("slice", x, begin=(None,) * axis + (picked.start,), end=(None,) * axis + (picked.stop,), step=(None,) * axis + (step,))


def _backwards(start, end, step, length):
    start = max(min(start + length if start < 0 else start, length - 1), 0)
    end = -1 if end < -length else end + length if end < 0 else min(end, length - 1)
    return range(start, end, step) if length else range(0)


@operator("Expand")
def expand(n, x, shape):
    """Broadcast against a shape."""
    wanted = shape.ints("the shape")
    return n.b.broadcast(x, common_shape([x.shape, tuple(wanted)]))


@operator("Tile")
def tile(n, x, repeats, axis=None):
    """Repeated along every axis; before opset 6 along one."""
    if n.opset < 6:
        reps = [1] * x.ndim
        reps[x.axis(int(axis.item("axis")))] = int(repeats.item("tiles"))
    else:
        reps = repeats.ints("repeats")
    if len(reps) != x.ndim or min(reps, default=1) < 0:
        raise OnnxError(f"repeats: expected {x.ndim} numbers, got {reps}")
    checked_size([abs(e) * r for e, r in zip(x.shape, reps)])
    if 0 in reps:
        return n.b.full([e * r for e, r in zip(x.full_shape(), reps)], 0, x.dtype)
    return n.b.op("tile", x, reps=tuple(reps)) if any(r != 1 for r in reps) else x


@operator("DepthToSpace", "SpaceToDepth")
def depth_space(n, x):
    """Blocks of pixels from channels, or the other way round."""
    block = n.int("blocksize")
    batch, channels, height, width = x.full_shape()
    if block is None or block < 1:
        raise OnnxError(f"blocksize: expected at least 1, got {block}")
    if n.op == "SpaceToDepth":
        return n.b.op("space_to_depth", x, block_size=block)
    if n.choice("mode", "DCR", "CRD") == "DCR":
        return n.b.op("depth_to_space", x, block_size=block)
    x = x.reshape(batch, channels // block**2, block, block, height, width).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, channels // block**2, height * block, width * block)


@operator("ConstantOfShape")
def constant_of_shape(n, shape):
    """One number everywhere."""
    value = n.attr("value")
    extents = shape.ints("the shape")
    return n.b.full(extents, 0, "float32") if value is None else n.b.full(extents, value.item("value"), value.dtype)


@operator("Range")
def range_(n, start, limit, delta):
    """Numbers from a start to below a limit."""
    first, last, step = (v.item("an input") for v in (start, limit, delta))
    if step == 0:
        raise OnnxError("delta: expected a number other than 0")
    count = max(int(np.ceil((last - first) / step)), 0)
    checked_size((count,))
    return n.b.constant((first + np.arange(count) * step).astype(start.host().dtype), start.dtype)


@operator("EyeLike")
def eye_like(n, x):
    """Ones on a diagonal."""
    rows, columns = x.full_shape()
    checked_size((rows, columns))
    dtype = NAMES[n.int("dtype")] if n.has("dtype") else x.dtype
    return n.b.constant(np.eye(rows, columns, n.int("k", 0)).astype(numpy_type(dtype)), dtype)


@operator("Trilu")
def trilu(n, x, k=None):
    """The triangle above or below a diagonal, zeros elsewhere."""
    rows, columns = x.full_shape()[-2:]
    checked_size((rows, columns))
    offset = 0 if k is None else int(k.item("k"))
    places = np.arange(columns)[None, :] - np.arange(rows)[:, None]
    keep = places >= offset if n.int("upper", 1) else places <= offset
    return n.b.where(n.b.constant(keep), x, n.b.scalar(0, x)) if x.size else x


@operator("CenterCropPad")
def center_crop_pad(n, x, shape):
    """Cut or padded about the middle."""
    axes = [x.axis(a) for a in n.ints("axes", list(range(x.ndim)))]
    for axis, want in zip(axes, shape.ints("the shape")):
        have = x.full_shape()[axis]
        if want <= have:
            x = part(n.b, x, axis, (have - want) // 2, (have - want) // 2 + want)
        else:
            before = (want - have) // 2
            x = padded(n.b, x, {axis: (before, want - have - before)}, n.b.scalar(0, x))
    return x


@operator("Pad")
def pad(n, x, pads=None, value=None, axes=None):
    """Before and behind every axis: with a constant, the edge, or what is mirrored or comes round again. Negative: cut off."""
    mode = n.choice("mode", "constant", "reflect", "edge", "wrap")
    amounts = pads.ints("pads") if pads is not None else n.ints("pads", n.ints("paddings"))
    if n.opset < 11:
        value = n.b.scalar(n.float("value", 0.0), x)
    value = n.b.scalar(0, x) if value is None else value
    axes = [x.axis(a) for a in axes.ints("axes")] if axes is not None else list(range(x.ndim))
    if len(amounts) != 2 * len(axes):
        raise OnnxError(f"pads: expected {2 * len(axes)} numbers, got {len(amounts)}")
    amounts = {a: (amounts[i], amounts[i + len(axes)]) for i, a in enumerate(axes)}
    if mode == "constant":
        return padded(n.b, x, amounts, value)
    for axis, (before, behind) in amounts.items():
        if before or behind:
            length = x.full_shape()[axis]
            checked_size((length + before + behind,))
            x = x.take(_places(np.arange(-before, length + behind), length, mode), axis)
    return x


def _places(places, length, mode):
    if mode == "edge":
        return np.clip(places, 0, length - 1)
    if mode == "wrap" or length == 1:
        return places % length
    places = np.abs(places) % (2 * length - 2)
    return np.where(places < length, places, 2 * length - 2 - places)


def padded(b, x, amounts, value):
    """x with constants before and behind axes; `value` is a value of one element."""
    for axis, (before, behind) in amounts.items():
        if before < 0 or behind < 0:
            x = part(b, x, axis, max(-before, 0), x.full_shape()[axis] + min(behind, 0))
    amounts = {a: (max(p, 0), max(q, 0)) for a, (p, q) in amounts.items() if max(p, 0) or max(q, 0)}
    if amounts and min(amounts) > 1 and x.ndim in (4, 5) and x.floating and value.known and not x.known:
        widths = [w for a in range(x.ndim) for w in amounts.get(a, (0, 0))]
        return b.op("Pad", x, mode="constant", pad_width=tuple(widths), constant_value=value.item())
    for axis, widths in amounts.items():
        checked_size([e + sum(widths) if i == axis else abs(e) for i, e in enumerate(x.shape)])
        shapes = [[width if i == axis else e for i, e in enumerate(x.full_shape())] for width in widths]
        before, behind = (b.broadcast(value, s) if value.ndim == 0 else b.broadcast(value.reshape(()), s) for s in shapes)
        x = b.concat([v for v, width in zip((before, x, behind), (widths[0], 1, widths[1])) if width], axis)
    return x
