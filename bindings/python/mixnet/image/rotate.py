"""Images turned around their middle, by bilinear sampling; what comes from outside of them is 0.

Images are float32 here, (channels, height, width), or a batch of those.
"""

import numpy as np

from .. import ndarray as nd


def imrotate(src, rotation_degrees, zoom_in=False, zoom_out=False):
    """`src` turned counter-clockwise.

    Parameters
    ----------
    src : NDArray of float32, (C, H, W) or (N, C, H, W)
    rotation_degrees : number, or for a batch also an array of N
    zoom_in : bool
        Make it larger, until nothing from outside is seen.
    zoom_out : bool
        Make it smaller, until all of it is seen.
    """
    _check(src, zoom_in, zoom_out)
    batch = src if src.ndim == 4 else nd.expand_dims(src, axis=0)
    angles = np.radians(_angles(src, rotation_degrees))
    theta = np.stack([_matrix(angle, *src.shape[-2:], zoom_in, zoom_out) for angle in angles])
    grid = nd.GridGenerator(nd.array(theta.reshape(len(theta), 6)), transform_type="affine", target_shape=src.shape[-2:])
    turned = nd.BilinearSampler(batch, grid)
    return turned if src.ndim == 4 else turned[0]


def random_rotate(src, angle_limits, zoom_in=False, zoom_out=False):
    """`src` turned by angles between the two `angle_limits` (degrees), one for each image, drawn from `numpy.random`."""
    size = src.shape[0] if src.ndim == 4 else None
    return imrotate(src, np.random.uniform(*angle_limits, size=size), zoom_in, zoom_out)


def _check(src, zoom_in, zoom_out):
    if zoom_in and zoom_out:
        raise ValueError("[imrotate] zoom_in, zoom_out: expected at most one of them, got both")
    if not isinstance(src, nd.NDArray) or src.dtype != np.float32:
        raise TypeError(f"[imrotate] src: expected an NDArray of float32, got {getattr(src, 'dtype', type(src).__name__)}")
    if src.ndim not in (3, 4):
        raise ValueError(f"[imrotate] src: expected (C, H, W) or (N, C, H, W), got {src.shape}")


def _angles(src, degrees):
    degrees = degrees.asnumpy() if isinstance(degrees, nd.NDArray) else np.asarray(degrees, dtype=np.float64)
    if src.ndim == 3 and degrees.ndim:
        raise TypeError(f"[imrotate] rotation_degrees: expected a number for one image, got {degrees.shape}")
    count = src.shape[0] if src.ndim == 4 else 1
    if degrees.ndim and degrees.shape != (count,):
        raise ValueError(f"[imrotate] rotation_degrees: expected {count} angles, got {degrees.shape}")
    return np.broadcast_to(degrees, count)


def _matrix(angle, height, width, zoom_in, zoom_out):
    """From places of the result to places of the source, both from -1 to 1."""
    cos, sin = np.cos(angle), np.sin(angle)
    # How much smaller the turned picture's frame has to be drawn to lie inside of the frame.
    whole = max(abs(cos) + abs(sin) * height / width, abs(cos) + abs(sin) * width / height)
    scale = whole if zoom_out else 1 / whole if zoom_in else 1.0
    x, y = max(width - 1, 1), max(height - 1, 1)
    return scale * np.array([[cos, -sin * y / x, 0], [sin * x / y, cos, 0]])
