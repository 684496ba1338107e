"""Functions of single elements."""

import math

from .. import symbol as sym
from .model import converts


@converts("ReLU")
def relu(net, layer, inputs):
    slope = layer.part("relu_param").number("negative_slope", 0)
    if slope:
        return [sym.LeakyReLU(inputs[0], act_type="leaky", slope=slope, name=layer.name)]
    return [sym.Activation(inputs[0], act_type="relu", name=layer.name)]


_PLAIN = {"Sigmoid": "sigmoid", "TanH": "tanh", "BNLL": "softrelu"}


@converts(*_PLAIN)
def plain(net, layer, inputs):
    return [sym.Activation(inputs[0], act_type=_PLAIN[layer.type], name=layer.name)]


@converts("PReLU")
def prelu(net, layer, inputs):
    return [sym.LeakyReLU(inputs[0], net.parameter(layer, 0, "gamma", lambda v: v.reshape(-1)), act_type="prelu", name=layer.name)]


@converts("ELU")
def elu(net, layer, inputs):
    return [sym.LeakyReLU(inputs[0], act_type="elu", slope=layer.part("elu_param").number("alpha", 1), name=layer.name)]


@converts("AbsVal")
def absolute(net, layer, inputs):
    return [sym.abs(inputs[0], name=layer.name)]


@converts("Swish")
def swish(net, layer, inputs):
    beta = layer.part("swish_param").number("beta", 1)
    return [sym.elemwise_mul(inputs[0], sym.sigmoid(inputs[0] * beta), name=layer.name)]


@converts("Clip")
def clip(net, layer, inputs):
    part = layer.part("clip_param")
    return [sym.clip(inputs[0], a_min=part.number("min", 0), a_max=part.number("max", 0), name=layer.name)]


@converts("Threshold")
def threshold(net, layer, inputs):
    return [inputs[0] > layer.part("threshold_param").number("threshold", 0)]


def _line(value, part):
    """shift + scale x."""
    scale, shift = part.number("scale", 1), part.number("shift", 0)
    value = value if scale == 1 else value * scale
    return value if shift == 0 else value + shift


@converts("Power")
def power(net, layer, inputs):
    part = layer.part("power_param")
    value, exponent = _line(inputs[0], part), part.number("power", 1)
    return [sym.identity(value, name=layer.name) if exponent == 1 else value**exponent]


def _base(layer, part):
    """The natural logarithm of the base; -1 stands for e."""
    base = part.number("base", -1)
    if base == -1:
        return 1.0
    return math.log(base) if base > 0 and base != 1 else layer.fail("base", "a positive number other than 1", base)


@converts("Exp")
def exp(net, layer, inputs):
    part = layer.part("exp_param")
    return [sym.exp(_line(inputs[0], part) * _base(layer, part), name=layer.name)]


@converts("Log")
def log(net, layer, inputs):
    part = layer.part("log_param")
    return [sym.log(_line(inputs[0], part)) * (1 / _base(layer, part))]


@converts("Dropout")
def dropout(net, layer, inputs):
    ratio = layer.part("dropout_param").number("dropout_ratio", 0.5)
    if not 0 <= ratio < 1:
        layer.fail("dropout_ratio", "a number from 0 to below 1", ratio)
    return [sym.Dropout(inputs[0], p=ratio, name=layer.name)]
