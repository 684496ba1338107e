"""Pointwise arithmetic: unary functions, pairs with and without broadcasting, numbers."""

import math

import numpy as np

from .table import converts, refuse

_SAME = {
    "abs": "Abs", "negative": "Neg", "ceil": "Ceil", "floor": "Floor", "sqrt": "Sqrt", "exp": "Exp", "log": "Log", "sin": "Sin",
    "cos": "Cos", "tan": "Tan", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan", "sinh": "Sinh", "cosh": "Cosh",
    "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh", "erf": "Erf", "reciprocal": "Reciprocal", "sign": "Sign",
    "_contrib_sign_ste": "Sign",
}  # fmt: skip
_FACTORS = {"degrees": 180 / math.pi, "radians": math.pi / 180}
_LOGARITHMS = {"log2": 1 / math.log(2), "log10": 1 / math.log(10)}
_PAIRS = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "power": "Pow", "maximum": "Max", "minimum": "Min"}
_COMPARISONS = {"equal": "Equal", "greater": "Greater", "greater_equal": "GreaterOrEqual", "lesser": "Less", "lesser_equal": "LessOrEqual"}
_LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}


@converts(*_SAME)
def same(b, n):
    return b.node(_SAME[n.op], n.inputs[:1])


@converts("_copy", "BlockGrad", "_CrossDeviceCopy", "_identity_with_attr_like_rhs", "_contrib_gradientmultiplier", "amp_scale_gradient")
def identity(b, n):
    return b.node("Identity", n.inputs[:1])


@converts("Dropout")
def dropout(b, n):
    return refuse(n, "mode: expected training, got always") if n.get("mode") == "always" else identity(b, n)


@converts(*_FACTORS)
def factor(b, n):
    return b.binary("Mul", n.inputs[0], _FACTORS[n.op], n.out_types[0])


@converts(*_LOGARITHMS)
def logarithm(b, n):
    return b.binary("Mul", b.node("Log", n.inputs), _LOGARITHMS[n.op], n.out_types[0])


@converts("log1p")
def log1p(b, n):
    return b.node("Log", [b.binary("Add", n.inputs[0], 1, n.out_types[0])])


@converts("expm1")
def expm1(b, n):
    return b.binary("Sub", b.node("Exp", n.inputs), 1, n.out_types[0])


@converts("square")
def square(b, n):
    return b.node("Mul", n.inputs * 2)


@converts("rsqrt")
def rsqrt(b, n):
    return b.node("Reciprocal", [b.node("Sqrt", n.inputs)])


@converts("cbrt", "rcbrt")
def cbrt(b, n):
    root = b.binary("Pow", b.node("Abs", n.inputs), 1 / 3, n.out_types[0])
    root = b.node("Mul", [root, b.node("Sign", n.inputs)])
    return root if n.op == "cbrt" else b.node("Reciprocal", [root])


@converts("trunc", "fix")
def trunc(b, n):
    return b.node("Mul", [b.node("Floor", [b.node("Abs", n.inputs)]), b.node("Sign", n.inputs)])


@converts("round", "_contrib_round_ste")
def round_away(b, n):
    """Halves go away from zero; ONNX's Round takes them to even numbers."""
    size = b.node("Floor", [b.binary("Add", b.node("Abs", n.inputs), 0.5, n.out_types[0])])
    return b.node("Mul", [size, b.node("Sign", n.inputs)])


@converts("rint")
def rint(b, n):
    """Halves go down."""
    return b.node("Ceil", [b.binary("Sub", n.inputs[0], 0.5, n.out_types[0])])


@converts("clip")
def clip(b, n):
    limits = [b.const(np.float64(n.number(key)).astype("float32"), n.out_types[0]) for key in ("a_min", "a_max")]
    return b.node("Clip", [n.inputs[0], *limits])


@converts("smooth_l1")
def smooth_l1(b, n):
    dtype, s = n.out_types[0], n.number("scalar", 1) ** 2
    size = b.node("Abs", n.inputs)
    curve = b.binary("Mul", square(b, n), 0.5 * s, dtype)
    return b.node("Where", [b.binary("Less", size, 1 / s, dtype), curve, b.binary("Sub", size, 0.5 / s, dtype)])


