"""Builder: applies operators of the library to values, at once where all inputs are known and as nodes of a symbol elsewhere.

The same code therefore folds what depends on constants only, builds graphs, and runs a model node by node when its inputs are given.
What it computes at once may have LIMIT elements, so that a model of a few bytes cannot ask for all memory.
"""

import numpy as np

from .. import ndarray as nd
from .. import symbol as sym
from ..base import DTYPE_NAMES, DTYPES, TextList, check, ffi, lib, shapes
from .dtypes import carrier, numpy_type
from .errors import NeedsValue, OnnxError
from .value import Value

LIMIT = 1 << 28
HUGE = 1 << 40
_SMALL = 1 << 12
_GROWING = {"broadcast_axis", "broadcast_to", "gather_nd", "one_hot", "Pad", "take", "tile", "scatter_nd"}
_inputs = {}


def _input(index):
    if index not in _inputs:
        _inputs[index] = sym.Variable(f"i{index}")
    return _inputs[index]


def _infer(symbol, shapes_in, codes_in):
    """(shapes, dtypes) of a symbol's outputs; its arguments are i0, i1, ..."""
    count = len(shapes_in)
    names = TextList([f"i{i}" for i in range(count)])
    out = [ffi.new("mxn_shapes_t **") for _ in range(3)]
    complete = ffi.new("int32_t *")
    ndims = ffi.new("int32_t[]", [len(s) for s in shapes_in] or [0])
    dims = ffi.new("int64_t[]", [e for s in shapes_in for e in s] or [0])
    check(lib.mxn_symbol_infer_shape(symbol.handle, names.pointer, ndims, dims, count, *out, complete))
    result = [shapes(o[0]) for o in out][1]
    out = [ffi.new("mxn_shapes_t **") for _ in range(3)]
    check(lib.mxn_symbol_infer_type(symbol.handle, names.pointer, ffi.new("int32_t[]", codes_in or [0]), count, *out, complete))
    types = [shapes(o[0])[0] for o in out][1]
    return result, [DTYPE_NAMES.get(code) for code in types]


def checked_size(shape):
    """The number of elements of a shape that is to be made now; raises beyond LIMIT."""
    count = 1
    for extent in shape:
        if extent < 0:
            raise OnnxError(f"extents: expected none below 0, got {tuple(shape)}")
        count *= int(extent)
    if count > LIMIT:
        raise OnnxError(f"a value of shape {tuple(shape)} is larger than {LIMIT} elements")
    return count


