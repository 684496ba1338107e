"""Quantised numbers: computed as the real numbers that they stand for, which float32 or float64 hold exactly."""

from ..dtypes import FLOAT8, NAMES, carrier
from ..errors import OnnxError
from ..table import operator
from .casting import _even, to_type
from .matrix import matmul
from .neural import convolve

_RANGES = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767), "uint4": (0, 15), "int4": (-8, 7)}


def _spread(n, x, value, block):
    """A scale or zero point made to broadcast: one number, one per place of an axis, or one per block."""
    if value.ndim == 0 or value.size == 1:
        return value.reshape(())
    axis = x.axis(n.int("axis", 1))
    if value.ndim == 1 and not block:
        return value.reshape(*(1,) * axis, -1, *(1,) * (x.ndim - axis - 1))
    if not block:
        return value
    shape = value.full_shape()
    value = n.b.broadcast(value.reshape(*shape[: axis + 1], 1, *shape[axis + 1 :]), (*shape[: axis + 1], block, *shape[axis + 1 :]))
    value = value.reshape(*shape[:axis], shape[axis] * block, *shape[axis + 1 :])
    return value.slice(axis, 0, x.full_shape()[axis])


def quantised(n, x, scale, zero, dtype):
    """x / scale + zero, rounded to even and cut to the type's range."""
    b = n.b
    wide = x.cast("float32") / scale.cast("float32")
    if dtype in FLOAT8:
        return to_type(b, wide, dtype)
    whole = _even(wide)
    if zero is not None:
        whole = whole + zero.cast("float32")
    low, high = _RANGES[dtype]
    whole = b.binary("minimum", b.binary("maximum", whole, low), high)
    return b.retyped(whole.cast(carrier(dtype)), dtype)


@operator("QuantizeLinear")
def quantise(n, x, scale, zero=None):
    """To the zero point's type, uint8 without one."""
    dtype = zero.dtype if zero is not None else NAMES.get(n.int("output_dtype", 0), "uint8")
    if dtype not in _RANGES and dtype not in FLOAT8:
        raise OnnxError(f"type {dtype} is not one to quantise to")
    block = n.int("block_size", 0)
    return quantised(n, x, _spread(n, x, scale, block), None if zero is None else _spread(n, x, zero, block), dtype)


@operator("DequantizeLinear")
def dequantise(n, x, scale, zero=None):
    """(x - zero) * scale"""
    block = n.int("block_size", 0)
    value = _real(x)
    if zero is not None and zero.dtype not in FLOAT8:
        value = value - _spread(n, x, zero, block).cast("float32")
    return (value * _spread(n, x, scale, block).cast("float32")).cast(scale.dtype)


def _real(x, dtype="float32"):
    if x.dtype in FLOAT8:
        return x.builder.retyped(x, "float32")
    if x.dtype in ("int4", "uint4"):
        x = x.builder.retyped(x, carrier(x.dtype))
    return x.cast(dtype)


@operator("DynamicQuantizeLinear")
def dynamic(n, x):
    """To uint8 over the range that x has."""
    b, axes = n.b, list(range(x.ndim))
    high = b.binary("maximum", b.reduce("max", x, axes, False), 0)
    low = b.binary("minimum", b.reduce("min", x, axes, False), 0)
    scale = (high - low) / 255.0
    zero = _even(b.binary("minimum", b.binary("maximum", -low / scale, 0), 255)).cast("uint8")
    return quantised(n, x, scale, zero, "uint8"), scale, zero


def _lowered(x, zero, length):
    """x - zero as float32, or float64 where sums of `length` products need it."""
    dtype = "float32" if 0 < length < 256 else "float64"
    return _real(x, dtype) if zero is None else _real(x, dtype) - zero.cast(dtype)


def _column(zero):
    return zero if zero is None or zero.ndim == 0 else zero.reshape(-1, 1)


@operator("MatMulInteger")
def matmul_integer(n, a, b, a_zero=None, b_zero=None):
    """A product of integers in int32."""
    length = a.shape[-1]
    return matmul(n.b, _lowered(a, _column(a_zero), length), _lowered(b, b_zero, length)).cast("int32")


@operator("QLinearMatMul")
def matmul_quantised(n, a, a_scale, a_zero, b, b_scale, b_zero, scale, zero):
    """A product of quantised matrices, quantised."""
    length = a.shape[-1]
    out = matmul(n.b, _lowered(a, _column(a_zero), length), _lowered(b, b_zero, length)).cast("float32")
    factor = _column(a_scale.cast("float32")) * b_scale.cast("float32")
    return quantised(n, out * factor, scale, zero, zero.dtype)


@operator("ConvInteger")
def conv_integer(n, x, weight, x_zero=None, w_zero=None):
    """A convolution of integers in int32."""
    return _convolved(n, x, x_zero, weight, w_zero).cast("int32")


def _convolved(n, x, x_zero, weight, w_zero, bias=None):
    length = weight.size // max(weight.shape[0], 1)
    if w_zero is not None and w_zero.size > 1:
        w_zero = w_zero.reshape(-1, *(1,) * (weight.ndim - 1))
    x, weight = _lowered(x, None if x_zero is None else x_zero.reshape(()), length), _lowered(weight, w_zero, length)
    return convolve(n, x, weight, None if bias is None else bias.cast(x.dtype))


@operator("QLinearConv")
def conv_quantised(n, x, x_scale, x_zero, weight, w_scale, w_zero, scale, zero, bias=None):
    """A convolution of quantised tensors, quantised."""
    out = _convolved(n, x, x_zero, weight, w_zero, bias).cast("float32")
    factor = x_scale * (w_scale.reshape(-1, *(1,) * (x.ndim - 2)) if w_scale.size > 1 else w_scale.reshape(()))
    return quantised(n, out * factor, scale, zero, zero.dtype)
