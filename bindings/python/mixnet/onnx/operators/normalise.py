"""Normalisations."""

import numpy as np

from ..errors import OnnxError
from ..table import operator


def standardised(b, x, axes, epsilon):
    """(x - mean) / sqrt(variance + epsilon) over axes, with the mean and 1 / sqrt(...)."""
    mean = b.reduce("mean", x, axes)
    centred = x - mean
    scale = (b.reduce("mean", centred * centred, axes) + epsilon).unary("rsqrt")
    return centred * scale, mean, scale


def _channels(value, ndim):
    return value.reshape(-1, *(1,) * (ndim - 2))


@operator("BatchNormalization")
def batch_norm(n, x, scale, bias, mean, variance):
    """With kept statistics; with those of the batch in training mode, which also gives moved ones."""
    epsilon, momentum = n.float("epsilon", 1e-5), n.float("momentum", 0.9)
    if n.int("training_mode", 0):
        axes = [0, *range(2, x.ndim)]
        out, batch_mean, _ = standardised(n.b, x, axes, epsilon)
        batch_variance = n.b.reduce("mean", (x - batch_mean) * (x - batch_mean), axes)
        moved = [old * momentum + new.reshape(-1).cast(old.dtype) * (1.0 - momentum) for old, new in ((mean, batch_mean), (variance, batch_variance))]
        return (out * _channels(scale, x.ndim) + _channels(bias, x.ndim), *moved)
    if x.dtype == "float32" and x.ndim > 1 and not x.known and all(v.known for v in (scale, bias, mean, variance)) and n.int("spatial", 1):
        own = [v if v.variable is None else n.b.constant(v.host(), v.dtype, v.name) for v in (mean, variance)]
        out = n.b.op("BatchNorm", x, scale, bias, *own, eps=epsilon, momentum=momentum, fix_gamma=False)
        return out[0] if isinstance(out, list) else out
    if n.opset < 9 and not n.int("spatial", 1):
        raise OnnxError("spatial: expected 1")
    wide = x if x.dtype != "float16" else x.cast("float32")
    parts = [_channels(v.cast(wide.dtype), x.ndim) if x.ndim > 1 else v.cast(wide.dtype) for v in (scale, bias, mean, variance)]
    return ((wide - parts[2]) * (parts[3] + epsilon).unary("rsqrt") * parts[0] + parts[1]).cast(x.dtype)


@operator("InstanceNormalization")
def instance_norm(n, x, scale, bias):
    """Over the spatial axes of every channel of every example."""
    if x.dtype == "float32" and x.ndim > 2:
        return n.b.op("InstanceNorm", x, scale, bias, eps=n.float("epsilon", 1e-5))
    out = standardised(n.b, x, list(range(2, x.ndim)), n.float("epsilon", 1e-5))[0]
    return out * _channels(scale, x.ndim) + _channels(bias, x.ndim)


@operator("GroupNormalization")
def group_norm(n, x, scale, bias):
    """Over groups of channels; scales are per group before opset 21, per channel since."""
    groups, shape = n.int("num_groups"), x.full_shape()
    if not groups or groups < 1 or shape[1] % groups:
        raise OnnxError(f"num_groups: expected a divisor of {shape[1]}, got {groups}")
    split = x.reshape(shape[0], groups, -1)
    out = standardised(n.b, split, [2], n.float("epsilon", 1e-5))[0]
    if scale.size == shape[1]:
        return out.reshape(*shape) * _channels(scale, x.ndim) + _channels(bias, x.ndim)
    return (out * scale.reshape(-1, 1) + bias.reshape(-1, 1)).reshape(*shape)


@operator("LayerNormalization")
def layer_norm(n, x, scale, bias=None):
    """Over all axes from one on."""
    axis, epsilon = x.axis(n.int("axis", -1)), n.float("epsilon", 1e-5)
    if axis == x.ndim - 1 and bias is not None and scale.ndim == 1 and not n.wants(1) and not n.wants(2) and x.dtype == "float32":
        return n.b.op("LayerNorm", x, scale, bias, axis=-1, eps=epsilon)
    wide = x.cast("float32") if x.dtype in ("float16", "bfloat16") else x
    out, mean, inverse = standardised(n.b, wide, list(range(axis, x.ndim)), epsilon)
    out = out.cast(x.dtype) * scale
    return (out if bias is None else out + bias), mean, inverse


@operator("MeanVarianceNormalization")
def mean_variance(n, x):
    """Over axes, the batch and the spatial ones by default."""
    axes = n.ints("axes", [0, 2, 3])
    mean = n.b.reduce("mean", x, axes)
    deviation = (n.b.reduce("mean", x * x, axes) - mean * mean).unary("sqrt")
    return (x - mean) / (deviation + 1e-9)


@operator("LRN")
def local_response(n, x):
    """Over neighbouring channels."""
    size = n.int("size")
    if size is None or size < 1:
        raise OnnxError(f"size: expected at least 1, got {size}")
    settings = dict(alpha=n.float("alpha", 1e-4), beta=n.float("beta", 0.75), knorm=n.float("bias", 1.0))
    if size % 2 and x.ndim == 4:
        return n.b.op("LRN", x, nsize=size, **settings)
    channels = x.full_shape()[1]
    places = np.arange(channels)
    band = (places[None] >= places[:, None] - (size - 1) // 2) & (places[None] <= places[:, None] + size // 2)
    total = n.b.matmul(n.b.constant(band.astype("float32")).cast(x.dtype), (x * x).reshape(x.shape[0], channels, -1)).reshape(*x.shape)
    return x / (total * (settings["alpha"] / size) + settings["knorm"]) ** settings["beta"]


@operator("LpNormalization")
def lp_norm(n, x):
    """x divided by the norm of an axis."""
    axis = [x.axis(n.int("axis", -1))]
    if n.int("p", 2) == 1:
        return x / n.b.reduce("sum", x.unary("abs"), axis)
    return x / n.b.reduce("sum", x * x, axis).unary("sqrt")
