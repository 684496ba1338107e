"""Images as networks take them."""

import numpy as np

from .table import converts, refuse


@converts("_image_to_tensor")
def to_tensor(b, n):
    value = b.binary("Div", b.cast(n.inputs[0], n.out_types[0], n.in_types[0]), 255, n.out_types[0])
    return b.transpose(value, [2, 0, 1] if n.rank() == 3 else [0, 3, 1, 2])


@converts("_image_normalize")
def normalize(b, n):
    channels = n.in_shapes[0][-3]
    mean, std = (np.broadcast_to(np.array(n.ints(k, d))[:channels] if len(n.ints(k, d)) > 1 else n.ints(k, d)[0], channels)
                 for k, d in (("mean", (0,)), ("std", (1,))))  # fmt: skip
    value = b.binary("Sub", n.inputs[0], mean.reshape(-1, 1, 1), n.out_types[0])
    return b.binary("Div", value, std.reshape(-1, 1, 1), n.out_types[0])


@converts("_image_flip_left_right", "_image_flip_top_bottom")
def flip(b, n):
    axis = n.rank() - (2 if n.op.endswith("right") else 3)
    return b.slice(n.inputs[0], [-1], [np.iinfo(np.int64).min], [axis], [-1])


@converts("_image_crop")
def crop(b, n):
    x, y, rows = n.get("x"), n.get("y"), n.rank() - 3
    return b.slice(n.inputs[0], [y, x], [y + n.get("height"), x + n.get("width")], [rows, rows + 1])


@converts("_image_resize")
def resize(b, n):
    dtype = n.in_types[0]
    if n.get("interp", 1) != 1 or not dtype.startswith("float"):
        refuse(n, f"expected interp 1 of floats, got {n.get('interp', 1)} of {dtype}")
    value = n.inputs[0] if n.rank() == 4 else b.unsqueeze(n.inputs[0], [0])
    height, width = n.out_shapes[0][-3:-1]
    if not isinstance(height, int) or not isinstance(width, int):
        refuse(n, "expected fixed extents")
    value = b.transpose(value, [0, 3, 1, 2])
    sizes = b.concat([b.slice(b.node("Shape", [value]), [0], [2], [0]), b.const([height, width])], 0)
    value = b.node("Resize", [value, None, None, sizes], mode="linear", coordinate_transformation_mode="half_pixel")
    value = b.transpose(value, [0, 2, 3, 1])
    return value if n.rank() == 4 else b.squeeze(value, [0])
