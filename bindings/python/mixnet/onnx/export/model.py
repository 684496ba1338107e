"""`export_model`: a symbol and its parameters as an ONNX file."""

import logging
import pathlib

import numpy as np

from ... import ndarray as nd
from ... import symbol as sym
from ...base import MXNetError, dtype_name
from .builder import Builder, load_onnx
from .source import Source
from .table import converter

OPSETS = range(13, 22)
# The oldest IR version that knows each opset, so that old runtimes still open the file.
_IR_VERSIONS = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10}


def export_model(
    sym,
    params,
    in_shapes=None,
    in_types=np.float32,
    onnx_file_path="model.onnx",
    verbose=False,
    dynamic=False,
    dynamic_input_shapes=None,
    run_shape_inference=False,
    input_type=None,
    input_shape=None,
    large_model=False,
    opset_version=19,
):
    """Writes a model for prediction as ONNX and returns the path.

    Parameters
    ----------
    sym : Symbol, or the path of a -symbol.json file
    params : dict from name to NDArray (names plain, or arg:NAME and aux:NAME), or the path of a .params file
    in_shapes : list of tuples, one per data input in the order of `list_arguments` (labels left out), or a dict by name
    in_types : a dtype, a list of them, or a dict by name
    onnx_file_path : the file to write
    verbose : log every node
    dynamic : make extents of inputs free: those that are None (or a text, which names them) in `dynamic_input_shapes`, the first ones
        of all inputs when that is not given. Extents of one name are equal; the first extents of inputs are all named "batch".
    run_shape_inference : let onnx write the shapes of inner values
    input_type, input_shape : older names of in_types and in_shapes
    large_model : store parameters in a file of their own beside the model, for models of 2 GiB and more
    opset_version : 13 to 21

    Raises MXNetError naming the operator and the node where ONNX cannot express one.
    """
    if opset_version not in OPSETS:
        raise MXNetError(f"[export_model] opset_version: expected {OPSETS[0]} to {OPSETS[-1]}, got {opset_version}")
    onnx = load_onnx()
    source = Source(_symbol(sym), _parameters(params))
    shapes = _by_input(source, in_shapes if in_shapes is not None else input_shape, "in_shapes")
    types = _types(source, in_types if input_type is None else input_type)
    free = _dynamic(source, shapes, dynamic, dynamic_input_shapes)
    source.infer(shapes, types, free)
    model = _model(onnx, source, opset_version, free, verbose)
    if run_shape_inference:
        model = onnx.shape_inference.infer_shapes(model)
    path = str(onnx_file_path)
    try:
        _save(onnx, model, path, large_model)
    except OSError as error:
        raise MXNetError(f"[export_model] {path}: {error.strerror}") from None
    return path


def _save(onnx, model, path, large_model):
    if large_model:
        beside = pathlib.Path(path).name + ".data"
        (pathlib.Path(path).parent / beside).unlink(missing_ok=True)
        onnx.save_model(model, path, save_as_external_data=True, all_tensors_to_one_file=True, location=beside, size_threshold=1024)
        return
    try:
        content = model.SerializeToString()
    except (ValueError, MemoryError):
        content = None
    # protobuf's own limit: it refuses, or writes what nobody can read.
    if content is None or len(content) >= 2**31:
        raise MXNetError(f"[export_model] {path}: expected less than 2 GiB in one file; pass large_model=True") from None
    with open(path, "wb") as file:
        file.write(content)


def _symbol(given):
    if isinstance(given, sym.Symbol):
        return given
    if isinstance(given, (str, pathlib.Path)):
        return sym.load(str(given))
    raise TypeError(f"[export_model] sym: expected a Symbol or a path, got {type(given).__name__}")


def _parameters(given):
    loaded = nd.load(str(given)) if isinstance(given, (str, pathlib.Path)) else given
    if not isinstance(loaded, dict):
        raise MXNetError(f"[export_model] params: expected a dict or a file with names, got {type(loaded).__name__}")
    result = {}
    for key, value in loaded.items():
        if not isinstance(value, nd.NDArray):
            raise TypeError(f"[export_model] params {key}: expected an NDArray, got {type(value).__name__}")
        result[key[4:] if key.startswith(("arg:", "aux:")) else key] = value
    return result


def _by_input(source, given, what):
    if given is None:
        raise MXNetError(f"[export_model] {what}: expected a shape for each of {', '.join(source.inputs)}")
    if isinstance(given, dict):
        if set(given) != set(source.inputs):
            raise MXNetError(f"[export_model] {what}: expected {', '.join(source.inputs)}, got {', '.join(given)}")
        return {name: tuple(given[name]) for name in source.inputs}
    # Scripts made for older versions give the labels' shapes too.
    if len(given) not in (len(source.inputs), len(source.inputs) + len(source.labels)):
        raise MXNetError(f"[export_model] {what}: expected {len(source.inputs)} for {', '.join(source.inputs)}, got {len(given)}")
    return dict(zip(source.inputs, (tuple(shape) if shape is not None else None for shape in given)))


