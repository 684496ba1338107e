"""mx.sym.Custom: operators that the program defines (mx.operator), as nodes."""

from ..base import MXNetError
from . import gen_op
from .symbol import Symbol, create


def Custom(*data, op_type=None, name=None, attr=None, **kwargs):  # noqa: N802
    """A node of the operator registered as op_type (mx.operator.register). Inputs by position or by name; those left out become variables.

    All other keywords are parameters of the operator, handed to it as texts; a file keeps them, and is loaded where op_type is registered.
    """
    from ..operator import custom_params

    named = {key: value for key, value in kwargs.items() if isinstance(value, Symbol)}
    params = {key: value for key, value in kwargs.items() if key not in named}
    inputs = list(data[0]) if len(data) == 1 and isinstance(data[0], (list, tuple)) else list(data)
    if inputs and named:
        from ..operator import argument_names

        names = argument_names(op_type, params)
        if len(inputs) > len(names):
            raise MXNetError(f"[Custom {name or op_type}] expected at most {len(names)} inputs, got {len(inputs)}")
        inputs = {**dict(zip(names, inputs)), **named}
    return create(gen_op.Custom_op, named if named and not inputs else inputs, custom_params(op_type, params, "Custom"), name, attr)
