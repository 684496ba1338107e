"""Convolutions that look beside their windows."""

import numpy as np

from .convolution import window
from .table import converts, refuse


@converts("_contrib_DeformableConvolution", "_contrib_ModulatedDeformableConvolution")
def deformable(b, n):
    """Inputs here are data, offset, mask (of the modulated form), weight, bias."""
    if b.opset < 19:
        refuse(n, f"expected opset 19 or later, got {b.opset}")
    data, offset, *rest = n.inputs
    kernel = list(n.ints("kernel"))
    settings = {key: window(n, name, default, 2) for key, name, default in (("strides", "stride", 1), ("dilations", "dilate", 1), ("pads", "pad", 0))}
    groups = n.get("num_deformable_group", 1)
    if n.op.startswith("_contrib_Modulated"):
        mask = rest.pop(0)
    else:
        offset, mask = _inside(b, n, offset, kernel, settings, groups)
    settings["pads"] *= 2
    inputs = [data, rest[0], offset, rest[1] if len(rest) > 1 else None, mask]
    return b.node("DeformConv", inputs, kernel_shape=kernel, group=n.get("num_group", 1), offset_group=groups, **settings)


def _inside(b, n, offset, kernel, settings, groups):
    """(offset, mask) such that places outside of the image count nothing and those beyond the last pixels' centres count as these.

    ONNX lets values fade out over a pixel on all sides.
    """
    extents, out = n.in_shapes[0][2:], n.out_shapes[0][2:]
    if not all(isinstance(e, int) for e in (*extents, *out)):
        refuse(n, "expected fixed spatial extents")
    dtype, taps = n.out_types[0], kernel[0] * kernel[1]
    axes = [np.arange(o) * s - p for o, s, p in zip(out, settings["strides"], settings["pads"])]
    steps = [np.arange(k) * d for k, d in zip(kernel, settings["dilations"])]
    base = np.zeros((*kernel, 2, *out))
    base[:, :, 0] = (steps[0][:, None, None, None] + axes[0][:, None]).repeat(kernel[1], 1)
    base[:, :, 1] = (steps[1][None, :, None, None] + axes[1]).repeat(kernel[0], 0)
    base = base.reshape(1, taps, 2, *out)
    edge = np.array(extents).reshape(1, 1, 2, 1, 1)
    grouped = b.node("Reshape", [offset, b.const([-1, taps, 2, *out])])
    place = b.binary("Add", grouped, base, dtype)
    within = b.node("And", [b.binary("GreaterOrEqual", place, 0, dtype), b.binary("Less", place, edge, dtype)])
    mask = b.reduce("ReduceMin", b.cast(within, dtype, "bool"), [2], False)
    moved = b.binary("Sub", b.binary("Min", place, edge - 1, dtype), base, dtype)
    count = groups * taps
    return b.node("Reshape", [moved, b.const([-1, 2 * count, *out])]), b.node("Reshape", [mask, b.const([-1, count, *out])])
