"""Casts, to the small floating-point types too.

A number of such a type is kept as the float32 it stands for, so only casting to one rounds; that is done on the host, for known values.
"""

import numpy as np

from ..dtypes import FLOAT8, NAMES, carrier
from ..errors import NeedsValue, OnnxError
from ..float8 import rounded
from ..table import operator


def to_type(b, x, dtype, saturate=True):
    """The value in another type; texts become numbers and numbers texts on the host."""
    if dtype == x.dtype:
        return x
    if dtype in FLOAT8:
        if not x.known:
            raise NeedsValue(f"casting to {dtype} is done on the host")
        return b.constant(rounded(x.host(), dtype, saturate), dtype)
    if dtype in ("int4", "uint4"):
        low, high = (-8, 7) if dtype == "int4" else (0, 15)
        wide = x.cast("float32") if x.floating else x
        whole = b.binary("minimum", b.binary("maximum", _even(wide) if x.floating else wide, low), high)
        return b.retyped(whole.cast(carrier(dtype)), dtype)
    if dtype == "string":
        flat = [str(v) for v in x.host().ravel()]
        return b.constant(np.asarray(flat, object).reshape(x.shape), "string")
    if x.dtype == "string":
        texts = [t.decode() if isinstance(t, bytes) else t for t in x.host().ravel()]
        return b.constant(np.asarray(texts, str).astype(np.float64).reshape(x.shape), "float64").cast(dtype)
    if x.dtype == "bfloat16" or dtype == "bfloat16":
        return b.cast(b.known(x.array(), x.dtype) if x.known else x, dtype)
    if x.floating and dtype == "bool":
        return b.compare("not_equal", x, 0)
    return b.cast(x, dtype)


def _even(x):
    """Rounded, halves to the even neighbour."""
    down = x.unary("floor")
    rest = x - down
    return down + (rest > 0.5).cast(x.dtype) + rest.equal(0.5).cast(x.dtype) * (down % 2)


@operator("Cast")
def cast(n, x):
    """To the type that an attribute names."""
    wanted = n.attr("to")
    dtype = NAMES.get(wanted) if isinstance(wanted, int) else str(wanted).lower()
    if dtype is None:
        raise OnnxError(f"attribute 'to': {wanted} is not a type")
    return to_type(n.b, x, dtype, bool(n.int("saturate", 1)))


@operator("CastLike")
def cast_like(n, x, like):
    """To another value's type."""
    return to_type(n.b, x, like.dtype, bool(n.int("saturate", 1)))
