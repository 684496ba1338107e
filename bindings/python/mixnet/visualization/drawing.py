"""A picture of the layer graph made by matplotlib alone.

Layers stand in rows by their longest way from the inputs; long chains continue in the next column.
"""

from .network import layers_of
from .plot import colour_of

ROWS_PER_COLUMN = 10


def draw_network(symbol, path, shape=None):
    """Draw the layers of `symbol` (without weights and labels) into the image file `path`; returns `path`.

    Parameters
    ----------
    symbol : Symbol
    path : str
        The ending says the kind: .png, .pdf, .svg.
    shape : dict from input name to shape, optional
        Writes the output shape (without batch) into every box.

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("[draw_network] matplotlib: expected it to be installed, got none") from None
    layers, _ = layers_of(symbol, shape)
    shown = [layer for layer in layers if not layer.is_parameter and not layer.name.endswith("label")]
    places, columns, rows = _places(shown)
    figure = Figure(figsize=(max(3.2 * columns, 4), max(0.95 * rows, 3)), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.axis("off")
    for layer in shown:
        for source in layer.inputs:
            if id(source) in places:
                _arrow(axes, places[id(source)], places[id(layer)])
    for layer in shown:
        _box(axes, places[id(layer)], layer)
    figure.savefig(path)
    return path


def plot_network_png(symbol, path, shape=None):
    """The same as `draw_network`."""
    return draw_network(symbol, path, shape)


def _places(layers):
    """Dict from id of layer to (x, y); number of columns; number of rows."""
    depth, beside, places = {}, {}, {}
    for layer in layers:
        depth[id(layer)] = max((depth[id(s)] + 1 for s in layer.inputs if id(s) in depth), default=0)
    widths = {}
    for layer in layers:
        level = depth[id(layer)]
        beside[id(layer)] = widths.get(level, 0)
        widths[level] = beside[id(layer)] + 1
    width = max(widths.values(), default=1)
    for layer in layers:
        column, row = divmod(depth[id(layer)], ROWS_PER_COLUMN)
        places[id(layer)] = (column * width + beside[id(layer)], row)
    columns = (max(depth.values(), default=0) // ROWS_PER_COLUMN + 1) * width
    return places, columns, min(max(depth.values(), default=0) + 1, ROWS_PER_COLUMN)


def _arrow(axes, start, end):
    look = {"arrowstyle": "-|>", "color": "#444444", "shrinkA": 16, "shrinkB": 16}
    axes.annotate("", xy=end, xytext=start, arrowprops=look, zorder=1)


def _box(axes, place, layer):
    text = ", ".join(layer.title())
    if layer.shape is not None:
        text += "\n" + " x ".join(str(axis) for axis in layer.shape[1:])
    look = {"boxstyle": "round,pad=0.45", "facecolor": colour_of(layer), "edgecolor": "#444444"}
    axes.text(*place, text, ha="center", va="center", fontsize=9, bbox=look, zorder=2)
