"""The same symbol on several devices and in several types must give the same numbers."""

import numpy as np

from .binding import requests_by_name
from .comparison import TOLERANCES, as_numpy, assert_almost_equal

# Whole networks accumulate rounding: wider than for one operator.
RTOLS = {"float16": 1e-1, "float32": 1e-3, "float64": 1e-5}


def check_consistency(
    sym,
    ctx_list,
    scale=1.0,
    grad_req="write",
    arg_params=None,
    aux_params=None,
    rtol=None,
    atol=None,
    raise_on_err=True,
    ground_truth=None,
    equal_nan=False,
    use_uniform=False,
    rand_type=np.float64,
):
    """AssertionError unless all bindings of `ctx_list` agree in outputs and gradients.

    Parameters
    ----------
    sym : Symbol or list of Symbol, one per entry
    ctx_list : list of dict
        ``{'ctx': Context, NAME: shape, ..., 'type_dict': {NAME: dtype}}``.
    scale : float
        Size of the random inputs.
    arg_params, aux_params : dict from name to array, optional
        Values in place of random ones.
    rtol, atol : float or dict from dtype to float, optional
        Default by the coarser type of the two compared.
    raise_on_err : bool
        False prints nothing and goes on.
    ground_truth : dict from name to array, optional
        What to compare with; by default the binding of the finest type (the first of them).

    Returns
    -------
    dict from output (and, with gradients, argument) name to NDArray of the reference
    """
    symbols = sym if isinstance(sym, (list, tuple)) else [sym] * len(ctx_list)
    executors = [_simple_bind(one, entry, grad_req) for one, entry in zip(symbols, ctx_list)]
    _fill(executors, scale, arg_params, aux_params, use_uniform, rand_type)
    results = [_run(one, executor, grad_req) for one, executor in zip(symbols, executors)]
    finest = int(np.argmax([np.finfo(_kind(executor)).nmant for executor in executors]))
    truth = results[finest] if ground_truth is None else ground_truth
    for executor, result in zip(executors, results):
        for name, value in result.items():
            if name in truth:
                _compare(truth[name], value, rtol, atol, name, _kind(executor), equal_nan, raise_on_err)
    return truth


def _simple_bind(sym, entry, grad_req):
    shapes = {key: value for key, value in entry.items() if key not in ("ctx", "type_dict")}
    return sym.simple_bind(entry["ctx"], grad_req=grad_req, type_dict=entry.get("type_dict"), **shapes)


def _kind(executor):
    """Floating-point type of the first output; float64 for other types."""
    dtype = np.dtype(executor.outputs[0].dtype)
    return dtype if dtype.name in TOLERANCES else np.dtype(np.float64)


def _fill(executors, scale, arg_params, aux_params, use_uniform, rand_type):
    first = executors[0]
    draw = (lambda shape: np.random.uniform(-scale, scale, shape)) if use_uniform else None
    draw = draw or (lambda shape: np.random.normal(size=shape) * scale)
    args = {name: draw(array.shape).astype(rand_type) for name, array in first.arg_dict.items()}
    auxs = {name: np.zeros(array.shape) for name, array in first.aux_dict.items()}
    args.update({name: as_numpy(value) for name, value in (arg_params or {}).items()})
    auxs.update({name: as_numpy(value) for name, value in (aux_params or {}).items()})
    for executor in executors:
        for values, arrays in ((args, executor.arg_dict), (auxs, executor.aux_dict)):
            for name, array in arrays.items():
                array[:] = values[name].astype(array.dtype)
        for grad in executor.grad_dict.values():
            if grad is not None:
                grad[:] = 0


def _run(sym, executor, grad_req):
    executor.forward(is_train=grad_req != "null")
    result = dict(zip(sym.list_outputs(), executor.outputs))
    if grad_req != "null":
        executor.backward(list(executor.outputs))
        requests = requests_by_name(sym.list_arguments(), grad_req)
        result.update((name, grad) for name, grad in executor.grad_dict.items() if requests[name] != "null")
    return result


def _compare(expected, value, rtol, atol, name, kind, equal_nan, raise_on_err):
    coarser = min(kind, as_numpy(expected).dtype, key=lambda dtype: np.finfo(dtype).nmant if dtype.kind == "f" else 99)
    chosen = [_choose(rtol, coarser, RTOLS), _choose(atol, coarser, RTOLS)]
    try:
        names = (f"{name}_expected", f"{name}_{kind.name}")
        assert_almost_equal(as_numpy(expected).astype(np.float64), as_numpy(value), *chosen, names, equal_nan)
    except AssertionError:
        if raise_on_err:
            raise


def _choose(tolerance, dtype, defaults):
    if isinstance(tolerance, dict):
        return {np.dtype(key): value for key, value in tolerance.items()}[dtype]
    return defaults.get(dtype.name, 0) if tolerance is None else tolerance