def _types(source, given):
    if isinstance(given, dict):
        return {name: dtype_name(given.get(name)) for name in source.inputs}
    if isinstance(given, (list, tuple)):
        if len(given) < len(source.inputs) and len(given) != 1:
            raise MXNetError(f"[export_model] in_types: expected {len(source.inputs)} for {', '.join(source.inputs)}, got {len(given)}")
        given = list(given) * len(source.inputs) if len(given) == 1 else list(given)
        return {name: dtype_name(dtype) for name, dtype in zip(source.inputs, given)}
    return {name: dtype_name(given) for name in source.inputs}


def _dynamic(source, shapes, dynamic, given):
    if not dynamic:
        return {}
    if given is None:
        return {(name, 0): "batch" for name, shape in shapes.items() if shape}
    free = {}
    for name, shape in _by_input(source, given, "dynamic_input_shapes").items():
        if shape is None:
            continue
        if len(shape) != len(shapes[name]):
            raise MXNetError(f"[export_model] dynamic_input_shapes {name}: expected {len(shapes[name])} extents, got {len(shape)}")
        for axis, extent in enumerate(shape):
            if extent is None or isinstance(extent, str):
                free[name, axis] = extent or ("batch" if axis == 0 else f"{name}_{axis}")
    return free


def _model(onnx, source, opset, free, verbose):
    helper = onnx.helper
    names = {node.name for node in source.nodes} | set(source.output_names)
    b = Builder(opset, names)
    for (name, axis), label in free.items():
        b.input_extent(label, name, axis)
    values = {}
    for index in source.needed:
        node = source.nodes[index]
        if node.op == "null":
            values[index, 0] = node.name
            continue
        convert = converter(node.op)
        if convert is None:
            raise MXNetError(f"[export_model] {node.op} {node.name}: this operator cannot be exported to ONNX")
        node.inputs = [values.get(entry) for entry in node.entries]
        b.scope = node.name
        made = convert(b, node)
        if verbose:
            logging.info("[export_model] %s %s", node.op, node.name)
        for output, name in enumerate([made] if isinstance(made, str) else made):
            values[index, output] = name
    variables = {node.name for node in source.nodes if node.op == "null"}
    # A variable that is an output itself is passed on under another name.
    labels = [b.unique(name + "_output") if name in variables else name for name in source.output_names]
    outputs = [_output(b, source, values, head, name) for head, name in zip(source.heads, labels)]
    _rename(b, source, values, outputs)
    read = {i for node in b.nodes for i in node.input}
    for name, value in source.params.items():
        if name in read:
            b.initializer(name, value.asnumpy(), value._dtype)
    inputs = [_described(b, n.name, n.out_types[0], n.out_shapes[0]) for n in source.nodes if n.name in source.inputs and n.op == "null"]
    b.initializers = [tensor for tensor in b.initializers if tensor.name in read]
    graph = helper.make_graph(b.nodes, "mixnet", inputs, [o for _, _, o in outputs], b.initializers)
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, producer_name="mixnet", opset_imports=imports, ir_version=_IR_VERSIONS[opset])


def _described(b, name, dtype, shape):
    return b.onnx.helper.make_tensor_value_info(name, b.type_code(dtype), shape)


def _output(b, source, values, head, name):
    node = source.nodes[head[0]]
    if head not in values:
        raise MXNetError(f"[export_model] {node.op} {node.name}: output {head[1]} cannot be exported to ONNX")
    return head, name, _described(b, name, node.out_types[head[1]], node.out_shapes[head[1]])


def _rename(b, source, values, outputs):
    """Gives outputs their names: the node that makes a value names it so, unless it has a name that must stay."""
    for node in b.nodes:
        if None in node.input:
            raise MXNetError(f"[export_model] {node.name}: an input cannot be exported to ONNX")
    final = {}
    for head, name, _ in outputs:
        value = values[head]
        if source.nodes[head[0]].op == "null" or value in final:
            b.nodes.append(b.onnx.helper.make_node("Identity", [final.get(value, value)], [name], name=b.unique(name + "/Identity")))
        else:
            final[value] = name
    made = {o for node in b.nodes for o in node.output}
    for value, name in final.items():
        if value not in made:
            b.nodes.append(b.onnx.helper.make_node("Identity", [value], [name], name=b.unique(name + "/Identity")))
    final = {value: name for value, name in final.items() if value in made}
    for node in b.nodes:
        for names in (node.input, node.output):
            for i, value in enumerate(names):
                names[i] = final.get(value, value)
