"""A symbol as a list of layers for drawing: which node feeds which, with shapes where they are known."""

import ast
import json

PARAMETER_ENDINGS = (
    "_weight",
    "_bias",
    "_gamma",
    "_beta",
    "_moving_mean",
    "_moving_var",
    "_moving_avg",
    "_running_mean",
    "_running_var",
)


class Layer:
    """One node: `name`, `op` ('null' for a variable), `attrs`, `inputs` (layers), `shape` of the first output."""

    def __init__(self, name, op, attrs):
        self.name = name
        self.op = op
        self.attrs = attrs
        self.inputs = []
        self.shape = None

    @property
    def is_variable(self):
        return self.op == "null"

    @property
    def is_parameter(self):
        """Whether this variable is a weight, bias, scale or statistic."""
        return self.is_variable and self.name.endswith(PARAMETER_ENDINGS)

    def title(self):
        """Operator with the attributes that matter at a glance, each part a line."""
        if self.is_variable:
            return [self.name]
        lines = [self.op]
        if self.op in ("Convolution", "Deconvolution"):
            lines[0] += " " + _size(self.attrs.get("kernel", "")) + "/" + _size((self.attrs.get("stride", "").strip("()") and self.attrs["stride"] or "(1,)"))
            lines.append(self.attrs.get("num_filter", "") + " filters")
        elif self.op == "FullyConnected":
            lines.append(self.attrs.get("num_hidden", "") + " units")
        elif self.op == "Pooling":
            lines[0] += " " + self.attrs.get("pool_type", "max")
            if self.attrs.get("global_pool") not in ("True", "1"):
                lines.append(_size(self.attrs.get("kernel", "")) + "/" + _size((self.attrs.get("stride", "").strip("()") and self.attrs["stride"] or "(1,)")))
        elif self.op in ("Activation", "LeakyReLU"):
            lines.append(self.attrs.get("act_type", "leaky"))
        elif self.op == "Dropout":
            lines.append("p = " + self.attrs.get("p", "0.5"))
        return lines


def layers_of(symbol, shape=None, dtype=None):
    """All layers in computing order. `shape` maps input names to shapes; ValueError where it does not suffice."""
    if not hasattr(symbol, "tojson"):
        raise TypeError(f"[visualization] symbol: expected a Symbol, got {type(symbol).__name__}")
    graph = json.loads(symbol.tojson())
    shapes = _shapes(symbol, shape) if shape is not None else {}
    layers = []
    for node in graph["nodes"]:
        layer = Layer(node["name"], node["op"], node.get("attrs", node.get("attr", node.get("param", {}))) or {})
        layer.inputs = [layers[entry[0]] for entry in node["inputs"]]
        layer.shape = shapes.get(layer.name if layer.is_variable else layer.name + "_output")
        if layer.shape is None:
            layer.shape = shapes.get(layer.name + "_output0")
        layers.append(layer)
    return layers, [layers[head[0]] for head in graph["heads"]]


def _shapes(symbol, shape):
    internals = symbol.get_internals()
    arg_shapes, out_shapes, aux_shapes = internals.infer_shape(**dict(shape))
    if out_shapes is None:
        raise ValueError(f"[visualization] shape: expected the shapes of all inputs, got {dict(shape)}")
    shapes = dict(zip(internals.list_outputs(), out_shapes))
    shapes.update(zip(internals.list_arguments(), arg_shapes))
    shapes.update(zip(internals.list_auxiliary_states(), aux_shapes))
    return shapes


def _size(text):
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return str(text)
    return "x".join(str(axis) for axis in value) if isinstance(value, (tuple, list)) else str(value)
