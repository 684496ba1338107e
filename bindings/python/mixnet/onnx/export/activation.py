"""Activations and softmax functions."""

import math

from .table import converts, refuse

_KINDS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softrelu": "Softplus", "softsign": "Softsign"}


@converts("Activation")
def activation(b, n):
    kind = n.get("act_type")
    if kind in _KINDS:
        return b.node(_KINDS[kind], n.inputs)
    if kind == "log_sigmoid":
        return b.node("Neg", [b.node("Softplus", [b.node("Neg", n.inputs)])])
    if kind == "mish":
        return b.node("Mul", [n.inputs[0], b.node("Tanh", [b.node("Softplus", n.inputs)])])
    return refuse(n, f"act_type: expected one of {', '.join(_KINDS)}, got {kind}")


@converts("relu", "sigmoid", "tanh", "softsign")
def plain(b, n):
    return b.node(_KINDS[n.op], n.inputs)


@converts("hard_sigmoid")
def hard_sigmoid(b, n):
    return b.node("HardSigmoid", n.inputs, alpha=n.number("alpha", 0.2), beta=n.number("beta", 0.5))


@converts("LeakyReLU")
def leaky(b, n):
    kind = n.get("act_type", "leaky")
    if kind == "leaky":
        return b.node("LeakyRelu", n.inputs[:1], alpha=n.number("slope", 0.25))
    if kind == "rrelu":
        return b.node("LeakyRelu", n.inputs[:1], alpha=(n.number("lower_bound", 0.125) + n.number("upper_bound", 0.334)) / 2)
    if kind == "elu":
        return b.node("Elu", n.inputs[:1], alpha=n.number("slope", 0.25))
    if kind == "selu":
        return b.node("Selu", n.inputs[:1], alpha=1.6732632423543772, gamma=1.0507009873554805)
    if kind == "gelu":
        return gelu(b, n)
    slope = n.inputs[1]
    if n.rank() > 2 and n.rank(1) == 1:
        slope = b.unsqueeze(slope, range(1, n.rank() - 1))
    return b.node("PRelu", [n.inputs[0], slope])


def gelu(b, n):
    """x times the normal distribution's function of x."""
    if b.opset >= 20:
        return b.node("Gelu", n.inputs[:1])
    dtype = n.out_types[0]
    part = b.binary("Add", b.node("Erf", [b.binary("Mul", n.inputs[0], math.sqrt(0.5), dtype)]), 1, dtype)
    return b.binary("Mul", b.node("Mul", [n.inputs[0], part]), 0.5, dtype)


@converts("softmax", "log_softmax", "softmin")
def softmax(b, n):
    value, dtype, axis = n.inputs[0], n.in_types[0], n.axis()
    temperature = n.number("temperature", 1)
    scale = (-1 if n.op == "softmin" else 1) / temperature
    if scale != 1:
        value = b.binary("Mul", value, scale, dtype)
    value = b.node("LogSoftmax" if n.op == "log_softmax" else "Softmax", [value], axis=axis)
    return b.cast(value, n.out_types[0], dtype)


def rows_softmax(b, n):
    """Softmax over everything but the first axis."""
    if n.rank() <= 2:
        return b.node("Softmax", n.inputs[:1], axis=n.rank() - 1)
    rows = b.node("Softmax", [b.node("Flatten", n.inputs[:1], axis=1)], axis=1)
    return b.node("Reshape", [rows, b.node("Shape", n.inputs[:1])])


@converts("SoftmaxActivation")
def softmax_activation(b, n):
    return b.node("Softmax", n.inputs, axis=1 if n.get("mode") == "channel" else n.rank() - 1)
