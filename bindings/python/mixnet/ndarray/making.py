"""Arrays from shapes, numbers and other arrays: zeros, ranges, views of numpy memory, arrays joined."""

from ..base import DTYPES, check, dtype_name, fast, ffi, lib, register_callback
from ..context import current_context
from . import gen_op
from .ndarray import NDArray, _shape_arg, array, invoke


def _filled(op, shape, ctx, dtype, **params):
    params.update(shape=_shape_arg(shape), dtype=dtype_name(dtype))
    where = ctx or current_context()
    made = fast.make(op, params, where.device_typeid, where.device_id)
    return invoke(op, (), params, ctx=where) if made is None else made


def zeros(shape, ctx=None, dtype=None, stype=None, out=None, **kwargs):
    """An array of zeros; `stype` is its storage kind."""
    if stype not in (None, "default"):
        from . import sparse

        return sparse.zeros(stype, shape, ctx, dtype)
    if out is not None:
        out[:] = 0
        return out
    return _filled(gen_op._zeros_op, shape, ctx, dtype)


def ones(shape, ctx=None, dtype=None, out=None, **kwargs):
    """An array of ones."""
    if out is not None:
        out[:] = 1
        return out
    return _filled(gen_op._ones_op, shape, ctx, dtype)


def full(shape, val, ctx=None, dtype="float32", out=None):
    """An array of one value."""
    if out is not None:
        out[:] = val
        return out
    return _filled(gen_op._full_op, shape, ctx, dtype, value=float(val))


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, ctx=None, dtype="float32"):
    """Values from start to stop in steps; arange(n) counts from 0."""
    params = {"start": float(start), "stop": None if stop is None else float(stop), "step": float(step), "repeat": repeat}
    params["dtype"] = dtype_name(dtype)
    return invoke(gen_op._arange_op, (), params, ctx=ctx)


def linspace(start, stop, num, endpoint=True, ctx=None, dtype="float32"):
    """num values evenly spaced from start to stop."""
    params = {"start": float(start), "stop": float(stop), "num": num, "endpoint": endpoint, "dtype": dtype_name(dtype)}
    return invoke(gen_op._linspace_op, (), params, ctx=ctx)


def eye(N, M=0, k=0, ctx=None, dtype="float32"):  # noqa: N803 - MXNet's names
    """Ones on a diagonal."""
    return invoke(gen_op._eye_op, (), {"N": N, "M": M, "k": k, "dtype": dtype_name(dtype)}, ctx=ctx)


def from_numpy(values, zero_copy=True):
    """An array from a numpy array, sharing its memory when `zero_copy` and it is row-major."""
    if not zero_copy or not values.flags["C_CONTIGUOUS"]:
        return array(values, dtype=values.dtype)
    buffer = ffi.from_buffer(values)
    out = ffi.new("mxn_ndarray_t **")
    user = register_callback((values, buffer))
    check(lib.mxn_ndarray_from_memory(buffer, list(values.shape), values.ndim, DTYPES[dtype_name(values.dtype)], user, lib.mixnet_py_destroy, out))
    return NDArray(out[0])


def concatenate(arrays, axis=0, always_copy=True):
    """Arrays joined along an axis."""
    if len(arrays) == 1 and not always_copy:
        return arrays[0]
    return invoke(gen_op.Concat_op, arrays, {"dim": axis, "num_args": len(arrays)})


def moveaxis(tensor, source, destination):
    """An axis moved to another place."""
    order = list(range(tensor.ndim))
    order.insert(destination % tensor.ndim, order.pop(source % tensor.ndim))
    return tensor.transpose(axes=tuple(order))
