"""Functions of mx.nd that take arrays or numbers, and the methods that NDArray has from the operators."""

import numpy as np

from . import gen_op
from .ndarray import NDArray, arithmetic


def _either(tensor_op, scalar_op, reversed_op, numbers):
    """A function of two operands of which none, one or both are arrays."""
    names = (tensor_op, scalar_op, reversed_op)

    def function(lhs, rhs):
        if not isinstance(lhs, NDArray) and not isinstance(rhs, NDArray):
            return numbers(lhs, rhs)
        result = arithmetic(lhs, rhs, names)
        if result is NotImplemented:
            raise TypeError(f"[{tensor_op}] expected arrays or numbers, got {type(lhs).__name__} and {type(rhs).__name__}")
        return result

    return function


add = _either("broadcast_add", "_plus_scalar", "_plus_scalar", lambda a, b: a + b)
subtract = _either("broadcast_sub", "_minus_scalar", "_rminus_scalar", lambda a, b: a - b)
multiply = _either("broadcast_mul", "_mul_scalar", "_mul_scalar", lambda a, b: a * b)
divide = _either("broadcast_div", "_div_scalar", "_rdiv_scalar", lambda a, b: a / b)
true_divide = divide
modulo = _either("broadcast_mod", "_mod_scalar", "_rmod_scalar", lambda a, b: a % b)
power = _either("broadcast_power", "_power_scalar", "_rpower_scalar", lambda a, b: a**b)
maximum = _either("broadcast_maximum", "_maximum_scalar", "_maximum_scalar", max)
minimum = _either("broadcast_minimum", "_minimum_scalar", "_minimum_scalar", min)
hypot = _either("broadcast_hypot", "_hypot_scalar", "_hypot_scalar", np.hypot)
equal = _either("broadcast_equal", "_equal_scalar", "_equal_scalar", lambda a, b: float(a == b))
not_equal = _either("broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar", lambda a, b: float(a != b))
greater = _either("broadcast_greater", "_greater_scalar", "_lesser_scalar", lambda a, b: float(a > b))
greater_equal = _either("broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar", lambda a, b: float(a >= b))
lesser = _either("broadcast_lesser", "_lesser_scalar", "_greater_scalar", lambda a, b: float(a < b))
lesser_equal = _either("broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar", lambda a, b: float(a <= b))
logical_and = _either("broadcast_logical_and", "_logical_and_scalar", "_logical_and_scalar", lambda a, b: float(bool(a) and bool(b)))
logical_or = _either("broadcast_logical_or", "_logical_or_scalar", "_logical_or_scalar", lambda a, b: float(bool(a) or bool(b)))
logical_xor = _either("broadcast_logical_xor", "_logical_xor_scalar", "_logical_xor_scalar", lambda a, b: float(bool(a) != bool(b)))


def histogram(a, bins=10, range=None):  # noqa: A002 - MXNet's name
    """(counts, edges): how many elements are in each bin; `bins` is their number within `range` (that of the elements unless given), or an array of edges."""
    if isinstance(bins, NDArray):
        return gen_op._histogram(a, bins=bins)
    if range is None:
        low, high = a.min().asscalar(), a.max().asscalar()
        range = (float(low), float(high)) if low < high else (float(low) - 0.5, float(high) + 0.5)
    return gen_op._histogram(a, bin_cnt=bins, range=range)


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False):
    """Parts along an axis: so many equal ones, or from each of several positions to the next. squeeze_axis: parts of one element lose the axis.

    ValueError where the parts would not be equal; as a symbol, which does not know the extent, the first parts are longer by one.
    """
    if isinstance(indices_or_sections, int) and (indices_or_sections < 1 or ary.shape[axis] % indices_or_sections):
        raise ValueError(f"[split_v2] indices_or_sections: expected a divisor of {ary.shape[axis]}, got {indices_or_sections}")
    return gen_op._split_v2(ary, axis=axis, squeeze_axis=squeeze_axis, **split_places(indices_or_sections))


def split_places(indices_or_sections):
    """Parameters of _split_v2."""
    if isinstance(indices_or_sections, int):
        return {"indices": (), "sections": indices_or_sections}
    return {"indices": (0, *indices_or_sections), "sections": 0}


def onehot_encode(indices, out):
    """Writes rows of 0 with a 1 at the index into `out`, (len(indices), classes), and gives it back."""
    return gen_op._onehot_encode(indices, out, out=out)


def to_dlpack_for_read(data):
    """A DLPack capsule of the array's memory, once what writes it is done."""
    return data.to_dlpack_for_read()


def to_dlpack_for_write(data):
    """A DLPack capsule of the array's memory, once what reads or writes it is done."""
    return data.to_dlpack_for_write()


_METHODS = (
    "abs arccos arccosh arcsin arcsinh arctan arctanh argmax argmax_channel argmin argsort broadcast_axes broadcast_like broadcast_to cbrt "
    "ceil clip cos cosh degrees depth_to_space diag dot exp expand_dims expm1 fix flatten flip floor log log10 log1p log2 log_softmax max mean min nanprod "
    "nansum norm one_hot ones_like pad pick prod radians rcbrt reciprocal relu repeat reshape_like rint round rsqrt sigmoid sign sin sinh "
    "size_array shape_array slice slice_axis slice_like softmax softmin sort space_to_depth split sqrt square squeeze stack sum swapaxes take tan tanh tile "
    "topk transpose trunc zeros_like"
).split()


def _method(function):
    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = function.__doc__
    return method


def _transpose(self, *axes, **kwargs):
    """The axes in another order; all reversed when none are given."""
    if len(axes) == 1 and isinstance(axes[0], (tuple, list)):
        axes = tuple(axes[0])
    if axes:
        kwargs["axes"] = axes
    return gen_op.transpose(self, **kwargs)


for _name in _METHODS:
    if hasattr(gen_op, _name) and not hasattr(NDArray, _name):
        setattr(NDArray, _name, _method(getattr(gen_op, _name)))


def _slice_assign(self, rhs, begin, end, step):
    """The array with `rhs` in place of a slice."""
    return gen_op._slice_assign(self, rhs, begin=begin, end=end, step=step)


def _slice_assign_scalar(self, value, begin, end, step):
    """The array with a number in place of a slice."""
    return gen_op._slice_assign_scalar(self, scalar=value, begin=begin, end=end, step=step)


NDArray.transpose = _transpose
NDArray.split_v2 = _method(split_v2)
NDArray.slice_assign = _slice_assign
NDArray.slice_assign_scalar = _slice_assign_scalar
NDArray.swapaxes = lambda self, dim1, dim2: gen_op.swapaxes(self, dim1=dim1, dim2=dim2)


def __getattr__(name):
    """Every operator, for mx.nd.op."""
    if not name.startswith("__") and hasattr(gen_op, name):
        return getattr(gen_op, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
