"""mx.sym._internal: the operators whose names begin with an underscore."""

from . import gen_op

globals().update((name, getattr(gen_op, name)) for name in gen_op.__all__ if name.startswith("_"))
