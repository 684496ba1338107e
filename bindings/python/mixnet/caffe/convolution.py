"""Convolutions, pooling and dense layers."""

from .. import symbol as sym
from .model import converts


def spatial(layer, part, key, default, stem=None):
    """A number per spatial axis: repeated, or as ..._h and ..._w. All but pad are above 0."""
    stem = stem or key
    if part.has(f"{stem}_h") or part.has(f"{stem}_w"):
        values = [part.integer(f"{stem}_h", default), part.integer(f"{stem}_w", default)]
    else:
        values = part.integers(key) or [default]
    if len(values) not in (1, 2) or min(values) < (key != "pad"):
        layer.fail(key, "one or two positive numbers", tuple(values))
    return tuple(values * 2 if len(values) == 1 else values)


def vector(values):
    """Any shape as one axis; older files have four."""
    return values.reshape(-1)


@converts("Convolution", "Deconvolution")
def convolution(net, layer, inputs):
    part = layer.part("convolution_param")
    if part.integer("axis", 1) != 1:
        layer.fail("axis", 1, part.integer("axis", 1))
    if not part.has("num_output"):
        layer.fail("num_output", "a number", "none")
    settings = {
        "kernel": spatial(layer, part, "kernel_size", 0, "kernel"),
        "stride": spatial(layer, part, "stride", 1),
        "pad": spatial(layer, part, "pad", 0),
        "dilate": spatial(layer, part, "dilation", 1),
        "num_filter": part.integer("num_output", 0),
        "num_group": part.integer("group", 1),
        "no_bias": not part.flag("bias_term", True),
    }
    made = []
    for symbol in inputs:
        weights = [net.parameter(layer, 0, "weight")]
        if not settings["no_bias"]:
            weights.append(net.parameter(layer, 1, "bias", vector))
        name = layer.name if len(inputs) == 1 else f"{layer.name}_{len(made)}"
        made.append(getattr(sym, layer.type)(symbol, *weights, name=name, **settings))
    return made


@converts("InnerProduct")
def inner_product(net, layer, inputs):
    part = layer.part("inner_product_param")
    axis, turned = part.integer("axis", 1), part.flag("transpose", False)
    if axis not in (1, -1):
        shape = net.shape(inputs[0])
        if shape is None or axis != len(shape) - 1:
            layer.fail("axis", "1 or the last", axis)

    def matrix(values):
        values = values.reshape(values.shape[-2:]) if set(values.shape[:-2]) <= {1} and values.ndim > 2 else values
        return values.T if turned else values

    weights = [net.parameter(layer, 0, "weight", matrix)]
    if part.flag("bias_term", True):
        weights.append(net.parameter(layer, 1, "bias", vector))
    return [sym.FullyConnected(inputs[0], *weights, num_hidden=part.integer("num_output", 0), no_bias=len(weights) == 1, flatten=axis == 1, name=layer.name)]


@converts("Pooling")
def pooling(net, layer, inputs):
    part = layer.part("pooling_param")
    kind = {"MAX": "max", "AVE": "avg", "0": "max", "1": "avg"}.get(str(part._last("pool", "MAX")))
    if kind is None:
        layer.fail("pool", "MAX or AVE", part._last("pool", ""))
    if part.flag("global_pooling", False):
        return [sym.Pooling(inputs[0], kernel=(1, 1), global_pool=True, pool_type=kind, name=layer.name)]
    kernel, stride, pad = (spatial(layer, part, k, d, p) for k, d, p in (("kernel_size", 0, "kernel"), ("stride", 1, None), ("pad", 0, None)))
    floor = str(part._last("round_mode", "CEIL")) in ("FLOOR", "1")
    settings = {"kernel": kernel, "stride": stride, "pad": pad, "pool_type": kind, "pooling_convention": "valid" if floor else "full"}
    shape = net.shape(inputs[0]) if any(pad) and not floor else None
    dropped = _windows_in_padding(layer, shape, kernel, stride, pad) if any(pad) and not floor else (0, 0)
    value = sym.Pooling(inputs[0], name=layer.name + "_all" if any(dropped) else layer.name, **settings)
    if any(dropped):
        value = sym.slice(value, begin=(None, None, 0, 0), end=(None, None, *(-d or None for d in dropped)), name=layer.name)
    return [value]


def _windows_in_padding(layer, shape, kernel, stride, pad):
    """How many windows of each axis start beyond the input and its first padding: these Caffe leaves out."""
    if stride == (1, 1) and all(p < k for k, p in zip(kernel, pad)):
        return (0, 0)
    if shape is None or len(shape) != 4:
        layer.fail("pad", "the spatial extents to be known: pass input_shapes", pad)
    counts = []
    for extent, k, s, p in zip(shape[2:], kernel, stride, pad):
        windows = -((k - extent - 2 * p) // s) + 1
        counts.append(int((windows - 1) * s >= extent + p))
    return tuple(counts)
