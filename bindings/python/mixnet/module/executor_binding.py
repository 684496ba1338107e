"""Binding a symbol to one device, either with arrays of its own or inside the memory of another executor.

Sharing (for buckets): parameters, their gradients and auxiliary states are the very arrays of the other executor;
input arrays reuse its memory where they fit; intermediate results live in its arena.
"""

import numpy as np

from .. import ndarray as nd


def resolve_grad_req(grad_req, arg_names, param_names, fixed_names, data_names, for_training, inputs_need_grad):
    """Dict from argument name to 'write', 'add' or 'null'.

    A single request holds for the parameters that are not fixed and, where `inputs_need_grad`, for the data. A list
    (one per argument) or dict says it itself.
    """
    if not for_training:
        return dict.fromkeys(arg_names, "null")
    if isinstance(grad_req, (list, tuple)):
        if len(grad_req) != len(arg_names):
            raise ValueError(f"[bind] grad_req: expected {len(arg_names)} entries, got {len(grad_req)}")
        return dict(zip(arg_names, grad_req))
    if not isinstance(grad_req, (str, dict)):
        raise TypeError(f"[bind] grad_req: expected a str, list or dict, got {type(grad_req).__name__}")
    default = grad_req if isinstance(grad_req, str) else "write"
    wanted = set(param_names) - set(fixed_names)
    if inputs_need_grad:
        wanted |= set(data_names)
    requests = {name: default if name in wanted else "null" for name in arg_names}
    if isinstance(grad_req, dict):
        requests.update(grad_req)
    return requests


def bind_alone(symbol, ctx, grad_req, inputs, group2ctx):
    """Executor with new arrays. `inputs` maps input names to DataDesc with the shapes for this device."""
    shapes = {name: desc.shape for name, desc in inputs.items()}
    types = {name: desc.dtype for name, desc in inputs.items()}
    return symbol.simple_bind(ctx, grad_req=grad_req, type_dict=types, group2ctx=group2ctx, **shapes)


def bind_shared(symbol, ctx, grad_req, inputs, group2ctx, owner, param_names):
    """Executor that shares with the executor `owner`.

    Raises ValueError for a parameter that `owner` lacks or has in another shape.
    """
    arg_names, aux_names = symbol.list_arguments(), symbol.list_auxiliary_states()
    arg_shapes, _, aux_shapes = symbol.infer_shape(**{name: desc.shape for name, desc in inputs.items()})
    types = dict(zip(arg_names, symbol.infer_type(**{name: desc.dtype for name, desc in inputs.items()})[0]))
    args, grads = {}, {}
    for name, shape in zip(arg_names, arg_shapes):
        if name in param_names:
            args[name] = _owned(owner.arg_dict, name, shape)
            if grad_req[name] != "null":
                grads[name] = _gradient(owner, name, shape, args[name].context, types[name])
        else:
            args[name] = _input_array(owner.arg_dict.get(name), shape, ctx, types[name])
            if grad_req[name] != "null":
                grads[name] = nd.zeros(shape, args[name].context, dtype=types[name])
    auxs = {name: _owned(owner.aux_dict, name, shape) for name, shape in zip(aux_names, aux_shapes)}
    return symbol.bind(ctx, args, grads, grad_req, auxs, group2ctx=group2ctx, shared_exec=owner)


def _owned(arrays, name, shape):
    array = arrays.get(name)
    if array is None or tuple(array.shape) != tuple(shape):
        found = "none" if array is None else array.shape
        raise ValueError(f"[bind] {name}: expected the shared module to have it with shape {shape}, got {found}")
    return array


def _gradient(owner, name, shape, ctx, dtype):
    shared = owner.grad_dict.get(name)
    return nd.zeros(shape, ctx, dtype=dtype) if shared is None else shared


def _input_array(shared, shape, ctx, dtype):
    size = int(np.prod(shape))
    if shared is None or shared.dtype != dtype or shared.size < size or not size:
        return nd.zeros(shape, ctx, dtype=dtype)
    return shared.reshape((-1,))[0:size].reshape(shape)
