"""mx.nd: arrays, and every operator as a function on them."""

from . import gen_op, op  # noqa: F401
from .dlpack import from_dlpack  # noqa: F401
from .gen_op import *  # noqa: F401, F403
from .ndarray import (  # noqa: F401
    NDArray,
    arange,
    array,
    concatenate,
    empty,
    eye,
    from_numpy,
    full,
    invoke,
    linspace,
    load,
    load_frombuffer,
    moveaxis,
    ones,
    save,
    waitall,
    zeros,
)
from .op import *  # noqa: F401, F403
from . import random  # noqa: F401, E402
