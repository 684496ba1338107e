"""Cutting and joining along axes."""

from .builder import FURTHEST
from .table import converts, refuse


@converts("Concat")
def concat(b, n):
    return b.node("Concat", n.inputs, axis=n.axis("dim", 1))


@converts("stack")
def stack(b, n):
    axis = n.axis(rank=n.rank() + 1)
    return b.node("Concat", [b.unsqueeze(v, [axis]) for v in n.inputs], axis=axis)


def _parts(b, n, axis, sizes):
    values = b.split(n.inputs[0], sizes, axis)
    return [b.squeeze(v, [axis]) for v in values] if n.flag("squeeze_axis") else values


def _fixed(n, axis):
    extent = n.in_shapes[0][axis]
    return extent if isinstance(extent, int) else refuse(n, "expected a fixed extent along the axis")


@converts("SliceChannel")
def slice_channel(b, n):
    axis, count = n.axis(default=1), n.get("num_outputs")
    return _parts(b, n, axis, [_fixed(n, axis) // count] * count)


@converts("_split_v2")
def split_v2(b, n):
    axis, sections = n.axis(default=1), n.get("sections", 0)
    extent = _fixed(n, axis)
    if sections:
        return _parts(b, n, axis, [extent // sections + (i < extent % sections) for i in range(sections)])
    begins = [min(i, extent) for i in n.ints("indices")]
    return _parts(b, n, axis, [max(end - begin, 0) for begin, end in zip(begins, [*begins[1:], extent])])


@converts("slice")
def slice_(b, n):
    begin, end = n.ints("begin"), n.ints("end")
    steps = [s or 1 for s in n.ints("step")] or [1] * len(begin)
    steps += [1] * (len(begin) - len(steps))
    begins = [(0 if s > 0 else FURTHEST) if v is None else v for v, s in zip(begin, steps)]
    ends = [(FURTHEST if s > 0 else -FURTHEST) if v is None else v for v, s in zip(end, steps)]
    return b.slice(n.inputs[0], begins, ends, range(len(begin)), steps)


@converts("slice_axis")
def slice_axis(b, n):
    return b.slice(n.inputs[0], [n.get("begin")], [n.get("end", FURTHEST)], [n.axis()])


@converts("slice_like")
def slice_like(b, n):
    axes = [a % n.rank() for a in n.ints("axes")] or list(range(n.rank(1)))
    ends = b.node("Gather", [b.node("Shape", n.inputs[1:]), b.const(axes)], axis=0)
    return b.node("Slice", [n.inputs[0], b.const([0] * len(axes)), ends, b.const(axes)])


@converts("Crop")
def crop(b, n):
    out, extents = n.out_shapes[0][2:], n.in_shapes[0][2:]
    if not all(isinstance(e, int) for e in (*out, *extents)):
        refuse(n, "expected fixed spatial extents")
    offset = [(e - o) // 2 for e, o in zip(extents, out)] if n.flag("center_crop") else list(n.ints("offset"))
    return b.slice(n.inputs[0], offset, [o + e for o, e in zip(offset, out)], [2, 3])
