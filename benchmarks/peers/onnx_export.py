"""Writes a symbol with its parameters as an ONNX model: the operators of the benchmarks' nets, for prediction.

Needs the packages onnx and numpy. Dropout and the loss's label disappear; SoftmaxOutput becomes Softmax.
"""

import graph as symbols
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "softsign": "Softsign"}


def _convolution(node):
    attrs = node.attrs
    pad = symbols.values(attrs, "pad", (0, 0))
    return "Conv", {
        "kernel_shape": symbols.values(attrs, "kernel", None),
        "strides": symbols.values(attrs, "stride", (1, 1)),
        "pads": pad + pad,
        "dilations": symbols.values(attrs, "dilate", (1, 1)),
        "group": int(attrs.get("num_group", 1)),
    }


def _pooling(node):
    attrs = node.attrs
    average = attrs.get("pool_type", "max") == "avg"
    if symbols.flag(attrs, "global_pool"):
        return ("GlobalAveragePool" if average else "GlobalMaxPool"), {}
    pad = symbols.values(attrs, "pad", (0, 0))
    options = {"kernel_shape": symbols.values(attrs, "kernel", None), "strides": symbols.values(attrs, "stride", (1, 1)), "pads": pad + pad}
    options["ceil_mode"] = int(attrs.get("pooling_convention", "valid") == "full")
    return ("AveragePool", {**options, "count_include_pad": 1}) if average else ("MaxPool", options)


def _lrn(node):
    number = symbols.number
    return "LRN", {
        "size": int(node.attrs["nsize"]),
        "alpha": number(node.attrs, "alpha", 1e-4),
        "beta": number(node.attrs, "beta", 0.75),
        "bias": number(node.attrs, "knorm", 2),
    }


# Operator: (ONNX operator, attributes) of a node.
TRANSLATIONS = {
    "Convolution": _convolution,
    "Pooling": _pooling,
    "LRN": _lrn,
    "Activation": lambda node: (ACTIVATIONS[node.attrs["act_type"]], {}),
    "BatchNorm": lambda node: ("BatchNormalization", {"epsilon": symbols.number(node.attrs, "eps", 1e-3)}),
    "FullyConnected": lambda node: ("Gemm", {"transB": 1}),
    "Flatten": lambda node: ("Flatten", {"axis": 1}),
    "Concat": lambda node: ("Concat", {"axis": int(node.attrs.get("dim", 1))}),
    "elemwise_add": lambda node: ("Add", {}),
    "_plus": lambda node: ("Add", {}),
    "SoftmaxOutput": lambda node: ("Softmax", {"axis": 1}),
}


def export(graph, parameters, inputs):
    """An onnx.ModelProto. parameters: {name: array}, states too; inputs: {name: shape} without labels."""
    names, made, used = {}, [], {}
    for i, node in enumerate(graph.nodes):
        if node.op == "null":
            names[i] = node.name
            continue
        if node.op == "Dropout":
            names[i] = names[node.inputs[0][0]]
            continue
        if node.op not in TRANSLATIONS:
            raise ValueError(f"[onnx_export] {node.op}: no translation")
        kind, options = TRANSLATIONS[node.op](node)
        sources = [names[e[0]] for e in node.inputs][: 1 if node.op == "SoftmaxOutput" else None]
        if node.op == "FullyConnected" and graph.nodes[node.inputs[0][0]].op != "Flatten":
            made.append(helper.make_node("Flatten", sources[:1], [node.name + "_flat"], axis=1))
            sources[0] = node.name + "_flat"
        used.update({name: np.asarray(parameters[name]) for name in sources if name in parameters})
        if node.op == "BatchNorm" and symbols.flag(node.attrs, "fix_gamma", True):
            used[sources[1]] = np.ones_like(used[sources[1]])
        names[i] = node.name + "_output"
        made.append(helper.make_node(kind, sources, [names[i]], name=node.name, **{k: v for k, v in options.items() if v is not None}))
    heads = [helper.make_tensor_value_info(names[i], TensorProto.FLOAT, ["N", "classes"]) for i, _ in graph.heads]
    given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in inputs.items()]
    body = helper.make_graph(made, "net", given, heads, [numpy_helper.from_array(v.astype("float32"), n) for n, v in used.items()])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    return model


def save(graph, parameters, inputs, path):
    """Checks the model, shapes too, and writes it."""
    model = export(graph, parameters, inputs)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
