"""Giving the host copies of parameters their values."""

from .. import ndarray as nd
from ..base import dtype_name
from ..context import cpu


def zeros_for(names, arrays, wide=False):
    """Zeros on the CPU for each name, shaped and typed like the array on the first device; `wide`: 16-bit floats as float32."""
    return {name: nd.zeros(parts[0].shape, cpu(), dtype=_dtype(parts[0].dtype, wide)) for name, parts in zip(names, arrays)}


def _dtype(dtype, wide):
    return "float32" if wide and dtype_name(dtype) in ("float16", "bfloat16") else dtype


def first_value(desc, target, given, initializer, allow_missing):
    """Fill `target` from the dict `given`, or by `initializer` where there is no dict or missing is allowed."""
    value = None if given is None else given.get(desc)
    if value is None:
        if given is not None and not allow_missing:
            raise RuntimeError(f"[Module] init_params {desc}: expected a value, got none ({desc} is not presented)")
        if initializer is not None:
            initializer(desc, target)
        return
    if tuple(value.shape) != tuple(target.shape):
        raise ValueError(f"[Module] init_params {desc}: expected shape {target.shape}, got {value.shape}")
    if value is not target:
        (value if value.dtype == target.dtype else value.astype(target.dtype)).copyto(target)
