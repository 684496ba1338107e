"""Collects ONNX nodes, initializers and names while converters run. Methods return the names of values.

Converters use these methods rather than operator names where opsets differ (axes as attributes or inputs), so that only this file and a few
converters look at the opset.
"""

import numpy as np

from ...base import MXNetError

FURTHEST = np.iinfo(np.int64).max


def load_onnx():
    """The package onnx, or one line that says what is missing."""
    try:
        import onnx
    except ImportError:
        raise MXNetError("[onnx] package: expected the Python package onnx to be installed (pip install onnx)") from None
    return onnx


class Builder:
    """The graph under construction. `opset` is the version that is written."""

    def __init__(self, opset, taken):
        self.onnx, self.opset = load_onnx(), opset
        self.nodes, self.initializers = [], []
        self._taken, self._constants, self._extents = set(taken), {}, {}
        self.scope = ""

    def unique(self, hint):
        """A name nobody has."""
        name, count = hint, 0
        while name in self._taken:
            count += 1
            name = f"{hint}_{count}"
        self._taken.add(name)
        return name

    # ---- values -----------------------------------------------------------------------------------------------------

    def type_code(self, dtype):
        """ONNX's number for a dtype name."""
        proto = self.onnx.TensorProto
        codes = {"float32": 1, "float64": 11, "float16": 10, "uint8": 2, "int32": 6, "int8": 3, "int64": 7, "bool": 9, "bfloat16": proto.BFLOAT16}
        if dtype not in codes:
            raise MXNetError(f"[export_model] dtype: expected one of {', '.join(codes)}, got {dtype}")
        return codes[dtype]

    def initializer(self, name, value, dtype=None):
        """A named tensor; `value` is a numpy array, for bfloat16 one of float32."""
        dtype = dtype or value.dtype.name
        if dtype == "bfloat16":
            wide = np.ascontiguousarray(value, "float32").view("uint32")
            raw = ((wide + 0x7FFF + ((wide >> 16) & 1)) >> 16).astype("<u2").tobytes()
        else:
            value = np.asarray(value, dtype)
            raw = value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()
        self.initializers.append(self.onnx.helper.make_tensor(name, self.type_code(dtype), value.shape, raw, raw=True))
        return name

    def const(self, value, dtype="int64"):
        """A constant; equal ones are written once."""
        value = np.asarray(value, "float32" if dtype == "bfloat16" else dtype)
        key = (dtype, value.shape, value.tobytes())
        if key not in self._constants:
            self._constants[key] = self.initializer(self.unique(f"constant_{len(self._constants)}"), value, dtype)
        return self._constants[key]

    def input_extent(self, name, source, axis):
        """Declares where the extent of a dynamic axis can be read at run time."""
        self._extents.setdefault(name, (source, axis))

    def extent(self, value):
        """An extent as a tensor of one int64: a constant, or read from the input it belongs to."""
        if isinstance(value, int):
            return self.const([value])
        if value not in self._extents:
            raise MXNetError(f"[export_model] {self.scope}: expected a fixed extent, got one that changes with the inputs")
        source, axis = self._extents[value]
        return self.node("Gather", [self.node("Shape", [source]), self.const([axis])], axis=0)

    def shape(self, extents):
        """A shape as a tensor of int64."""
        if all(isinstance(e, int) for e in extents):
            return self.const(np.array(extents, "int64"))
        return self.node("Concat", [self.extent(e) for e in extents], axis=0)

    # ---- nodes ------------------------------------------------------------------------------------------------------

    def node(self, op, inputs, outputs=1, **attrs):
        """A node; the name of its output, or a list of them when `outputs` is not 1. Attributes that are None are left out."""
        label = self.unique(f"{self.scope}/{op}")
        names = [self.unique(label + ":0" if outputs == 1 else f"{label}:{i}") for i in range(outputs)]
        attrs = {key: value for key, value in attrs.items() if value is not None}
        self.nodes.append(self.onnx.helper.make_node(op, [i or "" for i in inputs], names, name=label, **attrs))
        return names[0] if outputs == 1 else names

    def cast(self, value, dtype, source=None):
        """The value in another dtype; itself when `source`, its dtype, is that already."""
        return value if dtype == source else self.node("Cast", [value], to=self.type_code(dtype))

    def reshape(self, value, extents):
        """Another shape; at most one extent may be unknown, or all others are read at run time."""
        unknown = [i for i, e in enumerate(extents) if not isinstance(e, int)]
        # An extent of zero makes -1 ambiguous; 0 would copy the input's.
        if not unknown or (len(unknown) == 1 and 0 not in extents):
            target = self.const([e if isinstance(e, int) else -1 for e in extents])
        elif sum(e is None for e in extents) <= 1:
            target = self.node("Concat", [self.const([-1]) if e is None else self.extent(e) for e in extents], axis=0)
        else:
            raise MXNetError(f"[export_model] {self.scope}: expected at most one extent that is computed from dynamic ones, got {tuple(extents)}")
        return self.node("Reshape", [value, target], allowzero=1 if self.opset >= 14 and 0 in extents else None)

    def flatten(self, value):
        """All elements in one axis."""
        return self.node("Reshape", [value, self.const([-1])])

    def transpose(self, value, order):
        """Another order of axes."""
        return value if list(order) == sorted(order) else self.node("Transpose", [value], perm=list(order))

    def unsqueeze(self, value, axes):
        """New axes of extent one, counted in the result."""
        return self.node("Unsqueeze", [value, self.const(list(axes))])

    def squeeze(self, value, axes):
        """Without these axes of extent one."""
        return self.node("Squeeze", [value, self.const(list(axes))])

    def slice(self, value, begins, ends, axes, steps=None):
        """A range of each of these axes; an end may be FURTHEST."""
        lists = [begins, ends, axes] + ([steps] if steps is not None else [])
        return self.node("Slice", [value] + [self.const(list(item)) for item in lists])

    def gather(self, value, index, axis):
        """Elements along an axis at constant places: a number drops the axis."""
        return self.node("Gather", [value, self.const(index)], axis=axis)

    def split(self, value, sizes, axis):
        """Pieces of these extents; a list of names."""
        names = self.node("Split", [value, self.const(list(sizes))], outputs=len(sizes), axis=axis)
        return [names] if isinstance(names, str) else names

    def concat(self, values, axis):
        """Joined along an axis."""
        return values[0] if len(values) == 1 else self.node("Concat", values, axis=axis)

    def expand(self, value, extents):
        """Repeated along axes of extent one."""
        return self.node("Expand", [value, self.shape(extents)])

    def reduce(self, op, value, axes, keepdims):
        """A reduction such as ReduceMean; axes became an input in opset 18, for ReduceSum in 13."""
        if self.opset >= 18 or op == "ReduceSum":
            return self.node(op, [value, self.const(list(axes))] if axes else [value], keepdims=int(keepdims), noop_with_empty_axes=0 if axes else 1)
        return self.node(op, [value], axes=list(axes), keepdims=int(keepdims)) if axes else self.node("Identity", [value])

    def binary(self, op, value, number, dtype, swapped=False):
        """An operation with a number."""
        pair = [value, self.const(number, dtype)]
        return self.node(op, pair[::-1] if swapped else pair)
