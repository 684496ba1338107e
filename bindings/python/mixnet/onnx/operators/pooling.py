"""Pooling: the library's operator where it can say what is asked for, else window elements one by one."""

import numpy as np

from ..errors import OnnxError
from ..table import operator
from .neural import around, spatial
from .shape import padded, sliced

_PLACES = 4096


def _extents(n, x, kernel):
    """(strides, dilations, before, behind, outputs): `behind` may be made longer by ceil_mode."""
    strides, dilations, before, behind = spatial(n, x, kernel)
    outputs, ends = [], []
    for extent, k, s, d, p, q in zip(x.full_shape()[2:], kernel, strides, dilations, before, behind):
        room = extent + p + q - (k - 1) * d - 1
        if room < 0:
            raise OnnxError(f"kernel: {k} elements do not fit {extent}")
        count = room // s + 1
        if n.int("ceil_mode", 0):
            count = -(-room // s) + 1
            if (count - 1) * s >= extent + p:
                count -= 1
        outputs.append(count)
        ends.append(max((count - 1) * s + (k - 1) * d + 1 - extent - p, 0))
    return strides, dilations, before, behind, outputs, ends


def windows(b, x, kernel, strides, dilations, outputs):
    """The elements that windows have at each place, a list in row-major order of the places; x is padded already."""
    if np.prod(kernel, dtype=np.float64) > _PLACES:
        raise OnnxError(f"kernel: places in windows of more than {_PLACES} elements are not supported")
    result = [x]
    for i in range(len(kernel)):
        result = [part for value in result for part in _along(value, 2 + i, kernel[i], strides[i], dilations[i], outputs[i])]
    return result


def _pooled(b, x, kind, kernel, strides, dilations, outputs):
    """The largest element ('max') or the sum ('avg') of windows of a padded x."""
    if x.floating and len(kernel) <= 3 and all(d == 1 for d in dilations):
        out = b.op("Pooling", x, pool_type=kind, kernel=tuple(kernel), stride=tuple(strides))
        return out if kind == "max" else out * float(np.prod(kernel))
    return combined(b, "maximum" if kind == "max" else "add", x, kernel, strides, dilations, outputs)


def _along(x, axis, kernel, stride, dilation, count):
    return [sliced(x.builder, x, axis, k * dilation, k * dilation + (count - 1) * stride + 1, stride) for k in range(kernel)]


def combined(b, kind, x, kernel, strides, dilations, outputs):
    """Windows combined by 'maximum' or 'add', one axis after the other; x is padded already."""
    if sum(kernel) > _PLACES:
        raise OnnxError(f"kernel: windows of more than {_PLACES} elements along their axes are not supported")
    for i in range(len(kernel)):
        parts = _along(x, 2 + i, kernel[i], strides[i], dilations[i], outputs[i])
        x = parts[0]
        for value in parts[1:]:
            x = b.binary(kind, x, value)
    return x


def _simple(n, x, kernel):
    """Parameters of Pooling, or None when it cannot say it."""
    if n.int("ceil_mode", 0) or any(d != 1 for d in n.ints("dilations") or [1]) or not x.floating or len(kernel) > 3:
        return None
    if n.attr("auto_pad", "NOTSET").startswith("SAME") and not x.static:
        return None
    strides, _, before, behind = spatial(n, x, kernel)
    if before != behind or min(before) < 0 or any(p >= k for p, k in zip(before, kernel)):
        return None
    return dict(kernel=tuple(kernel), stride=tuple(strides), pad=tuple(before))


@operator("MaxPool")
def max_pool(n, x):
    """The largest element of every window, and its place in the flattened input when asked for."""
    kernel = n.ints("kernel_shape") or []
    simple = None if n.wants(1) else _simple(n, x, kernel)
    if simple is not None:
        return n.b.op("Pooling", x, pool_type="max", **simple)
    strides, dilations, before, _, outputs, ends = _extents(n, x, kernel)
    low = -np.inf if x.floating else np.iinfo(x.dtype).min
    padded_x = around(n.b, x, before, ends, low)
    result = _pooled(n.b, padded_x, "max", kernel, strides, dilations, outputs)
    if not n.wants(1):
        return result
    parts = windows(n.b, padded_x, kernel, strides, dilations, outputs)
    return result, _places(n, x, parts, kernel, strides, dilations, before, outputs)


def _places(n, x, parts, kernel, strides, dilations, before, outputs):
    spread = n.b.stack(parts, 0)
    spread = spread if spread.floating else spread.cast("int32")
    best = n.b.op("argmax", spread, axis=0).cast("int64")
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(1, x.shape[0], x.shape[1], *[1] * len(kernel)) * int(np.prod(x.shape[2:]))
    table = np.broadcast_to(planes, (len(parts), *x.shape[:2], *outputs)).astype(np.int64)
    order = list(range(len(kernel)))
    steps = np.cumprod([1, *x.shape[:1:-1]])[:-1]
    steps = np.cumprod([1, *x.shape[2:]])[:-1] if n.int("storage_order", 0) else steps[::-1]
    for i in order:
        at = np.asarray([place[i] for place in np.ndindex(*kernel)]) * dilations[i] - before[i]
        where = at[:, None] + np.arange(outputs[i])[None, :] * strides[i]
        table = table + (where * steps[i]).reshape(len(parts), 1, 1, *[outputs[i] if k == i else 1 for k in order])
    flat = n.b.constant(table.reshape(len(table), -1))
    index = n.b.stack([best.reshape(-1), n.b.constant(np.arange(flat.shape[1], dtype=np.int64))], 0)
    return n.b.op("gather_nd", flat, index).reshape(*best.shape)


@operator("AveragePool")
def average_pool(n, x):
    """Means of windows, over what lies inside the input or with the padding, but not what ceil_mode reaches beyond it."""
    kernel = n.ints("kernel_shape") or []
    simple, padding = _simple(n, x, kernel), bool(n.int("count_include_pad", 0))
    if simple is not None:
        return n.b.op("Pooling", x, pool_type="avg", count_include_pad=padding, **simple)
    strides, dilations, before, behind, outputs, ends = _extents(n, x, kernel)
    total = _pooled(n.b, around(n.b, x, before, ends), "avg", kernel, strides, dilations, outputs)
    ones = np.ones((1, 1, *x.shape[2:]), "float32")
    ones = np.pad(ones, [(0, 0), (0, 0), *((p, min(q, e)) for p, q, e in zip(before, behind, ends))], constant_values=float(padding))
    ones = np.pad(ones, [(0, 0), (0, 0), *((0, max(e - q, 0)) for q, e in zip(behind, ends))])
    counts = combined(n.b, "add", n.b.constant(ones), kernel, strides, dilations, outputs)
    return total / n.b.binary("maximum", counts, 1).cast(x.dtype)


@operator("LpPool")
def lp_pool(n, x):
    """p-norms of windows."""
    kernel, p = n.ints("kernel_shape") or [], n.int("p", 2)
    strides, dilations, before, _, outputs, ends = _extents(n, x, kernel)
    total = combined(n.b, "add", around(n.b, x.unary("abs") ** p, before, ends), kernel, strides, dilations, outputs)
    return total ** (1.0 / p)


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(n, x):
    """Over all spatial axes."""
    axes = list(range(2, x.ndim))
    if n.op == "GlobalLpPool":
        return n.b.reduce("sum", x.unary("abs") ** n.int("p", 2), axes) ** (1.0 / n.int("p", 2))
    if x.floating and 3 <= x.ndim <= 5:
        kind = "avg" if n.op == "GlobalAveragePool" else "max"
        return n.b.op("Pooling", x, global_pool=True, pool_type=kind, kernel=(1,) * (x.ndim - 2))
    return n.b.reduce("mean" if n.op == "GlobalAveragePool" else "max", x, axes)


@operator("MaxUnpool")
def max_unpool(n, x, places, shape=None):
    """Elements written back to the places that MaxPool gave."""
    kernel, strides = n.ints("kernel_shape"), n.ints("strides") or [1] * (x.ndim - 2)
    pads = n.ints("pads") or [0] * 2 * len(kernel)
    ends = zip(x.full_shape()[2:], strides, kernel, pads[: len(kernel)], pads[len(kernel) :])
    own = [*x.shape[:2], *[(e - 1) * s + k - p - q for e, s, k, p, q in ends]]
    size = int(np.prod(own))
    flat = n.b.op("scatter_nd", x.reshape(-1), places.reshape(1, -1), shape=(size,))
    out = flat.reshape(own)
    if shape is None:
        return out
    wanted = shape.ints("output_shape")
    if wanted == own:
        return out
    return padded(n.b, out, {i: (0, w - o) for i, (o, w) in enumerate(zip(own, wanted))}, n.b.scalar(0, out))
