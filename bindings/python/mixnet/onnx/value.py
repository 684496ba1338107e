"""Value: a tensor of an ONNX model, either known now or an output of a symbol.

Known values hold an array of the library or of numpy, each made from the other when first asked for. All have a shape (-1 for extents
that are not known) and an ONNX element type. Arithmetic on values goes to their builder, which computes at once what is known.
"""

import numpy as np

from .. import ndarray as nd
from .dtypes import carrier, is_float, numpy_type
from .errors import NeedsValue, OnnxError

OPEN = -1_000_000_007  # stands in a list of extents for one that is known only when the model runs


def to_array(host, dtype):
    """The NDArray of numpy values, in the carrier of an ONNX type; scalars keep their zero axes."""
    kind = carrier(dtype)
    if kind is None:
        raise OnnxError(f"[onnx] values of type {dtype} are not supported")
    array = nd.array(np.ascontiguousarray(host.astype(np.float32 if kind == "bfloat16" else kind, copy=False)), dtype=kind)
    return nd.Reshape(array, shape=()) if host.ndim == 0 else array


class Value:
    """See above. `name` is wished for the variable that a known value becomes when a symbol reads it; `partial`: it has OPEN in it."""

    __slots__ = ("builder", "symbol", "shape", "dtype", "name", "_array", "_host", "variable", "partial")

    def __init__(self, builder, shape, dtype, array=None, host=None, symbol=None, name=None):
        self.builder, self.shape, self.dtype, self.name = builder, tuple(shape), dtype, name
        self._array, self._host, self.symbol, self.variable, self.partial = array, host, symbol, None, False

    @property
    def known(self):
        """Whether the value is there, not just the symbol that will compute it."""
        return self.symbol is None

    @property
    def ndim(self):
        """Number of axes."""
        return len(self.shape)

    @property
    def static(self):
        """Whether all extents are known."""
        return all(extent >= 0 for extent in self.shape)

    @property
    def size(self):
        """Number of elements; a negative number or 0 when not all extents are known."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def floating(self):
        """Whether the elements are floating-point numbers."""
        return is_float(self.dtype)

    def array(self):
        """The value as an NDArray."""
        if self._array is None:
            self._array = to_array(self.host(), self.dtype)
        return self._array

    def host(self, what="a value"):
        """The value as a numpy array; raises NeedsValue for a symbol's output."""
        if not self.known:
            raise NeedsValue(f"{what} is known only when the model runs")
        if self._host is None:
            self._host = self._array.asnumpy().reshape(self.shape).astype(numpy_type(self.dtype), copy=False)
        return self._host

    def ints(self, what="a list of numbers"):
        """The value as a list of int."""
        return [int(v) for v in self.host(what).ravel()]

    def item(self, what="a number"):
        """The value of one element."""
        host = self.host(what)
        if host.size != 1:
            raise OnnxError(f"{what}: expected one element, got shape {host.shape}")
        return host.ravel()[0].item()

    def full_shape(self):
        """The shape when all extents are known; raises NeedsValue otherwise."""
        if not self.static:
            raise NeedsValue(f"a static shape is needed, {self.shape} is known: give input_shapes")
        return self.shape

    def axis(self, axis):
        """An axis counted from the front, of one that may be negative."""
        if not -self.ndim <= axis < max(self.ndim, 1):
            raise OnnxError(f"axis: expected one of {self.ndim} axes, got {axis}")
        return axis % max(self.ndim, 1)

    # ---- what the builder does with it ------------------------------------------------------------------------------

    def cast(self, dtype):
        """The value in another element type."""
        return self.builder.cast(self, dtype)

    def reshape(self, *shape):
        """The elements in another shape of known extents; one may be -1."""
        return self.builder.reshape(self, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)

    def transpose(self, *axes):
        """The axes in another order."""
        axes = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
        return self if list(axes) == list(range(self.ndim)) else self.builder.op("transpose", self, axes=tuple(axes))

    def take(self, indices, axis):
        """Elements along an axis at constant indices, a list or a numpy array of one axis."""
        return self.builder.op("take", self, self.builder.constant(np.asarray(indices, np.int64)), axis=axis, mode="wrap")

    def slice(self, axis, begin, end):
        """A part of an axis; end None is the axis' own."""
        return self.builder.op("slice_axis", self, axis=axis, begin=begin, end=end)

    def reduce(self, kind, axes, keepdims=True):
        """sum, max, min, mean or prod over axes."""
        return self.builder.reduce(kind, self, axes, keepdims)

    def unary(self, name, **params):
        """An operator of one input."""
        return self.builder.op(name, self, **params)

    def __add__(self, other):
        return self.builder.binary("add", self, other)

    def __sub__(self, other):
        return self.builder.binary("sub", self, other)

    def __mul__(self, other):
        return self.builder.binary("mul", self, other)

    def __truediv__(self, other):
        return self.builder.binary("div", self, other)

    def __mod__(self, other):
        return self.builder.binary("mod", self, other)

    def __pow__(self, other):
        return self.builder.binary("power", self, other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return self.builder.scalar(other, self) - self

    def __rtruediv__(self, other):
        return self.builder.scalar(other, self) / self

    def __neg__(self):
        return self.unary("negative")

    def __lt__(self, other):
        return self.builder.compare("lesser", self, other)

    def __le__(self, other):
        return self.builder.compare("lesser_equal", self, other)

    def __gt__(self, other):
        return self.builder.compare("greater", self, other)

    def __ge__(self, other):
        return self.builder.compare("greater_equal", self, other)

    def equal(self, other):
        """Elements equal to another's, as bool."""
        return self.builder.compare("equal", self, other)
