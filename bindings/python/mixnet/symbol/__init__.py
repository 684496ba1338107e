"""mx.sym: symbols, and every operator as a function on them."""

from . import gen_op  # noqa: F401
from .gen_op import *  # noqa: F401, F403
from .custom import Custom  # noqa: F401
from .symbol import (  # noqa: F401
    Group,
    Symbol,
    Variable,
    arange,
    create,
    eye,
    fromjson,
    full,
    histogram,
    hypot,
    linspace,
    load,
    load_json,
    maximum,
    minimum,
    ones,
    pow,
    power,
    split_v2,
    var,
    zeros,
)
from . import _internal, contrib, image, linalg, op, random, sparse  # noqa: F401, E402


def _add_methods():
    """Operators as methods, as NDArray has them."""
    names = (
        "abs arccos arccosh arcsin arcsinh arctan arctanh argmax argmax_channel argmin argsort broadcast_axes broadcast_like broadcast_to cbrt ceil clip cos "
        "cosh degrees depth_to_space diag dot exp expand_dims expm1 fix flatten flip floor log log10 log1p log2 log_softmax max mean min nanprod nansum norm "
        "one_hot ones_like pad pick prod radians rcbrt reciprocal relu repeat reshape reshape_like rint round rsqrt shape_array sigmoid sign sin sinh "
        "size_array slice slice_axis slice_like softmax softmin sort space_to_depth split sqrt square squeeze sum swapaxes take tan tanh tile topk transpose "
        "trunc zeros_like"
    ).split()
    for name in names:
        function = getattr(gen_op, name, None)
        if function is not None and not hasattr(Symbol, name):
            setattr(Symbol, name, (lambda f: lambda self, *args, **kwargs: f(self, *args, **kwargs))(function))
    Symbol.astype = lambda self, dtype: gen_op.Cast(self, dtype=dtype)
    Symbol.reshape = _reshape
    Symbol.split_v2 = lambda self, *args, **kwargs: split_v2(self, *args, **kwargs)


def _reshape(self, *shape, **kwargs):
    """Reshape with the shape as one tuple or as positional numbers."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    if shape:
        kwargs["shape"] = shape
    return gen_op.Reshape(self, **kwargs)


_add_methods()
