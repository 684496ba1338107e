"""mx.onnx.import_model: an ONNX model as a symbol with its parameters.

The graph becomes operators of this library, one or several per node; what depends on constants only is computed here. An operator whose
output depends on values that are not known before the model runs (NonZero, Loop, a computed shape) cannot be part of a symbol: its
error names it, and `mixnet.onnx.backend` runs such models node by node.
"""

import collections

import numpy as np

from .. import symbol as sym
from .builder import HUGE, Builder
from .dtypes import NAMES
from .errors import NeedsValue, OnnxError
from .graph import Graph, is_tensor
from .reading import read_model


def import_model(model_file, input_shapes=None, constants=None):
    """(symbol, arg_params, aux_params) of an ONNX model of opset 7 to 21.

    model_file: a path, the bytes of a file or an onnx.ModelProto. input_shapes: a dict of shapes by input name, for models that leave
    extents open. constants: a dict of values by input name; these inputs become part of the symbol. Raises MXNetError.
    """
    model = read_model(model_file)
    symbol, params, _ = to_symbol(model, input_shapes or {}, constants or {})
    aux = set(symbol.list_auxiliary_states())
    return symbol, {k: v for k, v in params.items() if k not in aux}, {k: v for k, v in params.items() if k in aux}


def get_model_metadata(model_file):
    """A dict with 'input_tensor_data' and 'output_tensor_data': lists of (name, shape); extents that are open are 0."""
    model = read_model(model_file)
    described = {}
    for key, infos in (("input_tensor_data", true_inputs(model.graph)), ("output_tensor_data", model.graph.output)):
        described[key] = [(info.name, tuple(max(e, 0) for e in declared(info)[0] or ())) for info in infos]
    return described


def true_inputs(graph):
    """The inputs of a graph that are not initialisers."""
    initialised = {tensor.name for tensor in graph.initializer}
    return [info for info in graph.input if info.name not in initialised]


def declared(info):
    """(shape, type) that an input or output is declared to have; the shape may be None, open extents are -1."""
    tensor = info.type.tensor_type
    if info.type.WhichOneof("value") != "tensor_type":
        return None, None
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else -1 for d in tensor.shape.dim)
    return shape, NAMES.get(tensor.elem_type)


def to_symbol(model, input_shapes, constants):
    """(symbol, arrays by name, output types) of a model."""
    builder = Builder()
    scope = collections.ChainMap({})
    names = {info.name for info in true_inputs(model.graph)}
    for name in [*input_shapes, *constants]:
        if name not in names:
            raise OnnxError(f"[onnx] the model has no input '{name}', expected one of {', '.join(sorted(names))}")
    for info in true_inputs(model.graph):
        shape, dtype = declared(info)
        if info.name in constants:
            scope[info.name] = builder.constant(np.asarray(constants[info.name]), name=info.name)
            continue
        if dtype is None:
            raise NeedsValue(f"[onnx] input '{info.name}': a sequence or an optional value cannot be the input of a symbol")
        shape = input_shapes.get(info.name, shape)
        if shape is None:
            raise OnnxError(f"[onnx] input '{info.name}': the model does not give its shape: give input_shapes")
        if any(extent > HUGE for extent in shape):
            raise OnnxError(f"[onnx] input '{info.name}': extents of {shape} are beyond {HUGE}")
        scope[info.name] = builder.input(info.name, shape, dtype)
    outputs = Graph(model, builder).run(model.graph, scope)
    symbols = []
    for info, value in zip(model.graph.output, outputs):
        if not is_tensor(value):
            raise NeedsValue(f"[onnx] output '{info.name}': a sequence or an optional value cannot be the output of a symbol")
        symbol = builder.lift(value)
        symbols.append(sym.identity(symbol, name=builder.unique(info.name)) if symbol.list_outputs() == [symbol.name] else symbol)
    whole = sym.Group(symbols)
    used = set(whole.list_inputs())
    return whole, {k: v for k, v in builder.params.items() if k in used}, [v.dtype for v in outputs]
