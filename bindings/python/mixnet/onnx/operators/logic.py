"""Comparisons, logic and choices; results are bool."""

from ..errors import OnnxError
from ..table import operator
from .math import aligned

_NAMES = {
    "Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_equal", "Less": "lesser", "LessOrEqual": "lesser_equal",
    "And": "logical_and", "Or": "logical_or", "Xor": "logical_xor",
}  # fmt: skip


@operator(*_NAMES)
def comparison(n, left, right):
    """One operator of the library each; texts are compared on the host."""
    if left.dtype == "string":
        return n.b.constant(left.host() == right.host(), "bool")
    return n.b.compare(_NAMES[n.op], left, aligned(n, left, right))


@operator("Not")
def invert(n, x):
    """true becomes false"""
    if x.dtype != "bool":
        raise OnnxError(f"input: expected bool, got {x.dtype}")
    return x.unary("logical_not")


@operator("Where")
def where(n, condition, left, right):
    """Elements of the first where the condition holds, of the second elsewhere."""
    return n.b.where(condition, left, right)
