"""Resize and Upsample: every axis for itself, by picking elements or by a matrix of weights made when the model is read."""

import math

import numpy as np

from ..builder import checked_size
from ..errors import OnnxError
from ..table import operator


def _sources(mode, length, scale, count, region):
    """Where in the input the elements of an axis come from."""
    i, whole = np.arange(count, dtype=np.float64), scale * length
    if mode == "align_corners":
        return i * (length - 1) / (whole - 1) if whole > 1 else np.zeros(count)
    if mode == "asymmetric":
        return i / scale
    if mode == "tf_crop_and_resize":
        start, end = region
        if count == 1:
            return np.full(1, 0.5 * (start + end) * (length - 1))
        return start * (length - 1) + i * (end - start) * (length - 1) / (count - 1)
    if mode == "pytorch_half_pixel" and count == 1:
        return np.zeros(count)
    offset = length / 2 * (1 - count / whole) if mode == "half_pixel_symmetric" else 0.0
    return offset + (i + 0.5) / scale - 0.5


def _nearest(places, mode, length):
    functions = {
        "round_prefer_floor": lambda v: np.ceil(v - 0.5), "round_prefer_ceil": lambda v: np.floor(v + 0.5), "floor": np.floor, "ceil": np.ceil
    }  # fmt: skip
    return np.clip(functions[mode](places), 0, length - 1).astype(np.int64)


def _kernel(mode, a):
    """(half width, function) of an interpolation's kernel."""
    if mode == "linear":
        return 1, lambda v: np.clip(1 - np.abs(v), 0, 1)

    def cubic(v):
        v = np.abs(v)
        inner, outer = ((a + 2) * v - (a + 3)) * v * v + 1, ((a * v - 5 * a) * v + 8 * a) * v - 4 * a
        return np.where(v <= 1, inner, np.where(v < 2, outer, 0.0))

    return 2, cubic


def weights(places, length, mode, scale, a, antialias, exclude):
    """The matrix (outputs, inputs) that interpolates at places; beyond the ends the last elements go on."""
    half, kernel = _kernel(mode, a)
    narrow = min(scale, 1.0) if antialias else 1.0
    reach = math.ceil(half / narrow)
    base = np.floor(places)
    matrix = np.zeros((len(places), length))
    taps = np.arange(-reach, reach + 2)
    at = base[:, None] + taps[None, :]
    amounts = kernel(narrow * (at - places[:, None]))
    if exclude:
        amounts = np.where((at < 0) | (at >= length), 0.0, amounts)
    if exclude or antialias:
        amounts = amounts / amounts.sum(1, keepdims=True)
    rows = np.broadcast_to(np.arange(len(places))[:, None], at.shape)
    np.add.at(matrix, (rows, np.clip(at, 0, length - 1).astype(np.int64)), amounts)
    return matrix


def _scales(n, x, axes, scales, sizes):
    """(scale, outputs) per axis."""
    lengths = [x.full_shape()[a] if x.shape[a] < 0 else x.shape[a] for a in axes]
    if sizes is None:
        return [(float(s), int(math.floor(e * s))) for e, s in zip(lengths, scales)]
    policy = n.choice("keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller")
    if policy == "stretch":
        return [(o / e, o) for e, o in zip(lengths, sizes)]
    scale = (min if policy == "not_larger" else max)(o / e for e, o in zip(lengths, sizes))
    return [(scale, int(math.floor(scale * e + 0.5))) for e in lengths]


@operator("Resize", since=11)
def resize(n, x, roi=None, scales=None, sizes=None):
    """To sizes or by scales."""
    axes = [x.axis(a) for a in n.ints("axes", list(range(x.ndim)))]
    scales = scales.host("the scales").ravel().tolist() if scales is not None and scales.size else None
    sizes = sizes.ints("the sizes") if sizes is not None and sizes.size else None
    if (scales is None) == (sizes is None) or len(scales or sizes) != len(axes):
        raise OnnxError(f"expected either scales or sizes for {len(axes)} axes")
    region = roi.host("the roi").ravel().tolist() if roi is not None and roi.size else [0.0] * len(axes) + [1.0] * len(axes)
    return _resized(n, x, axes, scales, sizes, region, n.attr("coordinate_transformation_mode", "half_pixel"))


@operator("Resize", since=10)
@operator("Upsample", since=7)
def resize_old(n, x, scales=None):
    """By scales, from the corner."""
    scales = list(n.attr("scales", [])) if scales is None else scales.host("the scales").ravel().tolist()
    if len(scales) != x.ndim:
        raise OnnxError(f"scales: expected {x.ndim}, got {len(scales)}")
    return _resized(n, x, list(range(x.ndim)), scales, None, [0.0] * x.ndim + [1.0] * x.ndim, "asymmetric")


def _resized(n, x, axes, scales, sizes, region, transformation):
    mode = {"bilinear": "linear"}.get(n.attr("mode", "nearest"), n.attr("mode", "nearest"))
    if mode not in ("nearest", "linear", "cubic"):
        raise OnnxError(f"mode: expected nearest, linear or cubic, got {mode!r}")
    nearest = n.attr("nearest_mode", "floor" if n.opset < 11 else "round_prefer_floor")
    kind, outside = x.dtype, None
    for i, (axis, (scale, count)) in enumerate(zip(axes, _scales(n, x, axes, scales, sizes))):
        length = x.shape[axis]
        if scale <= 0 or count < 1 or length < 1:
            raise OnnxError(f"axis {axis}: cannot make {count} elements of {length}")
        checked_size([e if k != axis else count for k, e in enumerate(map(abs, x.shape))])
        places = _sources(transformation, length, scale, count, (region[i], region[len(axes) + i]))
        if transformation == "tf_crop_and_resize":
            here = ((places < 0) | (places > length - 1)).reshape([-1 if k == axis else 1 for k in range(x.ndim)])
            outside = here if outside is None else outside | here
        elif count == length and scale == 1.0:
            continue
        if mode == "nearest":
            x = x.take(_nearest(places, nearest, length), axis)
            continue
        checked_size((count, length))
        matrix = weights(places, length, mode, scale, n.float("cubic_coeff_a", -0.75), n.int("antialias", 0), n.int("exclude_outside", 0))
        x = _applied(n.b, x if x.floating else x.cast("float32"), axis, matrix)
    if outside is not None and outside.any():
        x = n.b.where(n.b.constant(outside), n.b.scalar(n.float("extrapolation_value", 0.0), x), x)
    return x if x.dtype == kind else x.cast(kind)


def _applied(b, x, axis, matrix):
    weight = b.constant(np.ascontiguousarray(matrix.T).astype("float32")).cast(x.dtype)
    if axis == x.ndim - 1:
        return b.matmul(x, weight)
    order = [i for i in range(x.ndim) if i != axis] + [axis]
    return b.matmul(x.transpose(order), weight).transpose([order.index(i) for i in range(x.ndim)])
