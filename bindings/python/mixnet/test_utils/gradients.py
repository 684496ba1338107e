"""Comparing the gradients of an executor with central differences.

The outputs are weighted with random numbers and summed, so that one scalar stands for all of them; each element of
an input costs two forward passes.
"""

import numpy as np

from .binding import as_ndarrays, bind, named_values
from .comparison import as_numpy, assert_almost_equal, default_numeric_eps
from .devices import default_context


def numeric_grad(executor, location, aux_states=None, eps=1e-4, use_forward_train=True, dtype=np.float32, heads=None):
    """Dict from name to the central-difference gradient of the sum of the outputs, at `location`.

    Parameters
    ----------
    executor : Executor
    location : dict from argument name to array
        Differences are taken along every floating-point argument in it.
    aux_states : dict, optional
        Values the auxiliary states are set back to before every pass.
    eps : float
        Distance between the two points.
    heads : list of numpy arrays, optional
        Weights of the outputs in the sum, 1 by default.
    """
    values = {name: as_numpy(value).astype(executor.arg_dict[name].dtype) for name, value in location.items()}
    for name, value in values.items():
        executor.arg_dict[name][:] = value

    def total():
        for name, value in (aux_states or {}).items():
            executor.aux_dict[name][:] = value
        executor.forward(is_train=use_forward_train)
        outputs = [output.asnumpy().astype(np.float64) for output in executor.outputs]
        weights = [1.0] * len(outputs) if heads is None else heads
        return sum(float((output * weight).sum()) for output, weight in zip(outputs, weights))

    return {name: _differences(executor.arg_dict[name], value, eps, total) for name, value in values.items() if value.dtype.kind == "f"}


def _differences(array, value, eps, total):
    moved, grad = value.copy(), np.zeros(value.shape, np.float64)
    for place in np.ndindex(*value.shape):
        sums = []
        for step in (eps / 2, -eps / 2):
            moved[place] = value[place] + step
            array[:] = moved
            sums.append(total())
        grad[place] = (sums[0] - sums[1]) / eps
        moved[place] = value[place]
    array[:] = value
    return grad.astype(value.dtype)


def check_numeric_gradient(
    sym,
    location,
    aux_states=None,
    numeric_eps=None,
    rtol=None,
    atol=None,
    grad_nodes=None,
    use_forward_train=True,
    ctx=None,
    grad_stype_dict=None,
    dtype=np.float32,
):
    """AssertionError unless backward and central differences agree.

    Parameters
    ----------
    sym : Symbol
    location : dict or list of arrays
        Values of the arguments.
    numeric_eps : float, optional
        Distance of the two points; by type 2**-6, 2**-9, 2**-14 for float16, float32, float64.
    rtol, atol : float, optional
        Defaults of `dtype`.
    grad_nodes : list of names or dict from name to grad_req, optional
        Arguments to check, all by default.
    use_forward_train : bool
        Whether forward passes are those of training.
    grad_stype_dict :
        Accepted; gradients are compared as dense arrays.
    """
    place, ctx = "check_numeric_gradient", ctx or default_context()
    names = sym.list_arguments()
    values = {name: as_numpy(value) for name, value in named_values(names, location, place).items()}
    requests = _requests(names, grad_nodes)
    auxs = named_values(sym.list_auxiliary_states(), aux_states, place)
    auxs = {name: as_numpy(value) for name, value in auxs.items()}
    eps = default_numeric_eps().get(np.dtype(dtype), 1e-4) if numeric_eps is None else numeric_eps

    executor = bind(sym, ctx, values, auxs, requests, dtype, place)
    before = {name: np.random.normal(size=values[name].shape) for name in requests}
    for name in requests:
        executor.grad_dict[name][:] = before[name]
    executor.forward(is_train=True)
    heads = [np.random.normal(size=output.shape) for output in executor.outputs]
    grads = as_ndarrays(dict(enumerate(heads)), ctx, dtype)
    heads = [grads[i].asnumpy() for i in range(len(heads))]  # rounded as the executor sees them
    executor.backward([grads[i] for i in range(len(heads))])

    probe = bind(sym, ctx, values, auxs, "null", dtype, place)
    checked = {name: values[name] for name in requests}
    expected = numeric_grad(probe, checked, auxs, eps, use_forward_train, dtype, heads)
    for name, request in requests.items():
        grad = executor.grad_dict[name].asnumpy()
        if request == "add":
            grad = grad - before[name].astype(grad.dtype)
        assert_almost_equal(expected[name], grad, rtol, atol, (f"NUMERICAL_{name}", f"BACKWARD_{name}"))


def _requests(names, grad_nodes):
    if grad_nodes is None:
        return dict.fromkeys(names, "write")
    requests = dict(grad_nodes) if isinstance(grad_nodes, dict) else dict.fromkeys(grad_nodes, "write")
    unknown = sorted(set(requests) - set(names))
    if unknown:
        raise ValueError(f"[check_numeric_gradient] grad_nodes: expected names out of {names}, got {unknown[0]!r}")
    return {name: request for name, request in requests.items() if request != "null"}
