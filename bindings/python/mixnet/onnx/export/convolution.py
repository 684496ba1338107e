"""Convolutions and their transposes. With channels last, what goes in and what comes out is transposed."""

from .table import converts, refuse


def window(n, key, default, count):
    """A parameter per spatial axis."""
    return list(n.ints(key) or (default,) * count)


def first(b, n, value):
    """A value with its channels moved before its spatial axes, when the node's layout has them last."""
    layout = n.get("layout")
    if layout in (None, "NCW", "NCHW", "NCDHW"):
        return value
    if layout not in ("NHWC", "NDHWC"):
        refuse(n, f"layout: expected channels first or last, got {layout}")
    rank = n.rank()
    return b.transpose(value, [0, rank - 1, *range(1, rank - 1)])


def back(b, n, value):
    """The opposite, for an output."""
    last = n.get("layout") in ("NHWC", "NDHWC")
    return b.transpose(value, [0, *range(2, n.rank()), 1]) if last else value


def spatial(n, shape):
    """The spatial extents of a shape in the node's layout."""
    return shape[1:-1] if n.get("layout") in ("NHWC", "NDHWC") else shape[2:]


@converts("Convolution")
def convolution(b, n):
    kernel = list(n.ints("kernel"))
    made = b.node(
        "Conv",
        [*(first(b, n, value) for value in n.inputs[:2]), *n.inputs[2:]],
        kernel_shape=kernel,
        strides=window(n, "stride", 1, len(kernel)),
        dilations=window(n, "dilate", 1, len(kernel)),
        pads=window(n, "pad", 0, len(kernel)) * 2,
        group=n.get("num_group", 1),
    )
    return back(b, n, made)


@converts("Deconvolution")
def deconvolution(b, n):
    kernel = list(n.ints("kernel"))
    count = len(kernel)
    stride, dilate = window(n, "stride", 1, count), window(n, "dilate", 1, count)
    pad, adj = window(n, "pad", 0, count), window(n, "adj", 0, count)
    target = n.ints("target_shape")
    if any(target):
        if not all(isinstance(e, int) for e in spatial(n, n.in_shapes[0])):
            refuse(n, "target_shape: expected fixed spatial extents")
        whole = [(e - 1) * s + (k - 1) * d + 1 - t for e, s, k, d, t in zip(spatial(n, n.in_shapes[0]), stride, kernel, dilate, target)]
        pad, adj = [(w + 1) // 2 for w in whole], [w % 2 for w in whole]
    made = b.node(
        "ConvTranspose",
        [*(first(b, n, value) for value in n.inputs[:2]), *n.inputs[2:]],
        kernel_shape=kernel,
        strides=stride,
        dilations=dilate,
        pads=pad * 2,
        output_padding=adj if any(adj) else None,
        group=n.get("num_group", 1),
    )
    return back(b, n, made)