@converts("_contrib_quadratic")
def quadratic(b, n):
    dtype = n.out_types[0]
    line = b.binary("Add", b.binary("Mul", n.inputs[0], n.number("a", 0), dtype), n.number("b", 0), dtype)
    return b.binary("Add", b.node("Mul", [line, n.inputs[0]]), n.number("c", 0), dtype)


@converts("add_n")
def add_n(b, n):
    return b.node("Sum", n.inputs)


def _truth(b, value, dtype):
    return value if dtype == "bool" else b.node("Not", [b.binary("Equal", value, 0, dtype)])


@converts("logical_not")
def logical_not(b, n):
    return b.cast(b.node("Not", [_truth(b, n.inputs[0], n.in_types[0])]), n.out_types[0], "bool")


def pair(b, kind, left, right, dtype):
    """left KIND right for two values of one dtype; comparisons give bool."""
    if kind in _PAIRS:
        return b.node(_PAIRS[kind], [left, right])
    if kind in _COMPARISONS:
        return b.node(_COMPARISONS[kind], [left, right])
    if kind == "not_equal":
        return b.node("Not", [b.node("Equal", [left, right])])
    if kind in _LOGIC:
        return b.node(_LOGIC[kind], [_truth(b, left, dtype), _truth(b, right, dtype)])
    if kind == "hypot":
        squares = [b.node("Mul", [value, value]) for value in (left, right)]
        return b.node("Sqrt", [b.node("Add", squares)])
    # The remainder has the sign of the divisor.
    if dtype.startswith(("int", "uint")):
        return b.node("Mod", [left, right])
    return b.node("Sub", [left, b.node("Mul", [right, b.node("Floor", [b.node("Div", [left, right])])])])


def _finish(b, n, kind, result):
    is_bool = kind in _COMPARISONS or kind in _LOGIC or kind == "not_equal"
    return b.cast(result, n.out_types[0], "bool" if is_bool else n.out_types[0])


_KINDS = [*_PAIRS, *_COMPARISONS, *_LOGIC, "not_equal", "hypot", "mod"]
_TWO = {f"broadcast_{kind}": kind for kind in _KINDS}
_TWO.update({f"_{kind}": kind for kind in _KINDS if kind not in ("add", "sub", "mul", "div")})
_TWO.update({f"elemwise_{kind}": kind for kind in ("add", "sub", "mul", "div")})


@converts(*_TWO)
def two(b, n):
    kind = _TWO[n.op]
    return _finish(b, n, kind, pair(b, kind, n.inputs[0], n.inputs[1], n.in_types[0]))


_NUMBER = {f"_{kind}_scalar": (kind, False) for kind in _KINDS if kind not in ("add", "sub")}
_NUMBER.update({"_plus_scalar": ("add", False), "_minus_scalar": ("sub", False), "_rminus_scalar": ("sub", True)})
_NUMBER.update({f"_r{kind}_scalar": (kind, True) for kind in ("div", "mod", "power")})


@converts(*_NUMBER)
def number(b, n):
    kind, swapped = _NUMBER[n.op]
    value, dtype, scalar = n.inputs[0], n.in_types[0], n.number("scalar", 1)
    # A fraction has no place among integers: the operation is done in float32.
    wide = "float32" if dtype.startswith(("int", "uint", "bool")) and scalar != int(scalar) else dtype
    left, right = b.cast(value, wide, dtype), b.const(scalar, wide)
    if swapped:
        left, right = right, left
    result = pair(b, kind, left, right, wide)
    if wide != n.out_types[0] and kind in [*_PAIRS, "mod", "hypot"]:
        result = b.cast(result, n.out_types[0])
    return _finish(b, n, kind, result)


@converts("where")
def where(b, n):
    condition = _truth(b, n.inputs[0], n.in_types[0])
    missing = n.rank(1) - n.rank(0)
    if missing:
        condition = b.unsqueeze(condition, range(n.rank(0), n.rank(1)))
    return b.node("Where", [condition, *n.inputs[1:]])
