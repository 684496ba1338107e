"""The adapter to onnx.backend.base: prepare, run_model, run_node, supports_device.

A model that can be a symbol is bound once per set of input shapes (the last sixteen are kept) and run as a plan. One whose shapes or paths
depend on values is run node by node, each operator at once. `prepare(model).how` says which, and why.
"""

import collections

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep, Device, DeviceType

from ..context import cpu
from .builder import Builder
from .dtypes import FLOAT8, NAMES, carrier, numpy_type
from .errors import NeedsValue, OnnxError
from .graph import Graph, is_tensor
from .float8 import FROM_BITS
from .importing import declared, to_symbol, true_inputs
from .reading import read_model
from .value import to_array

_KEPT = 16


class Prepared(BackendRep):
    """A model that is ready to run."""

    def __init__(self, model, constants=None, eager=False):
        self.model, self._constants = model, constants or {}
        self._infos = [i for i in true_inputs(model.graph) if i.name not in self._constants]
        self._bound, self.how = {}, "node by node" if eager else "as a graph"

    def run(self, inputs, **kwargs):
        """Outputs (numpy arrays, lists for sequences, None for absent ones) for inputs in order, or by name."""
        if isinstance(inputs, dict):
            named = dict(inputs)
        else:
            inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            if len(inputs) > len(self._infos):
                raise OnnxError(f"[onnx] expected {len(self._infos)} inputs, got {len(inputs)}")
            named = dict(zip([i.name for i in self._infos], inputs))
        extra = set(named) - {i.name for i in self._infos}
        if extra:
            raise OnnxError(f"[onnx] the model has no input '{min(extra)}', expected {', '.join(i.name for i in self._infos) or 'none'}")
        missing = [i.name for i in self._infos if i.name not in named]
        if missing and not all(_optional(i) for i in self._infos if i.name in missing):
            raise OnnxError(f"[onnx] no value for input '{missing[0]}'")
        with np.errstate(all="ignore"):
            if self.how == "as a graph":
                try:
                    return self._run_graph(named)
                except NeedsValue as error:
                    self.how = f"node by node: {error}"
            return self._run_nodes(named)

    def _run_graph(self, named):
        arrays = {}
        for info in self._infos:
            dtype = declared(info)[1]
            if dtype is None or not isinstance(named.get(info.name), (np.ndarray, np.generic)):
                raise NeedsValue(f"[onnx] input '{info.name}' is no tensor")
            arrays[info.name] = _input_array(named[info.name], dtype, info.name)
        key = tuple((name, array.shape) for name, array in arrays.items())
        if key not in self._bound:
            while len(self._bound) >= _KEPT:
                self._bound.pop(next(iter(self._bound)))
            self._bound[key] = self._bind(arrays)
        executor, types = self._bound[key]
        for name, array in arrays.items():
            if name in executor.arg_dict:
                array.copyto(executor.arg_dict[name])
        return [_numpy(out, dtype) for out, dtype in zip(executor.forward(is_train=False), types)]

    def _bind(self, arrays):
        symbol, params, types = to_symbol(self.model, {name: array.shape for name, array in arrays.items()}, self._constants)
        values = {**params, **arrays}
        args = {name: values[name] for name in symbol.list_arguments()}
        aux = {name: values[name] for name in symbol.list_auxiliary_states()}
        return symbol.bind(cpu(), {k: v.copy() if k in arrays else v for k, v in args.items()}, grad_req="null", aux_states=aux), types

    def _run_nodes(self, named):
        builder = Builder(eager=True)
        scope = collections.ChainMap({name: builder.constant(np.asarray(v)) for name, v in self._constants.items()})
        for info in self._infos:
            scope[info.name] = _value(builder, named.get(info.name), declared(info)[1] or _element_type(info), info.name)
        outputs = Graph(self.model, builder).run(self.model.graph, scope)
        return [_result(value) for value in outputs]


def _optional(info):
    return info.type.WhichOneof("value") == "optional_type"


def _element_type(info):
    kind = info.type
    while kind.WhichOneof("value") in ("sequence_type", "optional_type"):
        kind = getattr(kind, kind.WhichOneof("value")).elem_type
    return NAMES.get(kind.tensor_type.elem_type, "float32")


def _decoded(value, dtype, name):
    """Numbers of types that numpy lacks, given as the integers of their bits, as float32."""
    host = np.asarray(value)
    if dtype == "bfloat16" and host.dtype == np.uint16:
        return (host.astype(np.uint32) << 16).view(np.float32)
    if dtype in FLOAT8 and host.dtype.itemsize == 1:
        return FROM_BITS[dtype][np.ascontiguousarray(host).view(np.uint8)]
    if dtype != "string" and host.dtype.kind not in "biuf":
        raise OnnxError(f"[onnx] input '{name}': expected values of type {dtype}, got {host.dtype}")
    return host


def _input_array(value, dtype, name):
    value = _decoded(value, dtype, name)
    if carrier(dtype) is None:
        raise NeedsValue(f"[onnx] input '{name}' is of type {dtype}")
    return to_array(value, dtype)


def _value(builder, value, dtype, name):
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return [_value(builder, v, dtype, name) for v in value]
    host = _decoded(value, dtype, name)
    if dtype == "string":
        return builder.constant(host.astype(object), dtype)
    return builder.constant(host.astype(numpy_type(dtype), copy=False), dtype)


def _numpy(array, dtype):
    return array.asnumpy().reshape(array.shape).astype(numpy_type(dtype), copy=False)


def _result(value):
    if isinstance(value, list):
        return [_result(v) for v in value]
    return value.host() if is_tensor(value) else value


class MixnetBackend(Backend):
    """See above; `device` is CPU."""

    @classmethod
    def is_compatible(cls, model, device="CPU", **kwargs):
        """Whether a model can be prepared."""
        return cls.supports_device(device)

    @classmethod
    def prepare(cls, model, device="CPU", constants=None, eager=False, **kwargs):
        """A model (path, bytes or ModelProto) made ready. constants: inputs whose values are fixed; eager: node by node at once."""
        if not cls.supports_device(device):
            raise OnnxError(f"[onnx] device '{device}': expected CPU")
        return Prepared(read_model(model), constants, eager)

    @classmethod
    def run_model(cls, model, inputs, device="CPU", **kwargs):
        """The outputs of a model."""
        return cls.prepare(model, device, **kwargs).run(inputs)

    @classmethod
    def run_node(cls, node, inputs, device="CPU", outputs_info=None, opset_version=21, **kwargs):
        """The outputs of one node."""
        values = dict(zip([name for name in node.input if name], inputs))
        infos = [onnx.helper.make_tensor_value_info(k, onnx.helper.np_dtype_to_tensor_dtype(np.asarray(v).dtype), np.shape(v)) for k, v in values.items()]
        outs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = onnx.helper.make_graph([node], "node", infos, outs)
        imports = [onnx.helper.make_opsetid(node.domain, 1 if node.domain else opset_version)]
        return tuple(cls.run_model(onnx.helper.make_model(graph, opset_imports=imports), values, device))

    @classmethod
    def supports_device(cls, device):
        """Whether a device can be used."""
        return Device(device).type == DeviceType.CPU


prepare = MixnetBackend.prepare
run_model = MixnetBackend.run_model
run_node = MixnetBackend.run_node
supports_device = MixnetBackend.supports_device
is_compatible = MixnetBackend.is_compatible
__all__ = ["MixnetBackend", "Prepared", "is_compatible", "prepare", "run_model", "run_node", "supports_device"]
