"""`import_model`: layers one after the other become a symbol, arrays of the caffemodel its parameters."""

import importlib
import pathlib

import numpy as np

from .. import ndarray as nd
from .. import symbol as sym
from ..base import MXNetError
from . import net as nets
from . import text, wire

FAMILIES = ("activation", "convolution", "data", "loss", "movement", "normalization", "pointwise")
# How many inputs a layer must have, where it is not one.
_BOTTOMS = dict.fromkeys(("Crop", "Eltwise", "EuclideanLoss", "HingeLoss", "ROIPooling", "SigmoidCrossEntropyLoss", "SoftmaxWithLoss"), 2)
_NO_BOTTOMS = {"Input", "Data", "DummyData", "HDF5Data", "ImageData", "MemoryData", "WindowData", "Accuracy", "Silence", "HDF5Output"}
_converters = {}


def converts(*types):
    """Registers the function below it for layer types. It is called as f(net, layer, inputs) and returns the symbols of the tops."""

    def register(function):
        _converters.update(dict.fromkeys(types, function))
        return function

    return register


class Net:
    """The net under construction: symbols by blob name, parameters, what is known of shapes."""

    def __init__(self, layers, input_shapes, blobs):
        self.layers, self.input_shapes, self.blobs = layers, input_shapes, blobs
        self.values, self.unused, self.inputs = {}, {}, []
        self.args, self.aux, self.merged = {}, {}, {}
        self.position = 0

    def input(self, name):
        """A variable that the user gives."""
        if name not in self.inputs:
            self.inputs.append(name)
        return sym.Variable(name)

    def shape(self, symbol):
        """The symbol's shape, or None where it does not follow from the inputs' shapes."""
        known = {k: v for k, v in self.input_shapes.items() if v and k in symbol.list_arguments()}
        shape = symbol._infer((), known)[0][1][0]
        return shape if shape is not None and min(shape, default=0) >= 0 else None

    def parameter(self, layer, index, role, change=None, aux=False):
        """The variable of a layer's array; its values too when there is a caffemodel. change: what is done to them."""
        shared = [p.word("name", "") for p in layer.messages("param")]
        name = shared[index] if index < len(shared) and shared[index] else f"{layer.name}_{role}"
        if self.blobs is not None and name not in self.args:
            self.keep(name, self.blob(layer, index), change, aux)
        return sym.Variable(name)

    def blob(self, layer, index):
        """A layer's array from the caffemodel."""
        found = self.blobs.get(layer.name, ())
        if index >= len(found):
            raise MXNetError(f"[caffe {layer.name}] parameters: expected {index + 1} or more arrays in the caffemodel, got {len(found)}")
        return found[index]

    def keep(self, name, values, change=None, aux=False):
        """Puts a parameter's values down."""
        values = values if change is None else change(values)
        (self.aux if aux else self.args)[name] = nd.array(np.ascontiguousarray(values), dtype="float32") if values.ndim else nd.array([float(values)])

    def add(self, layer):
        """Converts one layer."""
        convert = _converters.get(layer.type)
        if convert is None:
            layer.fail("type", f"one of {', '.join(sorted(_converters))}", repr(layer.type))
        missing = [name for name in layer.bottoms if name not in self.values]
        if missing and layer.type not in ("Accuracy", "Silence"):
            layer.fail("bottom", "a blob that an earlier layer makes", repr(missing[0]))
        needed = 0 if layer.type in _NO_BOTTOMS else _BOTTOMS.get(layer.type, 1)
        if len(layer.bottoms) < needed or not layer.tops and needed:
            layer.fail("bottom", f"{needed} or more inputs and an output", f"{len(layer.bottoms)} and {len(layer.tops)}")
        made = convert(self, layer, [self.values.get(name) for name in layer.bottoms])
        if made is None:
            return
        if len(made) < len(layer.tops):
            layer.fail("top", f"at most {len(made)}", len(layer.tops))
        for name in layer.bottoms:
            self.unused.pop(name, None)
        for name, symbol in zip(layer.tops, made):
            self.values[name] = self.unused[name] = symbol


def import_model(prototxt, caffemodel=None, phase="TEST", input_shapes=None, stages=()):
    """(symbol, arg_params, aux_params) of a Caffe model.

    Parameters
    ----------
    prototxt : path of the net's description, or its text
    caffemodel : path of the trained parameters, or their bytes; None leaves them out (both dicts are empty)
    phase : "TEST" or "TRAIN", which chooses among the layers
    input_shapes : dict from input to shape, in place of the shapes in the prototxt. Nets with padded pooling need the spatial extents:
        Caffe drops windows that would start in the padding, and how many there are depends on them.
    stages : stages that are on

    Inputs, and the tops of data layers, are variables of their names. Losses become MXNet's: SoftmaxWithLoss is SoftmaxOutput and gives
    probabilities. Outputs are the blobs that no layer takes. Raises MXNetError, one line that names the layer.
    """
    for family in FAMILIES:
        importlib.import_module("." + family, __package__)
    if phase not in ("TEST", "TRAIN"):
        raise MXNetError(f"[caffe] phase: expected TEST or TRAIN, got {phase!r}")
    source, name = _text(prototxt)
    message = text.parse(source, name)
    blobs = None if caffemodel is None else wire.parameters(*_bytes(caffemodel))
    inputs = nets.outer_inputs(message)
    net = Net(nets.layers(message, phase, stages), dict(inputs), blobs)
    net.input_shapes.update(input_shapes or {})
    for key in inputs:
        net.values[key] = net.input(key)
    for position, layer in enumerate(net.layers):
        net.position = position
        net.add(layer)
    if not net.unused:
        raise MXNetError(f"[caffe] {name}: expected layers with outputs in phase {phase}, got none")
    symbol = sym.Group(list(net.unused.values())) if len(net.unused) > 1 else next(iter(net.unused.values()))
    return _checked(net, symbol)


def _checked(net, symbol):
    """Only what the outputs need, with shapes that agree."""
    args = {k: v for k, v in net.args.items() if k in symbol.list_arguments()}
    aux = {k: v for k, v in net.aux.items() if k in symbol.list_auxiliary_states()}
    known = {k: tuple(v) for k, v in net.input_shapes.items() if v and k in symbol.list_arguments()}
    if net.blobs is not None:
        known.update({k: v.shape for k, v in args.items()})
    symbol.infer_shape_partial(**known)
    return symbol, args, aux


def _text(given):
    if isinstance(given, str) and ("{" in given or "\n" in given):
        return given, "prototxt"
    data, name = _bytes(given)
    try:
        return bytes(data).decode(), name
    except UnicodeDecodeError:
        raise MXNetError(f"[caffe] {name}: expected text in UTF-8") from None


def _bytes(given):
    if isinstance(given, (bytes, bytearray, memoryview)):
        return given, "bytes"
    if not isinstance(given, (str, pathlib.Path)):
        raise TypeError(f"[caffe] expected a path, got {type(given).__name__}")
    try:
        return pathlib.Path(given).read_bytes(), str(given)
    except OSError as error:
        raise MXNetError(f"[caffe] {given}: {error.strerror}") from None
