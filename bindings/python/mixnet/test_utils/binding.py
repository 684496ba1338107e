"""Binding a symbol to values given as dict or list."""

from .. import ndarray as nd
from .comparison import as_numpy


def named_values(names, values, place):
    """Dict from name to value, from a dict or a list in the order of `names`; ValueError where names do not fit."""
    if values is None:
        return {}
    if isinstance(values, dict):
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ValueError(f"[{place}] location: expected names out of {list(names)}, got {unknown[0]!r}")
        return dict(values)
    if len(values) != len(names):
        raise ValueError(f"[{place}] location: expected {len(names)} values for {list(names)}, got {len(values)}")
    return dict(zip(names, values))


def as_ndarrays(values, ctx, dtype):
    """Dict of NDArrays on `ctx`; an NDArray keeps its type, other values become `dtype`."""
    return {name: _as_ndarray(value, ctx, dtype) for name, value in values.items()}


def _as_ndarray(value, ctx, dtype):
    if isinstance(value, nd.NDArray):
        return value.copyto(ctx)
    return nd.array(as_numpy(value), ctx, dtype=dtype)


def bind(sym, ctx, location, aux_states, grad_req, dtype, place):
    """Executor of `sym` with the given values; gradients start at 0 and only exist where `grad_req` wants them."""
    names = sym.list_arguments()
    args = as_ndarrays(named_values(names, location, place), ctx, dtype)
    missing = [name for name in names if name not in args]
    if missing:
        raise ValueError(f"[{place}] location: expected a value for {missing[0]!r}, got none")
    auxs = as_ndarrays(named_values(sym.list_auxiliary_states(), aux_states, place), ctx, dtype)
    requests = requests_by_name(names, grad_req)
    grads = {name: nd.zeros(args[name].shape, ctx, dtype=args[name].dtype) for name in names if requests[name] != "null"}
    return sym.bind(ctx, args, grads, requests, auxs)


def requests_by_name(names, grad_req):
    """Dict from name to 'write', 'add' or 'null', from one of them, a list or a dict (others: null)."""
    if isinstance(grad_req, str):
        return dict.fromkeys(names, grad_req)
    if isinstance(grad_req, (list, tuple)):
        return dict(zip(names, grad_req))
    return {name: grad_req.get(name, "null") for name in names}
