"""mx.sym.op: every operator as a function on symbols."""

from .gen_op import *  # noqa: F401, F403
