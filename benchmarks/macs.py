"""Multiply-adds of a symbol: convolutions, full layers, LSTM. What is pointwise counts as nothing.

Percent of peak = 2 * multiply-adds * (1, or 3 with gradients) / time / peak: backward does every product twice, once for the data
and once for the weights. The data gradient of the first layer, which nobody needs, is counted as if it were done.
"""

import json
import math


def _convolution(attrs, shapes, out):
    return math.prod(out) * math.prod(shapes[1][1:])


def _full(attrs, shapes, out):
    return math.prod(out) * shapes[1][1]


def _recurrent(attrs, shapes, out):
    """All weights are used once per step and sample; the biases, 8 per cell of each layer, are no products."""
    if attrs["mode"] != "lstm":
        raise ValueError(f"[macs] RNN: expected lstm, got {attrs['mode']}")
    biases = 8 * int(attrs["state_size"]) * int(attrs["num_layers"])
    return shapes[0][0] * shapes[0][1] * (shapes[1][0] - biases)


COUNTS = {"Convolution": _convolution, "FullyConnected": _full, "RNN": _recurrent}


def count(symbol, **shapes):
    """Multiply-adds of one forward pass with these input shapes."""
    internals = symbol.get_internals()
    known = dict(zip(internals.list_outputs(), internals.infer_shape(**shapes)[1]))
    nodes, total = json.loads(symbol.tojson())["nodes"], 0
    for node in nodes:
        if node["op"] in COUNTS:
            sources = [_output(nodes, entry, known) for entry in node["inputs"]]
            total += COUNTS[node["op"]](node["attrs"], sources, known[node["name"] + "_output"])
    return total


def _output(nodes, entry, known):
    """The shape of an input; variables have no suffix."""
    node = nodes[entry[0]]
    return known[node["name"]] if node["op"] == "null" else known.get(node["name"] + "_output")
