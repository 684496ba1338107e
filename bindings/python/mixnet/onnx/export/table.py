"""Which function converts which operator.

A converter is called as `convert(b, n)` with the Builder and the Node, and returns the name of the ONNX value that is the node's output, or a
list of names for several outputs; outputs left out of the list cannot be exported.
"""

import importlib

from ...base import MXNetError

FAMILIES = (
    "activation",
    "arithmetic",
    "attention",
    "convolution",
    "deformable",
    "detection",
    "image",
    "indexing",
    "making",
    "matrix",
    "movement",
    "normalization",
    "ordering",
    "outputs",
    "pooling",
    "recurrent",
    "reduction",
    "regions",
    "sequence",
    "shape",
    "spatial",
)
_converters = {}


def converts(*names):
    """Registers the function below it for these operators, under their canonical names."""

    def register(function):
        for name in names:
            if name in _converters:
                raise ValueError(f"[onnx] {name}: expected one converter, got two")
            _converters[name] = function
        return function

    return register


def _load():
    for family in FAMILIES:
        importlib.import_module("." + family, __package__)


def converter(op):
    """The function for an operator, or None."""
    _load()
    return _converters.get(op)


def get_operator_support(opset_version=None):
    """Names of the operators that can be exported, in order."""
    _load()
    return sorted(_converters)


def refuse(n, reason):
    """Raises the error for a node that ONNX cannot express."""
    raise MXNetError(f"[export_model] {n.op} {n.name}: {reason}")
