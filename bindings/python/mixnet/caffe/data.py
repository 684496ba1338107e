"""Layers that bring data, and those that only look at it."""

from .model import converts

DATA = ("Data", "DummyData", "HDF5Data", "ImageData", "MemoryData", "WindowData")


def _declared(layer, index):
    """The shape that a layer says one of its tops has, or None."""
    if layer.type == "MemoryData" and index == 0:
        part = layer.part("memory_data_param")
        shape = tuple(part.integer(key, 0) for key in ("batch_size", "channels", "height", "width"))
        return shape if all(shape) else None
    part = layer.part("input_param" if layer.type == "Input" else "dummy_data_param")
    shapes = part.messages("shape")
    if not shapes:
        return None
    return tuple(shapes[index if index < len(shapes) else 0].integers("dim")) or None


@converts("Input", *DATA)
def data(net, layer, inputs):
    for index, name in enumerate(layer.tops):
        if net.input_shapes.get(name) is None:
            net.input_shapes[name] = _declared(layer, index)
        net.values[name] = net.input(name)
    return None


@converts("Accuracy", "HDF5Output")
def only_looks(net, layer, inputs):
    return None


@converts("Silence")
def silence(net, layer, inputs):
    for name in layer.bottoms:
        net.unused.pop(name, None)
    return None


@converts("Split")
def split(net, layer, inputs):
    return inputs[:1] * len(layer.tops)
