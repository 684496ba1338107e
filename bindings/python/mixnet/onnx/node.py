"""Node: what a function of the table sees of a node, its attributes above all."""

import numpy as np
import onnx

from .dtypes import NAMES
from .errors import OnnxError

_PLAIN = {1: "f", 2: "i", 5: "g"}
_LISTS = {6: "floats", 7: "ints"}


def tensor_value(builder, tensor):
    """The known value of a tensor of the file; wrong sizes are errors."""
    dtype = NAMES.get(tensor.data_type)
    if dtype is None:
        raise OnnxError(f"tensor '{tensor.name}': type {tensor.data_type} is unknown")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise OnnxError(f"tensor '{tensor.name}': its data is in another file; give the path of the model instead of its bytes")
    count = 1
    for extent in tensor.dims:
        if extent < 0:
            raise OnnxError(f"tensor '{tensor.name}': expected extents of 0 or more, got {extent}")
        count *= extent
    stored = max(len(tensor.raw_data) * 2, *(len(f) * 2 for f in (tensor.float_data, tensor.int32_data, tensor.int64_data)),
                 len(tensor.double_data), len(tensor.uint64_data), len(tensor.string_data))  # fmt: skip
    if count > stored:
        raise OnnxError(f"tensor '{tensor.name}': expected {count} elements, the file has fewer")
    try:
        host = onnx.numpy_helper.to_array(tensor)
    except Exception as error:
        raise OnnxError(f"tensor '{tensor.name}': {error}") from None
    if dtype in ("int4", "uint4"):
        host = host.astype(np.int8 if dtype == "int4" else np.uint8)
    elif dtype == "bfloat16" or dtype.startswith("float8"):
        host = host.astype(np.float32)
    return builder.constant(host, dtype, tensor.name or None)


class Node:
    """One node. `opset` is the version of its domain; `graph` runs subgraphs; `outputs` are the names asked for ('' for none)."""

    def __init__(self, proto, graph, opset, scope):
        self.op, self.name, self.graph, self.b = proto.op_type, proto.name, graph, graph.builder
        self.opset, self.scope = opset, scope
        self.outputs = list(proto.output)
        self._attributes = {a.name: a for a in proto.attribute}

    def wants(self, index):
        """Whether the output of this number is asked for."""
        return index < len(self.outputs) and bool(self.outputs[index])

    def has(self, name):
        """Whether the node has an attribute."""
        return name in self._attributes

    def attr(self, name, default=None):
        """An attribute: a number, a text, a list of them, a Value for a tensor, or a graph."""
        found = self._attributes.get(name)
        if found is None:
            return default
        if found.type in _PLAIN:
            return getattr(found, _PLAIN[found.type])
        if found.type in _LISTS:
            return list(getattr(found, _LISTS[found.type]))
        if found.type == 3:
            return found.s.decode("utf-8", "replace")
        if found.type == 8:
            return [s.decode("utf-8", "replace") for s in found.strings]
        if found.type == 4:
            return tensor_value(self.b, found.t)
        raise OnnxError(f"attribute '{name}' is of a kind that is not supported")

    def ints(self, name, default=None):
        """An attribute that must be a list of integers."""
        value = self.attr(name, default)
        if value is not None and not (isinstance(value, (list, tuple)) and all(isinstance(v, int) for v in value)):
            raise OnnxError(f"attribute '{name}': expected integers, got {value!r}")
        return value

    def int(self, name, default=None):
        """An attribute that must be an integer."""
        value = self.attr(name, default)
        if value is not None and not isinstance(value, int):
            raise OnnxError(f"attribute '{name}': expected an integer, got {value!r}")
        return value

    def float(self, name, default=None):
        """An attribute that must be a number."""
        value = self.attr(name, default)
        if value is not None and not isinstance(value, (int, float)):
            raise OnnxError(f"attribute '{name}': expected a number, got {value!r}")
        return value

    def choice(self, name, default, *others):
        """An attribute that must be one of some texts."""
        value = self.attr(name, default)
        if value not in (default, *others):
            raise OnnxError(f"attribute '{name}': expected one of {', '.join((default, *others))}, got {value!r}")
        return value

    def subgraph(self, name):
        """An attribute that must be a graph."""
        value = self.attr(name)
        if not isinstance(value, onnx.GraphProto):
            raise OnnxError(f"attribute '{name}': expected a graph")
        return value
