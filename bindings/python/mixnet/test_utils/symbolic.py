"""Checking outputs and gradients of a symbol against values known beforehand."""

import numpy as np

from .. import ndarray as nd
from .binding import as_ndarrays, bind, named_values, requests_by_name
from .comparison import assert_almost_equal
from .devices import default_context


def simple_forward(sym, ctx=None, is_train=False, **inputs):
    """Outputs of `sym` as numpy arrays (one, or a list), for `inputs` given by name."""
    executor = bind(sym, ctx or default_context(), inputs, None, "null", np.float32, "simple_forward")
    executor.forward(is_train=is_train)
    outputs = [output.asnumpy() for output in executor.outputs]
    return outputs[0] if len(outputs) == 1 else outputs


def check_symbolic_forward(
    sym,
    location,
    expected,
    rtol=None,
    atol=None,
    aux_states=None,
    ctx=None,
    equal_nan=False,
    dtype=np.float32,
):
    """AssertionError unless the outputs for `location` are `expected`; returns the outputs.

    Parameters
    ----------
    location : dict or list of arrays
        Values of the arguments.
    expected : dict or list of arrays
        Values of the outputs.
    rtol, atol, equal_nan :
        As for `assert_almost_equal`.
    """
    place = "check_symbolic_forward"
    executor = bind(sym, ctx or default_context(), location, aux_states, "null", dtype, place)
    wanted = named_values(sym.list_outputs(), expected, place)
    executor.forward(is_train=False)
    for name, output in zip(sym.list_outputs(), executor.outputs):
        if name in wanted:
            assert_almost_equal(wanted[name], output, rtol, atol, (f"EXPECTED_{name}", f"FORWARD_{name}"), equal_nan)
    return executor.outputs


def check_symbolic_backward(
    sym,
    location,
    out_grads,
    expected,
    rtol=None,
    atol=None,
    aux_states=None,
    grad_req="write",
    ctx=None,
    grad_stypes=None,
    equal_nan=False,
    dtype=np.float32,
):
    """AssertionError unless the gradients for `location` and `out_grads` are `expected`; returns the gradients.

    Where `grad_req` is 'add' the gradient must be added to what was there; where it is 'null' none is compared.
    `grad_stypes` is accepted; gradients are compared as dense arrays.
    """
    place, ctx = "check_symbolic_backward", ctx or default_context()
    names = sym.list_arguments()
    wanted = named_values(names, expected, place)
    requests = requests_by_name(names, grad_req)
    requests = {name: request if name in wanted else "null" for name, request in requests.items()}
    executor = bind(sym, ctx, location, aux_states, requests, dtype, place)
    before = {name: np.random.normal(size=grad.shape) for name, grad in executor.grad_dict.items() if grad is not None}
    for name, values in before.items():
        executor.grad_dict[name][:] = values
    executor.forward(is_train=True)
    executor.backward(_heads(sym, out_grads, ctx, dtype, place))
    for name, request in requests.items():
        if request == "null":
            continue
        grad = executor.grad_dict[name].asnumpy()
        if request == "add":
            grad = grad - before[name].astype(grad.dtype)
        assert_almost_equal(wanted[name], grad, rtol, atol, (f"EXPECTED_{name}", f"BACKWARD_{name}"), equal_nan)
    return executor.grad_dict


def _heads(sym, out_grads, ctx, dtype, place):
    if out_grads is None:
        return None
    named = as_ndarrays(named_values(sym.list_outputs(), out_grads, place), ctx, dtype)
    return [named[name] if name in named else nd.zeros((1,), ctx) for name in sym.list_outputs()]
