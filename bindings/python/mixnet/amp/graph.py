"""A symbol's nodes as Python objects, to be rewritten one after the other.

The form is that of the JSON files: nodes in an order in which inputs come first. An entry is a pair (node, output).
"""

import json

from ..base import MXNetError
from ..symbol import load_json


class Graph:
    """Nodes that are read from one symbol and written to another."""

    def __init__(self, symbol):
        content = json.loads(symbol.tojson(remove_amp_cast=False))
        self.source = content["nodes"]
        self.heads = [tuple(entry[:2]) for entry in content["heads"]]
        self.nodes = []

    def add(self, op, name, attrs, inputs):
        """A new node; its number."""
        node = {"op": op, "name": name, "inputs": [[n, i, 0] for n, i in inputs]}
        if attrs:
            node["attrs"] = attrs
        self.nodes.append(node)
        return len(self.nodes) - 1

    def symbol(self, heads):
        """The symbol of the new nodes with these entries as outputs."""
        return _symbol(self.nodes, heads)


def _symbol(nodes, heads):
    variables = [i for i, node in enumerate(nodes) if node["op"] == "null"]
    content = {"nodes": nodes, "arg_nodes": variables, "heads": [[n, i, 0] for n, i in heads]}
    content["attrs"] = {"mxnet_version": ["int", 10901]}
    return load_json(json.dumps(content))


_CASTS = ("amp_cast", "amp_multicast", "amp_scale_gradient")


def without_casts(content):
    """The JSON text of a symbol without the nodes that mixed precision put in."""
    graph, number_of = Graph(load_json(content)), {}

    def resolve(number, output, *_):
        while graph.source[number]["op"] in _CASTS:
            number, output = graph.source[number]["inputs"][output][:2]
        return number_of[number], output

    scales = {node["inputs"][1][0] for node in graph.source if node["op"] == "amp_scale_gradient"}
    for number, node in enumerate(graph.source):
        if node["op"] not in _CASTS and number not in scales:
            number_of[number] = graph.add(node["op"], node["name"], node.get("attrs"), [resolve(*entry) for entry in node["inputs"]])
    return graph.symbol([resolve(*head) for head in graph.heads]).tojson(remove_amp_cast=False)


class TypeInference:
    """Output dtypes of single nodes; the library's own inference asked, answers remembered."""

    def __init__(self):
        self._known = {}

    def outputs(self, node, inputs):
        """List of dtype names from those of the inputs; None when the operator does not take them together."""
        attrs = node.get("attrs") or {}
        key = (node["op"], tuple(sorted(attrs.items())), tuple(inputs))
        if key not in self._known:
            self._known[key] = self._infer(node, attrs, inputs)
        return self._known[key]

    @staticmethod
    def _infer(node, attrs, inputs):
        names = [f"in{i}" for i in range(len(inputs))]
        nodes = [{"op": "null", "name": name, "inputs": []} for name in names]
        nodes.append({**node, "attrs": attrs, "inputs": [[i, 0, 0] for i in range(len(inputs))]})
        try:
            symbol = _symbol(nodes, [(len(inputs), 0)]).get_internals()
            outputs = [i for i, name in enumerate(symbol.list_outputs()) if name not in names]
            arguments = set(symbol.list_arguments())
            _, types, _ = symbol.infer_type(**{name: dtype for name, dtype in zip(names, inputs) if name in arguments})
        except MXNetError:
            return None
        return [_name(types[i]) for i in outputs] if types else None


def _name(dtype):
    return dtype if isinstance(dtype, str) else dtype.__name__.rstrip("_")
