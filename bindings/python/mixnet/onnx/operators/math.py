"""Arithmetic, element by element, with broadcasting."""

import numpy as np

from ..dtypes import numpy_type
from ..errors import OnnxError
from ..table import operator

_UNARY = {
    "Abs": "abs", "Acos": "arccos", "Acosh": "arccosh", "Asin": "arcsin", "Asinh": "arcsinh", "Atan": "arctan", "Atanh": "arctanh",
    "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf", "Exp": "exp", "Floor": "floor", "Log": "log", "Neg": "negative",
    "Reciprocal": "reciprocal", "Sign": "sign", "Sin": "sin", "Sinh": "sinh", "Sqrt": "sqrt", "Tan": "tan", "Tanh": "tanh",
    "Sigmoid": "sigmoid", "Softsign": "softsign",
}  # fmt: skip


@operator(*_UNARY)
def unary(n, x):
    """One operator of the library each."""
    return x.unary(_UNARY[n.op])


def aligned(n, left, right):
    """Before opset 7 `axis` says where the second input's axes stand."""
    if n.opset < 7 and n.int("broadcast", 0) and n.has("axis"):
        trailing = left.ndim - left.axis(n.int("axis")) - right.ndim
        return right.reshape(*right.full_shape(), *(1,) * max(trailing, 0))
    return right


@operator("Add", "Sub", "Mul", "Div")
def arithmetic(n, left, right):
    """Integer division rounds to zero."""
    return n.b.binary(n.op.lower(), left, aligned(n, left, right))


@operator("Mod")
def mod(n, left, right):
    """The sign of the divisor, or with fmod that of the dividend."""
    if not n.int("fmod", 0):
        return left % right
    return left.unary("sign") * (left.unary("abs") % right.unary("abs"))


@operator("Pow")
def power(n, base, exponent):
    """The result has the base's type."""
    exponent = aligned(n, base, exponent)
    if base.dtype == exponent.dtype:
        return base**exponent
    if base.floating:
        return base ** exponent.cast(base.dtype)
    return (base.cast("float64") ** exponent.cast("float64")).cast(base.dtype)


@operator("Sum", "Mean", "Max", "Min")
def several(n, *inputs):
    """Of any number of inputs."""
    if not inputs:
        raise OnnxError("inputs: expected at least one")
    name = {"Max": "maximum", "Min": "minimum"}.get(n.op, "add")
    result = inputs[0]
    for value in inputs[1:]:
        result = n.b.binary(name, result, value)
    return result / len(inputs) if n.op == "Mean" and len(inputs) > 1 else result


@operator("Round")
def round_even(n, x):
    """Halves go to the even neighbour."""
    down = x.unary("floor")
    rest = x - down
    return down + (rest > 0.5).cast(x.dtype) + rest.equal(0.5).cast(x.dtype) * (down % 2)


@operator("Clip")
def clip(n, x, low=None, high=None):
    """Bounds are attributes before opset 11, inputs after."""
    if n.opset < 11:
        low, high = n.float("min"), n.float("max")
        low = None if low is None else n.b.scalar(low, x)
        high = None if high is None else n.b.scalar(high, x)
    if x.dtype == "float32" and all(v is not None and v.known and np.isfinite(v.item()) for v in (low, high)) and low.item() <= high.item():
        return n.b.op("clip", x, a_min=low.item(), a_max=high.item())
    if low is not None:
        x = n.b.binary("maximum", x, low)
    return x if high is None else n.b.binary("minimum", x, high)


@operator("IsNaN")
def is_nan(n, x):
    """Whether elements are NaN."""
    return n.b.compare("not_equal", x, x)


@operator("IsInf")
def is_inf(n, x):
    """Whether elements are infinite, of both signs or of one."""
    if x.dtype.startswith("float8"):
        return n.b.constant(np.isinf(x.host()))
    found = [x.equal(sign * np.inf) for key, sign in (("detect_positive", 1), ("detect_negative", -1)) if n.int(key, 1)]
    if not found:
        return n.b.full(x.full_shape(), False, "bool")
    return found[0] if len(found) == 1 else n.b.compare("logical_or", *found)


@operator("BitShift")
def bit_shift(n, x, places):
    """Times or divided by powers of two; on the host where the values are known."""
    left = n.choice("direction", "LEFT", "RIGHT") == "LEFT"
    if x.known and places.known:
        return n.b.constant((np.left_shift if left else np.right_shift)(x.host(), places.host()), x.dtype)
    factor = n.b.scalar(2, x) ** places
    return x * factor if left else x / factor


@operator("BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot")
def bitwise(n, *inputs):
    """On the host: the library has no operators on bits."""
    function = {"BitwiseAnd": np.bitwise_and, "BitwiseOr": np.bitwise_or, "BitwiseXor": np.bitwise_xor, "BitwiseNot": np.invert}[n.op]
    return n.b.constant(function(*[v.host("an input") for v in inputs]), inputs[0].dtype)


@operator("CumSum")
def cumulative_sum(n, x, axis):
    """In log2(length) steps, each of which adds what stands a power of two before."""
    axis = x.axis(axis.item("axis"))
    length = x.full_shape()[axis]
    if n.int("reverse", 0):
        x = n.b.op("reverse", x, axis=(axis,))
    total = x
    if n.int("exclusive", 0) and length:
        total = shifted(n.b, x, axis, 1)
    step = 1
    while step < length:
        total = total + shifted(n.b, total, axis, step)
        step *= 2
    return n.b.op("reverse", total, axis=(axis,)) if n.int("reverse", 0) else total


def shifted(b, x, axis, places):
    """The values moved along an axis, zeros before them."""
    shape = list(x.full_shape())
    shape[axis] = min(places, shape[axis])
    zeros = b.constant(np.zeros(shape, numpy_type(x.dtype)), x.dtype)
    if places >= x.shape[axis]:
        return zeros
    return b.concat([zeros, x.slice(axis, 0, x.shape[axis] - places)], axis)
