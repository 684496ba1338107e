"""A net's layers in one form, whatever generation they were written in, and the inputs that stand outside of layers.

Layers of the older form (`layers`, types as enumerators) get the newer type names; those whose rules exclude the phase are left out.
"""

from ..base import MXNetError
from .layer import Layer, texts

# Enumerators of the older form whose newer name is not the same word in another spelling.
_OLD = {
    "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat", "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution", "DATA": "Data", "DECONVOLUTION": "Deconvolution", "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise", "EUCLIDEAN_LOSS": "EuclideanLoss", "EXP": "Exp", "FLATTEN": "Flatten", "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss", "IM2COL": "Im2col", "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct", "LRN": "LRN", "MEMORY_DATA": "MemoryData", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN", "POOLING": "Pooling", "POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss", "SILENCE": "Silence", "SLICE": "Slice", "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "TANH": "TanH", "THRESHOLD": "Threshold", "WINDOW_DATA": "WindowData",
}  # fmt: skip
# Their numbers, in which enumerators may also be written.
_NUMBERS = """NONE ACCURACY BNLL CONCAT CONVOLUTION DATA DROPOUT EUCLIDEAN_LOSS FLATTEN HDF5_DATA HDF5_OUTPUT IM2COL IMAGE_DATA INFOGAIN_LOSS
INNER_PRODUCT LRN MULTINOMIAL_LOGISTIC_LOSS POOLING RELU SIGMOID SOFTMAX SOFTMAX_LOSS SPLIT TANH WINDOW_DATA ELTWISE POWER
SIGMOID_CROSS_ENTROPY_LOSS HINGE_LOSS MEMORY_DATA ARGMAX THRESHOLD DUMMY_DATA SLICE MVN ABSVAL SILENCE CONTRASTIVE_LOSS EXP DECONVOLUTION""".split()


def layers(message, phase, stages=()):
    """The layers of a phase ("TRAIN" or "TEST"), in order."""
    found = []
    for field in ("layers", "layer"):
        for content in message.get(field, ()):
            layer = Layer(content, field)
            if field == "layers":
                layer.type = _new_type(layer)
            found.append(layer)
    return [layer for layer in found if _included(layer, phase, stages)]


def _new_type(layer):
    kind = layer.type
    if kind.isdigit() and int(kind) < len(_NUMBERS):
        kind = _NUMBERS[int(kind)]
    if kind not in _OLD:
        raise MXNetError(f"[caffe {layer.name}] type: expected one of the older form's types, got {kind!r}")
    return _OLD[kind]


def _included(layer, phase, stages):
    include, exclude = layer.messages("include"), layer.messages("exclude")
    if layer.word("phase", phase) != phase:
        return False
    if include:
        return any(_meets(rule, phase, stages) for rule in include)
    return not any(_meets(rule, phase, stages) for rule in exclude)


def _meets(rule, phase, stages):
    if rule.word("phase", phase) != phase or rule.integer("min_level", 0) > 0 or rule.integer("max_level", 0) < 0:
        return False
    return all(s in stages for s in rule.texts("stage")) and not any(s in stages for s in rule.texts("not_stage"))


def outer_inputs(message):
    """{name: shape or None} of the inputs declared by `input`, with `input_shape` or groups of four `input_dim`."""
    net = Layer(message, "net")
    names, shapes = texts(message, "input", "net"), [shape.integers("dim") for shape in net.messages("input_shape")]
    if not shapes:
        dims = net.integers("input_dim")
        if len(dims) not in (0, 4 * len(names)):
            raise MXNetError(f"[caffe] input_dim: expected {4 * len(names)} numbers, got {len(dims)}")
        shapes = [dims[i : i + 4] for i in range(0, len(dims), 4)]
    if shapes and len(shapes) != len(names):
        raise MXNetError(f"[caffe] input_shape: expected {len(names)}, got {len(shapes)}")
    return {name: tuple(shape) if shape else None for name, shape in zip(names, shapes or [None] * len(names))}