class Builder:
    """See above. `params` are the arrays behind the variables that it made; `label` names the nodes it makes next."""

    def __init__(self, eager=False):
        self.params, self.names, self.label, self.eager = {}, set(), "node", eager
        self._known_shapes = {}

    # ---- making values ----------------------------------------------------------------------------------------------

    def constant(self, host, dtype=None, name=None):
        """A known value of a numpy array."""
        host = np.asarray(host)
        return Value(self, host.shape, dtype or host.dtype.name, host=host, name=name)

    def known(self, array, dtype=None):
        """A known value of an NDArray."""
        return Value(self, array.shape, dtype or array._dtype, array=array)

    def full(self, shape, number, dtype):
        """A known value of one number."""
        checked_size(shape)
        return self.constant(np.full(tuple(shape), number, numpy_type(dtype)), dtype)

    def scalar(self, number, like):
        """A number as a value that can be combined with `like`."""
        return self.constant(np.asarray(number, numpy_type(like.dtype)), like.dtype)

    def input(self, name, shape, dtype):
        """A value that is given when the model runs."""
        if not isinstance(name, str) or "\0" in name or not name:
            raise OnnxError(f"[onnx] input {name!r}: expected a name")
        self.names.add(name)
        kind = carrier(dtype)
        if kind is None:
            raise OnnxError(f"[onnx] input '{name}': type {dtype} is not supported")
        hint = {"shape": tuple(shape)} if all(extent > 0 for extent in shape) and shape else {}
        return Value(self, shape, dtype, symbol=sym.Variable(name, dtype=kind, **hint))

    def unique(self, name):
        """The name, with a number behind it when it is taken."""
        name = wished = str(name or "value").replace("\0", "?")
        number = 0
        while name in self.names:
            number += 1
            name = f"{wished}_{number}"
        self.names.add(name)
        return name

    def lift(self, value):
        """The symbol of a value; a known one becomes a variable with its array in `params`."""
        if not value.known:
            return value.symbol
        if value.variable is None:
            value.variable = self._parameter(value)
        return value.variable

    def _parameter(self, value):
        """A variable for a known value. One without axes is kept with one, since files and modules of MXNet know no others."""
        name = self.unique(value.name or f"{self.label}_constant")
        shape = value.shape or (1,)
        self.params[name] = value.array() if value.shape else nd.Reshape(value.array(), shape=(1,))
        variable = sym.Variable(name, dtype=carrier(value.dtype), **({"shape": shape} if 0 not in shape else {}))
        return variable if value.shape else sym.Reshape(variable, shape=(), name=self.unique(name + "_scalar"))

    # ---- operators --------------------------------------------------------------------------------------------------

    def op(self, name, *values, **params):
        """An operator's output, or a list of them when there are several."""
        values = [v if isinstance(v, Value) else self.constant(v) for v in values]
        odd = next((v.dtype for v in values if v.dtype not in DTYPES), None)
        if all(v.known for v in values):
            results = self._run(name, values, params)
        else:
            results = self._compose(name, values, params)
        if odd is not None:
            for result in results:
                if result.dtype == carrier(odd):
                    result.dtype = odd
        return results[0] if len(results) == 1 else results

    def _inferred(self, name, values, params):
        key = (name, tuple((v.shape, v.dtype) for v in values), tuple(sorted(params.items())))
        if key not in self._known_shapes:
            mini = getattr(sym, name)(*[_input(i) for i in range(len(values))], name=str(self.label).replace("\0", "?"), **params)
            codes = [DTYPES.get(carrier(v.dtype), -1) for v in values]
            self._known_shapes[key] = _infer(mini, [v.shape for v in values], codes)
        return self._known_shapes[key]

    def _run(self, name, values, params):
        if name in _GROWING or sum(v.size for v in values) > _SMALL:
            for shape in self._inferred(name, values, params)[0]:
                checked_size(shape or ())
        out = getattr(nd, name)(*[v.array() for v in values], **params)
        return [self.known(o) for o in (out if isinstance(out, (list, tuple)) else [out])]

    def _compose(self, name, values, params):
        shapes_out, types = self._inferred(name, values, params)
        if any(shape is None for shape in shapes_out):
            raise NeedsValue(f"{name} needs more of its inputs' shapes than {[v.shape for v in values]}: give input_shapes")
        for shape in shapes_out:
            if np.prod(shape, dtype=np.float64) > HUGE:
                raise OnnxError(f"a value of shape {shape} is larger than {HUGE} elements")
        whole = getattr(sym, name)(*[self.lift(v) for v in values], name=self.unique(self.label), **params)
        count = len(shapes_out)
        symbols = [whole] if count == 1 else [whole[i] for i in range(count)]
        return [Value(self, shape, dtype, symbol=s) for s, shape, dtype in zip(symbols, shapes_out, types)]

    def retyped(self, value, dtype):
        """The same value, said to be of another type with the same carrier."""
        if value.known:
            return Value(self, value.shape, dtype, array=value.array())
        return Value(self, value.shape, dtype, symbol=value.symbol)

    def cast(self, value, dtype):
        """The value in another element type."""
        if value.dtype == dtype:
            return value
        if value.known and value._host is not None and "bfloat16" not in (value.dtype, dtype):
            with np.errstate(all="ignore"):
                return self.constant(value._host.astype(numpy_type(dtype)), dtype)
        kind = carrier(dtype)
        if kind is None:
            raise OnnxError(f"type {dtype} is not supported")
        result = value if carrier(value.dtype) == kind else self.op("Cast", value, dtype=kind)
        return self.retyped(result, dtype)

    def reshape(self, value, shape):
        """The elements in another shape; an extent of -1 follows from the others, others are as they say (0 is an empty axis)."""
        shape = [int(extent) for extent in shape]
        if shape.count(-1) > 1 or min(shape, default=0) < -1:
            raise OnnxError(f"shape: expected extents of which one may be -1, got {tuple(shape)}")
        if value.static:
            rest = int(np.prod([e for e in shape if e != -1], dtype=np.float64))
            if -1 in shape and rest and value.size % rest == 0:
                shape[shape.index(-1)] = value.size // rest
            if -1 in shape or np.prod(shape, dtype=np.float64) != value.size:
                raise OnnxError(f"shape: cannot give {value.shape} the shape {tuple(shape)}")
            if tuple(shape) == value.shape:
                return value
            if value.size == 0:
                return self.constant(np.zeros(shape, numpy_type(value.dtype)), value.dtype)
        if value.known and value._host is not None:
            return self.constant(value._host.reshape(shape), value.dtype)
        return self.op("Reshape", value, shape=tuple(shape))

    def reshape_open(self, value, wanted):
        """Reshape of a value with open extents: 0 keeps one, -1 follows from the others, and is worked out where it can be."""
        result, rest = [value.shape[i] if e == 0 else e for i, e in enumerate(wanted)], -1
        own, others = [e for e in value.shape if e >= 0], [e for e in result if e >= 0]
        kept = [i for i, e in enumerate(wanted) if e == 0 and value.shape[i] == -1]
        if -1 in wanted and len(kept) == value.shape.count(-1) and np.prod(others, dtype=np.int64):
            rest, left = divmod(int(np.prod(own, dtype=np.int64)), int(np.prod(others, dtype=np.int64)))
            if left:
                raise OnnxError(f"shape: cannot give {value.shape} the shape {tuple(wanted)}")
            result[wanted.index(-1)] = rest
        codes = [rest if e == -1 else e for e in wanted]
        symbol = sym.Reshape(self.lift(value), shape=tuple(codes), name=self.unique(self.label))
        return Value(self, result, value.dtype, symbol=symbol)

    def reduce(self, kind, value, axes, keepdims=True):
        """sum, max, min, mean or prod over a list of axes; nothing is done for none."""
        axes = sorted({value.axis(a) for a in axes})
        if not axes:
            return value
        result = self.op(kind, value, axis=tuple(axes), keepdims=bool(keepdims))
        return self.op("Reshape", result, shape=()) if not keepdims and len(axes) == value.ndim else result

    def binary(self, name, left, right):
        """add, sub, mul, div, mod, power, maximum or minimum with broadcasting; `right` may be a number."""
        if not isinstance(right, Value):
            right = self.scalar(right, left)
        return self._pair(name, left, right)

    def _pair(self, name, left, right):
        if left.dtype != right.dtype:
            raise OnnxError(f"types: expected the same, got {left.dtype} and {right.dtype}")
        plain = name in ("add", "sub", "mul", "div") and left.shape == right.shape and left.static
        if right.known and not left.known and right.size == 1 and right.ndim <= left.ndim and left.dtype in ("float32", "float16", "bfloat16"):
            number = right.item()
            if np.isfinite(number):
                return self.op(_SCALAR[name], left, scalar=number)
        result = self.op(("elemwise_" if plain else "broadcast_") + name, left, right)
        if left.ndim == right.ndim == 0 and result.ndim:
            result = self.op("Reshape", result, shape=())
        return result

    def compare(self, name, left, right):
        """A comparison or a logical operator; the result is bool."""
        if not isinstance(right, Value):
            right = self.scalar(right, left)
        return self._pair(name, left, right).cast("bool")

    def broadcast(self, value, shape):
        """The value in a shape that its own broadcasts to."""
        shape = tuple(shape)
        if value.shape == shape:
            return value
        if value.known:
            checked_size(shape)
        if 0 in shape:
            return self.constant(np.zeros(shape, numpy_type(value.dtype)), value.dtype)
        if value.static:
            value = self.reshape(value, (1,) * (len(shape) - value.ndim) + value.shape)
        while value.ndim < len(shape):
            value = self.op("expand_dims", value, axis=0)
        if value.shape == shape:
            return value
        for have, want in zip(value.shape, shape):
            if have not in (1, -1, want) and want != -1:
                raise OnnxError(f"shapes: cannot broadcast {value.shape} to {shape}")
        return self.op("broadcast_to", value, shape=tuple(0 if have == want else want for have, want in zip(value.shape, shape)))

    def where(self, condition, left, right):
        """Elements of `left` where the condition holds and of `right` elsewhere, all broadcast."""
        shape = common_shape([condition.shape, left.shape, right.shape])
        parts = [self.broadcast(v, shape) for v in (condition, left, right)]
        result = self.op("where", *parts)
        return self.op("Reshape", result, shape=()) if not shape and result.ndim else result

    def concat(self, values, axis):
        """Values joined along an axis."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, dim=axis)

    def stack(self, values, axis):
        """Values joined along a new axis."""
        return self.concat([self.op("expand_dims", v, axis=axis) for v in values], axis)

    def random(self, name, shape, **params):
        """Numbers drawn anew at every run: always a node of the symbol, unless everything is computed at once."""
        checked_size(shape)
        if self.eager:
            return self.known(getattr(nd, name)(shape=tuple(shape), **params))
        return Value(self, shape, "float32", symbol=getattr(sym, name)(shape=tuple(shape), name=self.unique(self.label), **params))

    def matmul(self, left, right):
        """The matrix product with numpy's rules for batches and vectors."""
        from .operators.matrix import matmul

        return matmul(self, left, right)


_SCALAR = {
    "add": "_plus_scalar", "sub": "_minus_scalar", "mul": "_mul_scalar", "div": "_div_scalar", "mod": "_mod_scalar", "power": "_power_scalar",
    "maximum": "_maximum_scalar", "minimum": "_minimum_scalar", "equal": "_equal_scalar", "not_equal": "_not_equal_scalar",
    "greater": "_greater_scalar", "greater_equal": "_greater_equal_scalar", "lesser": "_lesser_scalar", "lesser_equal": "_lesser_equal_scalar",
    "logical_and": "_logical_and_scalar", "logical_or": "_logical_or_scalar", "logical_xor": "_logical_xor_scalar",
}  # fmt: skip


def common_shape(shapes_in):
    """The shape that all broadcast to; an unknown extent stays unknown unless another is above 1."""
    ndim = max(len(s) for s in shapes_in)
    result = []
    for axis in range(-ndim, 0):
        extents = {s[axis] for s in shapes_in if len(s) >= -axis} - {1}
        firm = extents - {-1}
        if len(firm) > 1:
            raise OnnxError(f"shapes: cannot broadcast {', '.join(map(str, shapes_in))} to one")
        result.append(firm.pop() if firm else (-1 if extents else 1))
    return tuple(result)
