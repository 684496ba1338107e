"""mx.sym.sparse: the operators again; storage kinds are inferred when a symbol is bound."""

from .gen_op import *  # noqa: F401, F403
