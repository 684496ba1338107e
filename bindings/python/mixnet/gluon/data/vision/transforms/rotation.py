"""Rotation of (channels, height, width) or batches of it, float32, around the middle; what comes from outside of the picture is 0.

A picture keeps its extents. `zoom_in` makes it larger until nothing from outside is seen, `zoom_out` smaller until all of it is.
"""

import numpy as np

from ..... import ndarray as nd
from ...item_random import item_random
from .transform import Transform, probability


class Rotate(Transform):
    """By `rotation_degrees`, the picture's content clockwise for negative ones."""

    batched = True

    def __init__(self, rotation_degrees, zoom_in=False, zoom_out=False):
        _check_zoom("Rotate", zoom_in, zoom_out)
        self._degrees, self._zoom_in, self._zoom_out = float(rotation_degrees), zoom_in, zoom_out

    def forward(self, x):
        return _rotated("Rotate", x, lambda _: self._degrees, self._zoom_in, self._zoom_out)


class RandomRotation(Transform):
    """By an angle drawn between the two of `angle_limits`, for each picture of a batch, with the probability `rotate_with_proba`."""

    def __init__(self, angle_limits, zoom_in=False, zoom_out=False, rotate_with_proba=1.0):
        _check_zoom("RandomRotation", zoom_in, zoom_out)
        if not isinstance(angle_limits, (list, tuple)) or len(angle_limits) != 2 or not angle_limits[0] <= angle_limits[1]:
            raise ValueError(f"[RandomRotation] angle_limits: expected two angles in order, got {angle_limits!r}")
        self._limits, self._zoom_in, self._zoom_out = tuple(angle_limits), zoom_in, zoom_out
        self._proba = probability("RandomRotation", "rotate_with_proba", rotate_with_proba)

    def forward(self, x):
        draws = item_random()
        if draws.random() >= self._proba:
            return x
        return _rotated("RandomRotation", x, lambda _: draws.uniform(*self._limits), self._zoom_in, self._zoom_out)


def _check_zoom(place, zoom_in, zoom_out):
    if zoom_in and zoom_out:
        raise ValueError(f"[{place}] zoom_in: expected at most one of zoom_in and zoom_out, got both")


def _rotated(place, x, angle, zoom_in, zoom_out):
    if x.dtype != np.float32:
        raise TypeError(f"[{place}] data: expected float32 as ToTensor makes it, got {np.dtype(x.dtype).name}")
    if x.ndim not in (3, 4):
        raise ValueError(f"[{place}] data: expected (channels, height, width) or a batch of it, got shape {x.shape}")
    batch = x if x.ndim == 4 else x.expand_dims(axis=0)
    height, width = batch.shape[2:]
    grids = [_grid(width, height, np.deg2rad(angle(i)), zoom_in, zoom_out) for i in range(batch.shape[0])]
    rotated = nd.BilinearSampler(batch, nd.array(np.stack(grids)))
    return rotated if x.ndim == 4 else rotated.reshape(x.shape)


def _grid(width, height, angle, zoom_in, zoom_out):
    """Where each pixel comes from, as BilinearSampler wants it: (2, height, width), x then y, -1 to 1 between the middles of the outer pixels."""
    cosine, sine = np.cos(angle), np.sin(angle)
    # The smallest upright box around the turned picture, in widths and heights of the picture.
    across = (width * abs(cosine) + height * abs(sine)) / width
    down = (width * abs(sine) + height * abs(cosine)) / height
    scale = 1 / max(across, down) if zoom_in else max(across, down) if zoom_out else 1.0
    y, x = np.mgrid[0:height, 0:width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    source = np.stack([cosine * x - sine * y, sine * x + cosine * y]) * scale
    halves = np.array([max(width - 1, 1) / 2, max(height - 1, 1) / 2])[:, None, None]
    return (source / halves).astype(np.float32)
