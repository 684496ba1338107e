"""The graph for Graphviz: a `graphviz.Digraph` where that package is installed, else the same as DOT text."""

import shutil
import subprocess

from .network import layers_of

COLOURS = {
    "null": "#8dd3c7",
    "Convolution": "#fb8072",
    "Deconvolution": "#fb8072",
    "FullyConnected": "#fb8072",
    "BatchNorm": "#bebada",
    "Activation": "#ffffb3",
    "LeakyReLU": "#ffffb3",
    "Pooling": "#80b1d3",
    "Concat": "#fdb462",
    "Flatten": "#fdb462",
    "Reshape": "#fdb462",
    "SoftmaxOutput": "#b3de69",
}
OTHER = "#fccde5"


def colour_of(layer):
    """Fill colour by kind of operator."""
    return COLOURS.get(layer.op, OTHER)


class DotGraph:
    """DOT text that grows by `node` and `edge`, with the part of graphviz.Digraph that scripts use."""

    def __init__(self, name="plot", format="pdf"):
        self.name = name
        self.format = format
        self._lines = []

    def node(self, name, label=None, **attrs):
        """Add a node."""
        label = name if label is None else label
        self._lines.append(f"    {_quote(name)} {_attributes(dict(attrs, label=label))}")

    def edge(self, tail_name, head_name, label=None, **attrs):
        """Add an arrow."""
        attrs = attrs if label is None else dict(attrs, label=label)
        self._lines.append(f"    {_quote(tail_name)} -> {_quote(head_name)} {_attributes(attrs)}")

    @property
    def source(self):
        """The whole graph as DOT text."""
        return "\n".join([f"digraph {_quote(self.name)} {{", *self._lines, "}", ""])

    def save(self, filename=None):
        """Write the DOT text; returns the path."""
        path = filename or f"{self.name}.gv"
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.source)
        return path

    def render(self, filename=None, format=None, view=False, cleanup=False):
        """Write DOT text and picture and return the picture's path. RuntimeError without the program ``dot``.

        `view` and `cleanup` are accepted and ignored.
        """
        if shutil.which("dot") is None:
            raise RuntimeError("[plot_network render] dot: expected the Graphviz program dot in PATH, got none")
        source = self.save(filename or f"{self.name}.gv")
        kind = format or self.format
        result = subprocess.run(["dot", f"-T{kind}", "-O", source], capture_output=True, text=True, check=False)
        if result.returncode:
            reason = (result.stderr.splitlines() or ["an error"])[0]
            raise RuntimeError(f"[plot_network render] dot: expected success, got {reason}")
        return f"{source}.{kind}"

    def __str__(self):
        return self.source


def plot_network(symbol, title="plot", save_format="pdf", shape=None, dtype=None, node_attrs=None, hide_weights=True):
    """Graph of the layers of `symbol`, data flowing upwards.

    Parameters
    ----------
    symbol : Symbol
    title : str
    save_format : str
        What `render` writes: pdf, png, svg...
    shape : dict from input name to shape, optional
        Writes the shape (without batch) on every arrow.
    dtype : optional
        Accepted; shapes do not depend on it.
    node_attrs : dict, optional
        Graphviz attributes for all nodes.
    hide_weights : bool
        Leave out weights, biases and statistics.

    Returns
    -------
    graphviz.Digraph, or DotGraph without that package
    """
    layers, _ = layers_of(symbol, shape, dtype)
    graph = _new_graph(title, save_format)
    style = {"shape": "box", "fixedsize": "false", "style": "filled", "width": "1.3", "height": "0.8"}
    style.update(node_attrs or {})
    shown = [layer for layer in layers if not (hide_weights and layer.is_parameter)]
    for layer in shown:
        look = dict(style, fillcolor=colour_of(layer))
        if layer.is_variable:
            look["shape"] = "oval"
        graph.node(name=layer.name, label="\n".join(layer.title()), **look)
    for layer in shown:
        for source in layer.inputs:
            if hide_weights and source.is_parameter:
                continue
            label = "x".join(map(str, source.shape[1:])) if source.shape is not None else None
            graph.edge(tail_name=layer.name, head_name=source.name, label=label, dir="back", arrowtail="open")
    return graph


def _new_graph(title, save_format):
    try:
        from graphviz import Digraph
    except ImportError:
        return DotGraph(name=title, format=save_format)
    return Digraph(name=title, format=save_format)


def _quote(text):
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _attributes(attrs):
    return "[" + " ".join(f"{key}={_quote(value)}" for key, value in sorted(attrs.items())) + "]"
