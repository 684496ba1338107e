"""mx.nd.Custom: operators that the program defines (mx.operator), on arrays."""

from ..base import MXNetError
from . import gen_op
from .ndarray import NDArray, invoke


def Custom(*data, op_type=None, out=None, name=None, ctx=None, **kwargs):  # noqa: N802
    """Runs the operator registered as op_type (mx.operator.register) on its inputs, then its auxiliary states, by position or by name.

    All other keywords are parameters of the operator, handed to it as texts. Returns an array, or a list where it has several outputs.
    """
    from ..operator import argument_names, custom_params

    named = {key: value for key, value in kwargs.items() if isinstance(value, NDArray)}
    params = {key: value for key, value in kwargs.items() if key not in named}
    inputs = list(data[0]) if len(data) == 1 and isinstance(data[0], (list, tuple)) else list(data)
    if named:
        for key in argument_names(op_type, params)[len(inputs) :]:
            if key not in named:
                raise MXNetError(f"[Custom {op_type}] {key}: expected an array, got none")
            inputs.append(named.pop(key))
        if named:
            raise MXNetError(f"[Custom {op_type}] unknown input '{next(iter(named))}'")
    return invoke(gen_op.Custom_op, inputs, custom_params(op_type, params, "Custom"), out, ctx)
