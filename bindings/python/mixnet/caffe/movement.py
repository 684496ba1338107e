"""Joining, cutting and reshaping."""

from .. import symbol as sym
from .model import converts


def _axis(part, old, default=1):
    return part.integer("axis", part.integer(old, default))


@converts("Concat")
def concat(net, layer, inputs):
    return [sym.Concat(*inputs, dim=_axis(layer.part("concat_param"), "concat_dim"), num_args=len(inputs), name=layer.name)]


@converts("Slice")
def slice_(net, layer, inputs):
    part = layer.part("slice_param")
    axis, points = _axis(part, "slice_dim"), part.integers("slice_point")
    if not points:
        parts = sym.SliceChannel(inputs[0], num_outputs=len(layer.tops), axis=axis, name=layer.name)
        return [parts[i] for i in range(len(layer.tops))]
    if len(points) != len(layer.tops) - 1 or sorted(set(points)) != points or points[0] < 1:
        layer.fail("slice_point", f"{len(layer.tops) - 1} increasing numbers", points)
    ends = zip([0, *points], [*points, None])
    return [sym.slice_axis(inputs[0], axis=axis, begin=begin, end=end, name=f"{layer.name}_{i}") for i, (begin, end) in enumerate(ends)]


@converts("Flatten")
def flatten(net, layer, inputs):
    part = layer.part("flatten_param")
    axis, end = part.integer("axis", 1), part.integer("end_axis", -1)
    if (axis, end) == (1, -1):
        return [sym.Flatten(inputs[0], name=layer.name)]
    shape = net.shape(inputs[0])
    if shape is None or not 0 <= axis % len(shape) <= end % len(shape):
        layer.fail("axis", "1 to -1, or axes of an input of known shape", (axis, end))
    axis, end = axis % len(shape), end % len(shape)
    return [sym.Reshape(inputs[0], shape=(0,) * axis + (-1,) + shape[end + 1 :], name=layer.name)]


@converts("Reshape")
def reshape(net, layer, inputs):
    part = layer.part("reshape_param")
    axis, count, dims = part.integer("axis", 0), part.integer("num_axes", -1), part.part("shape").integers("dim")
    if any(d < -1 for d in dims) or axis < 0 or axis > 32:
        layer.fail("shape", "extents of -1 and more, and an axis from the front", (axis, dims))
    if count == -1:
        return [sym.Reshape(inputs[0], shape=(0,) * axis + tuple(dims), name=layer.name)]
    shape = net.shape(inputs[0])
    if shape is None or axis + count > len(shape):
        layer.fail("num_axes", "-1, or axes of an input of known shape", count)
    dims = [shape[axis + i] if d == 0 and i < count else d for i, d in enumerate(dims)]
    return [sym.Reshape(inputs[0], shape=(*shape[:axis], *dims, *shape[axis + count :]), name=layer.name)]


@converts("Permute")
def permute(net, layer, inputs):
    order = layer.part("permute_param").integers("order")
    shape = net.shape(inputs[0])
    rank = len(shape) if shape else max(4, len(order))
    order += [i for i in range(rank) if i not in order]
    return [sym.transpose(inputs[0], axes=tuple(order), name=layer.name)]


@converts("Tile")
def tile(net, layer, inputs):
    part, shape = layer.part("tile_param"), net.shape(inputs[0])
    axis, times = part.integer("axis", 1), part.integer("tiles", 1)
    rank = len(shape) if shape else 4
    if not 0 <= axis < rank or times < 1:
        layer.fail("axis", f"an axis below {rank} and a positive number of tiles", (axis, times))
    return [sym.tile(inputs[0], reps=tuple(times if i == axis else 1 for i in range(rank)), name=layer.name)]


@converts("Crop")
def crop(net, layer, inputs):
    """The first input cut to the extents of the second, from `axis` on."""
    part = layer.part("crop_param")
    axis, offsets = part.integer("axis", 2), part.integers("offset") or [0]
    if len(inputs) != 2 or not 0 <= axis < 4:
        layer.fail("bottom", "two inputs and an axis from 0 to 3", (len(inputs), axis))
    axes = tuple(range(axis, 4))
    offsets = offsets * len(axes) if len(offsets) == 1 else offsets
    if len(offsets) != len(axes):
        layer.fail("offset", f"1 or {len(axes)} numbers", len(offsets))
    value = inputs[0]
    if any(offsets):
        value = sym.slice(value, begin=(None,) * axis + tuple(offsets), end=(None,) * 4)
    return [sym.slice_like(value, inputs[1], axes=axes, name=layer.name)]


@converts("ROIPooling")
def roi_pooling(net, layer, inputs):
    part = layer.part("roi_pooling_param")
    size = (part.integer("pooled_h", 0), part.integer("pooled_w", 0))
    return [sym.ROIPooling(*inputs[:2], pooled_size=size, spatial_scale=part.number("spatial_scale", 1), name=layer.name)]
