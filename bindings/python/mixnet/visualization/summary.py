"""The table of layers."""

import math

from .network import layers_of


def print_summary(symbol, shape=None, line_length=120, positions=(0.44, 0.64, 0.74, 1.0)):
    """Print one row per layer: name (operator), output shape without batch, number of parameters, previous layers.

    Parameters
    ----------
    symbol : Symbol
    shape : dict from input name to shape, optional
        Without it shapes are left out and parameters are not counted.
    line_length : int
        Characters per line.
    positions : four numbers
        Where each column ends: characters, or parts of the line where the last is at most 1.
    """
    ends = [int(line_length * place) if positions[-1] <= 1 else int(place) for place in positions]
    layers, _ = layers_of(symbol, shape)
    total = 0
    print("_" * line_length)
    _row(["Layer (type)", "Output Shape", "Param #", "Previous Layer"], ends)
    print("=" * line_length)
    for layer in layers:
        if layer.is_variable and (layer.is_parameter or layer.name.endswith("label")):
            continue
        count = _parameters(layer)
        total += count
        before = [source.name for source in layer.inputs if not source.is_parameter]
        size = "x".join(str(axis) for axis in layer.shape[1:]) if layer.shape is not None else ""
        first, *others = before or [""]
        _row([f"{layer.name}({layer.op})", size, count, first], ends)
        for other in others:
            _row(["", "", "", other], ends)
        print("_" * line_length)
    print(f"Total params: {total}")
    print("_" * line_length)


def _parameters(layer):
    """Elements of the trained and moving arrays that feed `layer` directly."""
    known = [source.shape for source in layer.inputs if source.is_parameter and source.shape is not None]
    return sum(math.prod(shape) for shape in known)


def _row(fields, ends):
    line = ""
    for field, end in zip(fields, ends):
        line = (line + str(field))[: max(end - 1, 0)].ljust(end)
    print(line.rstrip())
