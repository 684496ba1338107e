"""BatchNorm, with the Scale that follows it taken in, LRN and MVN."""

import numpy as np

from .. import symbol as sym
from .convolution import vector
from .model import converts


def _following_scale(net, layer):
    """The Scale layer that alone reads the top of this one, if that is what comes."""
    top, found = layer.tops[0] if layer.tops else None, None
    for later in net.layers[net.position + 1 :]:
        if top in later.bottoms:
            if found is not None or later.type != "Scale" or len(later.bottoms) != 1:
                return None
            part = later.part("scale_param")
            if part.integer("axis", 1) != 1 or part.integer("num_axes", 1) != 1:
                return None
            found = later
            if top in later.tops:
                return found
        elif top in later.tops:
            break
    return found


@converts("BatchNorm")
def batch_norm(net, layer, inputs):
    part = layer.part("batch_norm_param")
    scale = _following_scale(net, layer)
    settings = {"eps": part.number("eps", 1e-5), "momentum": part.number("moving_average_fraction", 0.999), "fix_gamma": scale is None}
    if part.has("use_global_stats"):
        settings["use_global_stats"] = part.flag("use_global_stats", True)
    if net.blobs is not None:
        factor = float(net.blob(layer, 2).reshape(-1)[0]) if net.blob(layer, 2).size else 0.0
        for index, role in ((0, "moving_mean"), (1, "moving_var")):
            net.keep(f"{layer.name}_{role}", vector(net.blob(layer, index)) * np.float32(1 / factor if factor else 0), aux=True)
    if scale is None:
        count = net.blob(layer, 0).size if net.blobs is not None else 0
        gamma, beta = (sym.Variable(f"{layer.name}_{role}") for role in ("gamma", "beta"))
        if net.blobs is not None:
            net.keep(f"{layer.name}_gamma", np.ones(count, "float32"))
            net.keep(f"{layer.name}_beta", np.zeros(count, "float32"))
    else:
        gamma = net.parameter(scale, 0, "gamma", vector)
        beta = _shift(net, scale)
        net.merged[scale.name] = True
    states = [sym.Variable(f"{layer.name}_{role}") for role in ("moving_mean", "moving_var")]
    return [sym.BatchNorm(inputs[0], gamma, beta, *states, name=layer.name, **settings)]


def _shift(net, scale):
    if scale.part("scale_param").flag("bias_term", False):
        return net.parameter(scale, 1, "beta", vector)
    name = f"{scale.name}_beta"
    if net.blobs is not None:
        net.keep(name, np.zeros(net.blob(scale, 0).size, "float32"))
    return sym.Variable(name)


def _aligned(net, layer, data, part, role, index):
    """A layer's own array, with axes of extent one around it so that it meets the data from `axis` on."""
    shape = net.shape(data)
    rank = len(shape) if shape else 4
    axis, count = part.integer("axis", 1) % rank, part.integer("num_axes", 1)
    count = rank - axis if count == -1 else count
    if count < 0 or axis + count > rank:
        layer.fail("num_axes", f"at most {rank - axis}", count)
    after = rank - axis - count

    def placed(values):
        own = values.shape if values.ndim == count else (values.size,) if count == 1 else values.shape
        return values.reshape((1,) * axis + tuple(own) + (1,) * after)

    variable = net.parameter(layer, index, role, placed)
    # Broadcasting does not say what shape its second input has: the variable does.
    extents = (1,) * axis + shape[axis : axis + count] + (1,) * after if shape else None
    if net.blobs is not None:
        extents = net.args[variable.name].shape
    return sym.Variable(variable.name, shape=extents) if extents else variable


@converts("Scale")
def scale(net, layer, inputs):
    if layer.name in net.merged:
        return inputs[:1]
    part = layer.part("scale_param")
    if len(inputs) > 1:
        return [_with_input(net, layer, inputs, part, sym.broadcast_mul)]
    bias = part.flag("bias_term", False)
    value = sym.broadcast_mul(inputs[0], _aligned(net, layer, inputs[0], part, "gamma", 0), name=layer.name + "_scale" if bias else layer.name)
    return [sym.broadcast_add(value, _aligned(net, layer, inputs[0], part, "beta", 1), name=layer.name) if bias else value]


@converts("Bias")
def bias(net, layer, inputs):
    part = layer.part("bias_param")
    if len(inputs) > 1:
        return [_with_input(net, layer, inputs, part, sym.broadcast_add)]
    return [sym.broadcast_add(inputs[0], _aligned(net, layer, inputs[0], part, "beta", 0), name=layer.name)]


def _with_input(net, layer, inputs, part, function):
    """The second input laid against the first from `axis` on."""
    shapes = [net.shape(value) for value in inputs]
    if None in shapes:
        layer.fail("bottom", "inputs of known shapes: pass input_shapes", "unknown ones")
    axis = part.integer("axis", 1) % len(shapes[0])
    after = len(shapes[0]) - axis - len(shapes[1])
    if after < 0:
        layer.fail("axis", f"room for {len(shapes[1])} axes", axis)
    other = sym.Reshape(inputs[1], shape=(1,) * axis + shapes[1] + (1,) * after)
    return function(inputs[0], other, name=layer.name)


@converts("LRN")
def lrn(net, layer, inputs):
    part = layer.part("lrn_param")
    size, alpha, beta = part.integer("local_size", 5), part.number("alpha", 1), part.number("beta", 0.75)
    if size % 2 == 0 or not 0 < size < 10000:
        layer.fail("local_size", "an odd number", size)
    if str(part._last("norm_region", "ACROSS_CHANNELS")) in ("ACROSS_CHANNELS", "0"):
        return [sym.LRN(inputs[0], alpha=alpha, beta=beta, knorm=part.number("k", 1), nsize=size, name=layer.name)]
    window = {"kernel": (size, size), "stride": (1, 1), "pad": (size // 2,) * 2, "pool_type": "avg"}
    mean = sym.Pooling(sym.square(inputs[0]), **window)
    return [sym.elemwise_mul(inputs[0], (mean * alpha + 1) ** -beta, name=layer.name)]


@converts("MVN")
def mvn(net, layer, inputs):
    part = layer.part("mvn_param")
    axes = (1, 2, 3) if part.flag("across_channels", False) else (2, 3)
    centred = sym.broadcast_sub(inputs[0], sym.mean(inputs[0], axis=axes, keepdims=True))
    if not part.flag("normalize_variance", True):
        return [centred]
    deviation = sym.sqrt(sym.mean(sym.square(centred), axis=axes, keepdims=True)) + part.number("eps", 1e-9)
    return [sym.broadcast_div(centred, deviation, name=layer.name)]
