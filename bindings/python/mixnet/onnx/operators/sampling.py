"""Sampling at places between elements: grids, regions, deformed convolutions; and choosing boxes."""

import itertools

import numpy as np

from ..errors import OnnxError
from ..table import operator
from .neural import spatial


def _clipped(v, low, high):
    return v.builder.binary("minimum", v.builder.binary("maximum", v, low), high)


def _reflected(v, low, high):
    span = high - low
    if span <= 0:
        return v * 0.0
    turned = (v - low) % (2.0 * span)
    return v.builder.scalar(span + low, v) - (turned - span).unary("abs")


def _taps(v, mode):
    """(offset place, weight) of every element that a coordinate reads on one axis."""
    if mode == "nearest":
        down = v.unary("floor")
        rest = v - down
        return [(down + (rest > 0.5).cast(v.dtype) + rest.equal(0.5).cast(v.dtype) * (down % 2.0), None)]
    down = v.unary("floor")
    t = v - down
    if mode == "linear":
        return [(down, v.builder.scalar(1, t) - t), (down + 1.0, t)]
    a, one = -0.75, v.builder.scalar(1, t)
    near, far = lambda d: ((d * (a + 2) - (a + 3)) * d * d) + 1.0, lambda d: ((d * a - 5 * a) * d + 8 * a) * d - 4 * a
    return [(down - 1.0, far(t + 1.0)), (down, near(t)), (down + 1.0, near(one - t)), (down + 2.0, far(one + one - t))]


def sampled(b, x, coordinates, mode, padding, bounds):
    """x (batch, channels, ...) at coordinates per spatial axis, each (batch, places): (batch, places, channels)."""
    last = x.transpose(0, *range(2, x.ndim), 1)
    lengths, total = x.full_shape()[2:], None
    batch = np.broadcast_to(np.arange(x.shape[0], dtype=np.int64)[:, None], coordinates[0].full_shape())
    for taps in itertools.product(*[_taps(v, mode) for v in coordinates]):
        weight, index = None, [b.constant(batch)]
        for (place, amount), length, (low, high) in zip(taps, lengths, bounds):
            factors = [] if amount is None else [amount]
            if padding == "reflection":
                place = _reflected(place, low, high)
            elif padding == "zeros":
                factors.append((place >= 0.0).cast(x.dtype) * (place <= float(length - 1)).cast(x.dtype))
            index.append(_clipped(place, 0.0, float(length - 1)).cast("int64"))
            for factor in factors:
                weight = factor if weight is None else weight * factor
        value = b.op("gather_nd", last, b.stack(index, 0))
        value = value if weight is None else value * b.op("expand_dims", weight, axis=2)
        total = value if total is None else total + value
    return total


@operator("GridSample")
def grid_sample(n, x, grid):
    """An image (or volume) read at places that a grid gives in the range -1 to 1."""
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(n.attr("mode", "linear"), n.attr("mode", "linear"))
    padding = n.choice("padding_mode", "zeros", "border", "reflection")
    if mode not in ("linear", "nearest", "cubic"):
        raise OnnxError(f"mode: expected linear, nearest or cubic, got {mode!r}")
    corners, axes = n.int("align_corners", 0), x.ndim - 2
    batch, *places, last = grid.full_shape()
    if last != axes or batch != x.full_shape()[0]:
        raise OnnxError(f"grid: {grid.shape} does not fit an input of shape {x.shape}")
    coordinates, bounds = [], []
    for i, length in enumerate(x.shape[2:]):
        v = grid.slice(grid.ndim - 1, axes - 1 - i, axes - i).reshape(batch, -1)
        v = (v + 1.0) * ((length - 1) / 2) if corners else ((v + 1.0) * float(length) - 1.0) / 2.0
        low, high = (0.0, length - 1.0) if corners else (-0.5, length - 0.5)
        if padding == "border":
            v = _clipped(v, 0.0, length - 1.0)
        elif padding == "reflection":
            v = _reflected(v, low, high)
        coordinates.append(v)
        bounds.append((low, high))
    out = sampled(n.b, x, coordinates, mode, padding, bounds)
    return out.transpose(0, 2, 1).reshape(batch, x.shape[1], *places)


@operator("AffineGrid")
def affine_grid(n, theta, size):
    """The places that an affine map sends a regular grid to."""
    _, _, *extents = size.ints("the size")
    steps = []
    for extent in extents[::-1]:
        line = np.linspace(-1, 1, extent) if n.int("align_corners", 0) else (2 * np.arange(extent) + 1) / extent - 1
        steps.append(line)
    mesh = np.meshgrid(*steps[::-1], indexing="ij")[::-1]
    base = np.stack([*[m.ravel() for m in mesh], np.ones(mesh[0].size)], 0)
    out = n.b.matmul(theta, n.b.constant(base.astype("float32")).cast(theta.dtype))
    return out.transpose(0, 2, 1).reshape(theta.full_shape()[0], *extents, len(extents))


