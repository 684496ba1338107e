"""Images of floating-point numbers in other sizes, by the interpolations of OpenCV.

A resize is separable and linear: a matrix of weights for rows, one for columns. Pixels beyond the edge are those at the edge. Cost: two matrix products.
"""

import numpy as np

NEAREST, BILINEAR, BICUBIC, AREA, LANCZOS = range(5)


def resize(image, height, width, interp):
    """`image` (numpy, floating-point, (height, width, channels)) with `height` rows and `width` columns."""
    if interp == AREA and (height > image.shape[0] or width > image.shape[1]):
        rows, columns = _enlarged_areas(image.shape[0], height), _enlarged_areas(image.shape[1], width)
    else:
        rows, columns = _WEIGHTS[interp](image.shape[0], height), _WEIGHTS[interp](image.shape[1], width)
    rows, columns = rows.astype(image.dtype), columns.astype(image.dtype)
    return np.matmul(columns, np.tensordot(rows, image, 1))


def _gathered(old, first, weights):
    """The matrix that gives output i the sum of weights[i, k] * input[first[i] + k]."""
    new, taps = weights.shape
    matrix = np.zeros((new, old))
    for k in range(taps):
        np.add.at(matrix, (np.arange(new), np.clip(first + k, 0, old - 1)), weights[:, k])
    return matrix


def _centres(old, new):
    """Where the middles of output pixels lie among those of input pixels: the whole number below, and the rest."""
    place = (np.arange(new) + 0.5) * old / new - 0.5
    below = np.floor(place).astype(int)
    return below, place - below


def _nearest(old, new):
    first = np.minimum(np.floor(np.arange(new) * (old / new)).astype(int), old - 1)
    return _gathered(old, first, np.ones((new, 1)))


def _bilinear(old, new):
    first, rest = _centres(old, new)
    return _gathered(old, first, np.stack([1 - rest, rest], axis=1))


def _bicubic(old, new, a=-0.75):
    first, rest = _centres(old, new)

    def kernel(x):
        x = abs(x)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return np.where(x <= 1, near, far)

    return _gathered(old, first - 1, np.stack([kernel(rest - k) for k in (-1, 0, 1, 2)], axis=1))


def _lanczos(old, new):
    first, rest = _centres(old, new)
    weights = np.stack([np.sinc(rest - k) * np.sinc((rest - k) / 4) for k in range(-3, 5)], axis=1)
    return _gathered(old, first - 3, weights / weights.sum(axis=1, keepdims=True))


def _areas(old, new):
    """The share that every input pixel has of an output pixel's area."""
    edges = np.arange(new + 1)[:, None] * (old / new)
    pixels = np.arange(old)[None, :]
    overlap = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
    weights = np.maximum(overlap, 0)
    return weights / weights.sum(axis=1, keepdims=True)


def _enlarged_areas(old, new):
    """Where a side grows, the method of areas mixes two neighbours only where an output pixel lies on both."""
    first = np.floor(np.arange(new) * (old / new)).astype(int)
    rest = (np.arange(new) + 1) - (first + 1) * (new / old)
    rest = np.where(rest <= 0, 0, rest - np.floor(rest))
    return _gathered(old, first, np.stack([1 - rest, rest], axis=1))


_WEIGHTS = (_nearest, _bilinear, _bicubic, _areas, _lanczos)
