"""Reads symbol.json without any framework: what the peers that cannot load it are built from. Standard library only."""

import ast
import collections
import json
import pathlib

Node = collections.namedtuple("Node", "op name attrs inputs")
Graph = collections.namedtuple("Graph", "nodes heads")


def load(path):
    """The graph of a symbol.json: nodes in order, inputs as (node, output) pairs."""
    graph = json.loads(pathlib.Path(path).read_text())
    nodes = [Node(n["op"], n["name"], n.get("attrs") or {}, [tuple(e[:2]) for e in n["inputs"]]) for n in graph["nodes"]]
    return Graph(nodes, [tuple(e[:2]) for e in graph["heads"]])


def values(attrs, key, default):
    """A tuple of numbers."""
    return tuple(ast.literal_eval(attrs.get(key) or "()")) or default


def flag(attrs, key, default=False):
    return attrs.get(key, str(default)) in ("True", "true", "1")


def number(attrs, key, default):
    return float(attrs.get(key, default))


def indices(graph):
    """Names of the variables that hold indices: what Embedding looks up, and labels."""
    found = set()
    for node in graph.nodes:
        if node.op in ("Embedding", "SoftmaxOutput"):
            entry = node.inputs[0 if node.op == "Embedding" else 1]
            if graph.nodes[entry[0]].op == "null":
                found.add(graph.nodes[entry[0]].name)
    return found


def rnn_sizes(attrs, inputs):
    """(layers, hidden, [(offset, shape)]) of a one-directional LSTM's packed parameters: weights of all layers, then biases."""
    layers, hidden = int(attrs["num_layers"]), int(attrs["state_size"])
    if attrs["mode"] != "lstm" or flag(attrs, "bidirectional"):
        raise ValueError(f"[graph] RNN: expected a one-directional lstm, got {attrs['mode']}")
    shapes = []
    for layer in range(layers):
        shapes += [(4 * hidden, inputs if layer == 0 else hidden), (4 * hidden, hidden)]
    shapes += [(4 * hidden,)] * (2 * layers)
    offset, places = 0, []
    for shape in shapes:
        places.append((offset, shape))
        offset += shape[0] * (shape[1] if len(shape) > 1 else 1)
    return layers, hidden, places
