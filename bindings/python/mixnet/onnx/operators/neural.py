"""Convolutions and dropout."""

import math

import numpy as np

from ..errors import OnnxError
from ..table import operator
from .shape import padded, part


def spatial(n, x, kernel):
    """(strides, dilations, pads before, pads behind) of a window operator; auto_pad is worked out."""
    count = len(kernel)
    if x.ndim != count + 2 or count < 1 or any(k < 1 for k in kernel):
        raise OnnxError(f"kernel {tuple(kernel)} does not fit an input of shape {x.shape}")
    strides, dilations = n.ints("strides") or [1] * count, n.ints("dilations") or [1] * count
    pads = n.ints("pads") or [0] * 2 * count
    if len(strides) != count or len(dilations) != count or len(pads) != 2 * count or min(*strides, *dilations) < 1:
        raise OnnxError(f"strides, dilations, pads: expected {count} positive numbers (pads twice as many)")
    mode = n.choice("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
    if mode == "NOTSET":
        return strides, dilations, pads[:count], pads[count:]
    if mode == "VALID":
        return strides, dilations, [0] * count, [0] * count
    before, behind = [], []
    for extent, k, s, d in zip(x.full_shape()[2:], kernel, strides, dilations):
        total = max((math.ceil(extent / s) - 1) * s + (k - 1) * d + 1 - extent, 0)
        small, large = total // 2, total - total // 2
        before.append(small if mode == "SAME_UPPER" else large)
        behind.append(large if mode == "SAME_UPPER" else small)
    return strides, dilations, before, behind


def around(b, x, before, behind, number=0.0):
    """x with a number around its spatial axes."""
    amounts = {2 + i: pair for i, pair in enumerate(zip(before, behind)) if any(pair)}
    return padded(b, x, amounts, b.scalar(number, x)) if amounts else x


def convolve(n, x, weight, bias=None):
    """The convolution that a node's attributes describe."""
    kernel = weight.full_shape()[2:]
    if n.ints("kernel_shape", list(kernel)) != list(kernel):
        raise OnnxError(f"kernel_shape: expected {list(kernel)} as the weight has it, got {n.ints('kernel_shape')}")
    strides, dilations, before, behind = spatial(n, x, kernel)
    if before != behind or min(before) < 0:
        x, before = around(n.b, x, before, behind), [0] * len(kernel)
    inputs = (x, weight) if bias is None else (x, weight, bias)
    return n.b.op(
        "Convolution", *inputs, kernel=tuple(kernel), stride=tuple(strides), dilate=tuple(dilations), pad=tuple(before),
        num_filter=weight.shape[0], num_group=n.int("group", 1), no_bias=bias is None,
    )  # fmt: skip


@operator("Conv")
def conv(n, x, weight, bias=None):
    """In one to three dimensions, grouped and dilated."""
    return convolve(n, x, weight, bias)


@operator("ConvTranspose")
def conv_transpose(n, x, weight, bias=None):
    """The gradient of a convolution by its input: made whole, then cut or padded to the size that is asked for."""
    kernel = weight.full_shape()[2:]
    strides, dilations, before, behind = spatial(n, x, kernel) if not n.attr("auto_pad", "NOTSET").startswith("SAME") else _loose(n, kernel)
    extra = n.ints("output_padding") or [0] * len(kernel)
    group = n.int("group", 1)
    whole = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    if n.has("output_shape") or n.attr("auto_pad", "NOTSET").startswith("SAME"):
        extents = x.full_shape()[2:]
        wanted = (n.ints("output_shape") or [e * s for e, s in zip(extents, strides)])[-len(kernel) :]
        total = [s * (e - 1) + p + w - o for e, s, p, w, o in zip(extents, strides, extra, whole, wanted)]
        small = [t // 2 for t in total]
        large = [t - s for t, s in zip(total, small)]
        before, behind = (small, large) if n.attr("auto_pad") == "SAME_UPPER" else (large, small)
    settings = dict(kernel=tuple(kernel), stride=tuple(strides), dilate=tuple(dilations), num_filter=weight.shape[1] * group, num_group=group)
    if before == behind and min(before) >= 0 and all(e < s for e, s in zip(extra, strides)):
        inputs = (x, weight) if bias is None else (x, weight, bias)
        return n.b.op("Deconvolution", *inputs, pad=tuple(before), adj=tuple(extra), no_bias=bias is None, **settings)
    out = n.b.op("Deconvolution", x, weight, no_bias=True, **settings)
    for i, (cut, end, more) in enumerate(zip(before, behind, extra)):
        if more:
            out = padded(n.b, out, {2 + i: (0, more)}, n.b.scalar(0, out))
        if cut < 0 or end < 0:
            out = padded(n.b, out, {2 + i: (max(-cut, 0), max(-end, 0))}, n.b.scalar(0, out))
        out = part(n.b, out, 2 + i, max(cut, 0), out.full_shape()[2 + i] - max(end, 0))
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(kernel))


def _loose(n, kernel):
    count = len(kernel)
    return n.ints("strides") or [1] * count, n.ints("dilations") or [1] * count, [0] * count, [0] * count


@operator("Col2Im", since=18)
def col2im(n, x, image, block):
    """Columns put back and added up: a transposed convolution with weights that are 1 at one place each."""
    kernel, size = block.ints("block_shape"), image.ints("image_shape")
    count = len(kernel)
    places = int(np.prod(kernel))
    batch, rows, _ = x.full_shape()
    strides, dilations = n.ints("strides") or [1] * count, n.ints("dilations") or [1] * count
    pads = n.ints("pads") or [0] * 2 * count
    steps = [(s + p + q - d * (k - 1) - 1) // t + 1 for s, p, q, d, k, t in zip(size, pads[:count], pads[count:], dilations, kernel, strides)]
    weight = np.tile(np.eye(places), (rows // places, 1)).reshape(rows, 1, *kernel)
    columns = x.reshape(batch, rows, *steps)
    groups = rows // places
    out = n.b.op(
        "Deconvolution", columns, n.b.constant(weight.astype("float32")).cast(x.dtype), kernel=tuple(kernel), stride=tuple(strides),
        dilate=tuple(dilations), num_filter=groups, num_group=groups, no_bias=True,
    )  # fmt: skip
    for i in range(count):
        short = size[i] + pads[i] - out.shape[2 + i]
        if short > 0:
            out = padded(n.b, out, {2 + i: (0, short)}, n.b.scalar(0, out))
        out = part(n.b, out, 2 + i, pads[i], pads[i] + size[i])
    return out


@operator("Dropout")
def dropout(n, x, ratio=None, training=None):
    """The library's operator, which draws when an imported net is trained; with training_mode set it always draws, and gives a mask of what it kept."""
    rate = n.float("ratio", 0.5) if n.opset < 12 else 0.5 if ratio is None else ratio.item("the ratio")
    if n.opset >= 12 and training is not None and training.item("training_mode") and rate > 0:
        keep = n.b.random("_random_uniform", x.full_shape(), low=0.0, high=1.0) >= n.b.constant(np.float32(rate))
        return x * keep.cast(x.dtype) / (1.0 - rate), keep
    if not n.wants(1):
        return n.b.op("Dropout", x, p=float(rate)) if x.floating and not x.known and 0 < rate < 1 else x
    mask = n.b.full(x.full_shape(), True, "bool")
    return x, mask if n.opset >= 10 else mask.cast(x.dtype)
