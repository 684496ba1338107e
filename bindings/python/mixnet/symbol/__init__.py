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
    fromjson,
    full,
    hypot,
    load,
    load_json,
    maximum,
    minimum,
    ones,
    pow,
    power,
    var,
    zeros,
)
from . import contrib, image, linalg, random  # noqa: F401, E402


def _add_methods():
    """Operators as methods, as NDArray has them."""
    names = (
        "abs argmax argmin broadcast_axes broadcast_like broadcast_to ceil clip cos dot exp expand_dims flatten flip floor log log_softmax max "
        "mean min norm one_hot ones_like pick prod relu repeat reshape reshape_like round rsqrt sigmoid sign sin slice slice_axis slice_like "
        "softmax split sqrt square squeeze sum swapaxes take tanh tile transpose zeros_like"
    ).split()
    for name in names:
        function = getattr(gen_op, name, None)
        if function is not None and not hasattr(Symbol, name):
            setattr(Symbol, name, (lambda f: lambda self, *args, **kwargs: f(self, *args, **kwargs))(function))
    Symbol.astype = lambda self, dtype: gen_op.Cast(self, dtype=dtype)
    Symbol.reshape = _reshape


def _reshape(self, *shape, **kwargs):
    """Reshape with the shape as one tuple or as positional numbers."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    if shape:
        kwargs["shape"] = shape
    return gen_op.Reshape(self, **kwargs)


_add_methods()
