"""Images resized, sampled at given places, and regions of them pooled."""

import math

import numpy as np

from .table import converts, refuse


@converts("UpSampling")
def upsampling(b, n):
    scale, out = n.get("scale"), n.out_shapes[0]
    if n.get("sample_type") == "bilinear":
        kernel, channels = 2 * scale - scale % 2, n.in_shapes[0][1]
        pad = math.ceil((scale - 1) / 2)
        settings = {"kernel_shape": [kernel] * 2, "strides": [scale] * 2, "pads": [pad] * 4, "group": channels}
        return b.node("ConvTranspose", n.inputs, **settings)
    if not all(isinstance(e, int) for e in out[2:]):
        if len(n.inputs) > 1:
            refuse(n, "expected fixed spatial extents")
        factors = [[scale] * 2]
    else:
        factors = [[o / e for o, e in zip(out[2:], shape[2:])] for shape in n.in_shapes]
    settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    scaled = [b.node("Resize", [v, None, b.const([1, 1, *f], "float32")], **settings) for v, f in zip(n.inputs, factors)]
    if len(scaled) == 1:
        return scaled[0]
    return b.node("Sum", scaled) if n.get("multi_input_mode") == "sum" else b.concat(scaled, 1)


@converts("_contrib_BilinearResize2D")
def resize(b, n):
    out = n.out_shapes[0]
    if not all(isinstance(e, int) for e in out[2:]):
        refuse(n, "expected fixed spatial extents of the output")
    sizes = b.node("Concat", [b.node("Slice", [b.node("Shape", n.inputs[:1]), b.const([0]), b.const([2])]), b.const(out[2:])], axis=0)
    corners = n.attrs.get("align_corners", "True") in ("True", "1")
    mode = "align_corners" if corners else "half_pixel"
    return b.node("Resize", [n.inputs[0], None, None, sizes], mode="linear", coordinate_transformation_mode=mode)


@converts("ROIPooling")
def roi_pooling(b, n):
    return b.node("MaxRoiPool", n.inputs, pooled_shape=list(n.ints("pooled_size")), spatial_scale=n.number("spatial_scale"))


@converts("_contrib_ROIAlign")
def roi_align(b, n):
    if n.flag("position_sensitive"):
        refuse(n, "position_sensitive: expected False, got True")
    if n.flag("aligned") and b.opset < 16:
        refuse(n, "aligned: expected False below opset 16, got True")
    index = b.cast(b.gather(n.inputs[1], 0, 1), "int64", n.in_types[1])
    corners = b.slice(n.inputs[1], [1], [5], [1])
    height, width = n.ints("pooled_size")
    mode = "half_pixel" if n.flag("aligned") else "output_half_pixel"
    return b.node(
        "RoiAlign",
        [n.inputs[0], corners, index],
        output_height=height,
        output_width=width,
        sampling_ratio=max(n.get("sample_ratio", -1), 0),
        spatial_scale=n.number("spatial_scale"),
        coordinate_transformation_mode=mode if b.opset >= 16 else None,
    )


def _sampled(b, n, grid):
    """data at (N, 2, H, W) places between -1 and 1."""
    if b.opset < 16:
        refuse(n, f"expected opset 16 or later, got {b.opset}")
    mode = "linear" if b.opset >= 20 else "bilinear"
    return b.node("GridSample", [n.inputs[0], b.transpose(grid, [0, 2, 3, 1])], align_corners=1, mode=mode, padding_mode="zeros")


def _mesh(height, width):
    y, x = np.meshgrid(*(np.linspace(-1, 1, extent) if extent > 1 else [0.0] for extent in (height, width)), indexing="ij")
    return np.stack([x, y])


def _affine(b, theta, height, width, dtype):
    """The grid of (N, 6) transformations."""
    mesh = np.concatenate([_mesh(height, width).reshape(2, -1), np.ones((1, height * width))])
    theta = b.node("Reshape", [theta, b.const([-1, 2, 3])])
    return b.node("Reshape", [b.node("MatMul", [theta, b.const(mesh, dtype)]), b.const([-1, 2, height, width])])


@converts("GridGenerator")
def grid_generator(b, n):
    if n.get("transform_type") == "affine":
        return b.node("Identity", [_affine(b, n.inputs[0], *n.ints("target_shape"), n.out_types[0])])
    height, width = n.in_shapes[0][2:]
    if not isinstance(height, int) or not isinstance(width, int):
        refuse(n, "expected fixed spatial extents")
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)))
    half = np.array([max(width - 1, 1) / 2, max(height - 1, 1) / 2]).reshape(2, 1, 1)
    moved = b.binary("Add", n.inputs[0], places, n.out_types[0])
    return b.binary("Sub", b.binary("Div", moved, half, n.out_types[0]), 1, n.out_types[0])


@converts("BilinearSampler")
def bilinear_sampler(b, n):
    return _sampled(b, n, n.inputs[1])


@converts("SpatialTransformer")
def spatial_transformer(b, n):
    return _sampled(b, n, _affine(b, n.inputs[1], *n.ints("target_shape"), n.out_types[0]))
