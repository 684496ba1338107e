"""Reductions over axes."""

import numpy as np

from ..dtypes import numpy_type
from ..table import operator

_KINDS = {"ReduceSum": "sum", "ReduceMean": "mean", "ReduceProd": "prod", "ReduceMax": "max", "ReduceMin": "min"}


def axes_of(n, x, axes, default=None):
    """The axes as an input or as an attribute; all when neither is given."""
    found = axes.ints("axes") if axes is not None else n.ints("axes")
    if not found:
        return [] if n.int("noop_with_empty_axes", 0) else list(range(x.ndim)) if default is None else default
    return [x.axis(a) for a in found]


def extreme(b, x, kind, axes, keepdims):
    """max or min; over nothing the type's own bounds."""
    shape = [1 if i in axes else e for i, e in enumerate(x.shape)] if keepdims else [e for i, e in enumerate(x.shape) if i not in axes]
    if 0 in x.shape and 0 not in shape:
        kind_of = numpy_type(x.dtype)
        if x.floating:
            bound = -np.inf if kind == "max" else np.inf
        elif x.dtype == "bool":
            bound = kind == "min"
        else:
            bound = np.iinfo(kind_of).min if kind == "max" else np.iinfo(kind_of).max
        return b.full(shape, bound, x.dtype)
    return b.reduce(kind, x, axes, keepdims)


@operator(*_KINDS)
def reduce(n, x, axes=None):
    """Sum, mean, product, largest and smallest."""
    axes, keepdims, kind = axes_of(n, x, axes), n.int("keepdims", 1), _KINDS[n.op]
    if kind in ("max", "min"):
        return extreme(n.b, x, kind, axes, keepdims)
    return n.b.reduce(kind, x, axes, keepdims)


@operator("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum")
def composed(n, x, axes=None):
    """Norms and sums of what elements become."""
    axes, keepdims = axes_of(n, x, axes), n.int("keepdims", 1)
    if n.op == "ReduceLogSum":
        return n.b.reduce("sum", x, axes, keepdims).unary("log")
    inner = x.unary("abs") if n.op == "ReduceL1" else x * x
    total = n.b.reduce("sum", inner, axes, keepdims)
    if n.op != "ReduceL2":
        return total
    return total.unary("sqrt") if x.floating else total.cast("float64").unary("sqrt").cast(x.dtype)


@operator("ReduceLogSumExp")
def log_sum_exp(n, x, axes=None):
    """log(sum(exp(x))) about the largest element, so that nothing overflows."""
    axes, keepdims = axes_of(n, x, axes), n.int("keepdims", 1)
    if not axes:
        return x
    if 0 in x.shape:
        return n.b.reduce("sum", x.unary("exp"), axes, keepdims).unary("log")
    peak = n.b.reduce("max", x, axes, True)
    total = n.b.reduce("sum", (x - peak).unary("exp"), axes, True).unary("log") + peak
    if keepdims:
        return total
    return n.b.op("Reshape", total, shape=()) if len(axes) == x.ndim else n.b.op("squeeze", total, axis=tuple(axes))


@operator("ArgMax", "ArgMin")
def arg(n, x):
    """The place of the largest or smallest element, the first or the last of them."""
    axis, name = x.axis(n.int("axis", 0)), n.op.lower()
    keepdims = bool(n.int("keepdims", 1))
    if x.dtype not in ("float32", "float64", "float16", "int32", "int64"):
        x = x.cast("int32" if not x.floating else "float32")
    if n.int("select_last_index", 0):
        length = x.full_shape()[axis]
        place = n.b.op(name, n.b.op("reverse", x, axis=(axis,)), axis=axis, keepdims=keepdims).cast("int64")
        place = n.b.scalar(length - 1, place) - place
    else:
        place = n.b.op(name, x, axis=axis, keepdims=keepdims).cast("int64")
    return n.b.op("Reshape", place, shape=()) if not keepdims and x.ndim == 1 else place
