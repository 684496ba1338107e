"""Activations."""

from ..table import operator


def positive(x):
    """max(x, 0)"""
    return x.unary("relu") if x.floating else x.builder.binary("maximum", x, 0)


def negative(x):
    """min(x, 0)"""
    return x.builder.binary("minimum", x, 0)


@operator("Relu")
def relu(n, x):
    """max(x, 0)"""
    return positive(x)


@operator("Elu", "Celu", "Selu")
def exponential(n, x):
    """scale * (max(x, 0) + alpha * (exp(min(x, 0) / width) - 1))"""
    alpha, scale, width = n.float("alpha", 1.0), 1.0, 1.0
    if n.op == "Selu":
        alpha, scale = n.float("alpha", 1.67326319217681884765625), n.float("gamma", 1.05070102214813232421875)
    if n.op == "Celu":
        width = alpha
    result = positive(x) + (negative(x) / width).unary("expm1") * alpha
    return result if scale == 1.0 else result * scale


@operator("LeakyRelu")
def leaky(n, x):
    """x where it is positive, alpha * x elsewhere."""
    return n.b.op("LeakyReLU", x, act_type="leaky", slope=n.float("alpha", 0.01))


@operator("PRelu")
def parametric(n, x, slope):
    """A slope per channel before opset 7, one that broadcasts since."""
    if n.opset < 7 and slope.ndim == 1 and x.ndim > 1 and slope.size > 1:
        slope = slope.reshape(-1, *(1,) * (x.ndim - 2))
    if not x.floating:
        return n.b.where(x < 0, x * slope, x)
    return positive(x) + negative(x) * slope


@operator("ThresholdedRelu")
def thresholded(n, x):
    """x where it is above alpha, 0 elsewhere."""
    return x * (x > n.float("alpha", 1.0)).cast(x.dtype)


@operator("HardSigmoid", "HardSwish")
def hard(n, x):
    """max(0, min(1, alpha * x + beta)), which HardSwish multiplies with x"""
    swish = n.op == "HardSwish"
    alpha, beta = (1 / 6, 0.5) if swish else (n.float("alpha", 0.2), n.float("beta", 0.5))
    gate = n.b.op("clip", x * alpha + beta, a_min=0.0, a_max=1.0)
    return x * gate if swish else gate


@operator("Softplus")
def softplus(n, x):
    """log(1 + exp(x))"""
    return n.b.op("Activation", x, act_type="softrelu")


@operator("Mish")
def mish(n, x):
    """x * tanh(softplus(x))"""
    return x * softplus(n, x).unary("tanh")


@operator("Gelu")
def gelu(n, x):
    """x times the normal distribution's cumulative function, or its approximation with tanh."""
    if n.choice("approximate", "none", "tanh") == "tanh":
        return x * ((x + x * x * x * 0.044715) * 0.7978845608028654).unary("tanh") * 0.5 + x * 0.5
    return x * ((x * 0.7071067811865476).unary("erf") + 1.0) * 0.5


@operator("Shrink")
def shrink(n, x):
    """x + bias below -lambd, x - bias above lambd, 0 between."""
    bias, edge = n.float("bias", 0.0), n.float("lambd", 0.5)
    below, above = (x < n.b.scalar(-edge, x)).cast(x.dtype), (x > n.b.scalar(edge, x)).cast(x.dtype)
    return (x + n.b.scalar(bias, x)) * below + (x - n.b.scalar(bias, x)) * above


@operator("Softmax", "LogSoftmax", since=13)
def softmax(n, x):
    """Over one axis."""
    return n.b.op("softmax" if n.op == "Softmax" else "log_softmax", x, axis=x.axis(n.int("axis", -1)))


@operator("Softmax", "LogSoftmax", "Hardmax")
def flat_softmax(n, x):
    """Before opset 13 over all axes from `axis` on."""
    axis = x.axis(n.int("axis", 1))
    function = hardmax if n.op == "Hardmax" else softmax_of
    if axis == x.ndim - 1:
        return function(n, x, axis)
    if all(e == 1 for e in x.shape[axis + 1 :]):
        return function(n, x, axis)
    shape = x.full_shape()
    rows = 1
    for extent in shape[:axis]:
        rows *= extent
    return function(n, x.reshape(rows, -1), 1).reshape(*shape)


def softmax_of(n, x, axis):
    """The library's operator on one axis."""
    return n.b.op("softmax" if n.op == "Softmax" else "log_softmax", x, axis=axis)


@operator("Hardmax", since=13)
def hardmax_axis(n, x):
    """Over one axis."""
    return hardmax(n, x, x.axis(n.int("axis", -1)))


def hardmax(n, x, axis):
    """One at the first largest element of an axis, 0 elsewhere."""
    length = x.full_shape()[axis]
    last = n.b.op("one_hot", n.b.op("argmax", x, axis=axis), depth=length, dtype="float32").cast(x.dtype)
    order = list(range(x.ndim - 1))
    order.insert(axis, x.ndim - 1)
    return last.reshape(*x.shape[:axis], *x.shape[axis + 1 :], length).transpose(order)