@operator("RoiAlign")
def roi_align(n, x, regions, batch):
    """Means over regions; `max` takes the largest of the samples' four weighted elements."""
    if n.choice("mode", "avg", "max") == "max":
        raise OnnxError("mode 'max' is not supported")
    aligned = n.opset >= 16 and n.attr("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    boxes = n.b.concat([batch.cast(regions.dtype).reshape(-1, 1), regions], 1)
    pooled = (n.int("output_height", 1), n.int("output_width", 1))
    ratio = n.int("sampling_ratio", 0)
    return n.b.op("_contrib_ROIAlign", x, boxes, pooled_size=pooled, spatial_scale=n.float("spatial_scale", 1.0), sample_ratio=ratio or -1, aligned=aligned)


@operator("MaxRoiPool")
def max_roi_pool(n, x, regions):
    """The largest elements in the parts of regions (batch, x1, y1, x2, y2)."""
    pooled = n.ints("pooled_shape")
    if pooled is None or len(pooled) != 2 or min(pooled) < 1:
        raise OnnxError(f"pooled_shape: expected two positive numbers, got {pooled}")
    return n.b.op("ROIPooling", x, regions, pooled_size=tuple(pooled), spatial_scale=n.float("spatial_scale", 1.0))


@operator("DeformConv", since=19)
def deform_conv(n, x, weight, offset, bias=None, mask=None):
    """A convolution whose elements are read at moved places."""
    b, kernel = n.b, weight.full_shape()[2:]
    strides, dilations, before, behind = spatial(n, x, kernel)
    groups, parts = n.int("group", 1), n.int("offset_group", 1)
    batch, channels = x.full_shape()[:2]
    outs, taps = offset.full_shape()[2:], list(np.ndindex(*kernel))
    width, columns = channels // parts, []
    for p in range(parts):
        own = x.slice(1, p * width, (p + 1) * width)
        for t, place in enumerate(taps):
            coordinates = []
            for i, at in enumerate(place):
                line = np.arange(outs[i]) * strides[i] + at * dilations[i] - before[i]
                base = np.broadcast_to(line.reshape([-1 if k == i else 1 for k in range(len(outs))]), outs).reshape(1, -1)
                row = (p * len(taps) + t) * len(kernel) + i
                coordinates.append(offset.slice(1, row, row + 1).reshape(batch, -1) + b.constant(base.astype("float32")).cast(x.dtype))
            value = sampled(b, own, coordinates, "linear", "zeros", [(0, 0)] * len(kernel))
            if mask is not None:
                value = value * mask.slice(1, p * len(taps) + t, p * len(taps) + t + 1).reshape(batch, -1, 1)
            columns.append(value)
    blocks = [b.stack(columns[p * len(taps) : (p + 1) * len(taps)], 3) for p in range(parts)]
    table = b.concat(blocks, 2)
    filters, each = weight.shape[0] // groups, channels // groups
    results = []
    for g in range(groups):
        left = table.slice(2, g * each, (g + 1) * each).reshape(batch, -1, each * len(taps))
        results.append(b.matmul(left, weight.slice(0, g * filters, (g + 1) * filters).reshape(filters, -1).transpose(1, 0)))
    out = b.concat(results, 2).transpose(0, 2, 1).reshape(batch, weight.shape[0], *outs)
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(kernel))


@operator("NonMaxSuppression")
def non_max_suppression(n, boxes, scores, most=None, overlap=None, lowest=None):
    """(batch, class, box) of the boxes kept, best first, on the host."""
    most = 0 if most is None else int(most.item("the limit"))
    overlap = 0.0 if overlap is None else overlap.item("iou_threshold")
    floor = -np.inf if lowest is None else lowest.item("score_threshold")
    corners = boxes.host("the boxes").astype(np.float64)
    if n.int("center_point_box", 0):
        middle, size = corners[..., :2], corners[..., 2:]
        corners = np.concatenate([middle - size / 2, middle + size / 2], -1)
    low, high = np.minimum(corners[..., :2], corners[..., 2:]), np.maximum(corners[..., :2], corners[..., 2:])
    area, kept = np.prod(high - low, -1), []
    values = scores.host("the scores")
    for image, kind in np.ndindex(*values.shape[:2]):
        own, chosen = values[image, kind], []
        for box in np.argsort(-own, kind="stable"):
            if len(chosen) >= most or own[box] <= floor:
                break
            size = np.clip(np.minimum(high[image, box], high[image, chosen]) - np.maximum(low[image, box], low[image, chosen]), 0, None)
            shared = np.prod(size, -1)
            if not np.any(shared > overlap * (area[image, box] + area[image, chosen] - shared)):
                chosen.append(box)
        kept += [(image, kind, box) for box in chosen]
    return n.b.constant(np.asarray(kept, np.int64).reshape(-1, 3))
