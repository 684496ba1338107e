"""Pieces of images, and images by their shorter side.

An image is an NDArray of (height, width, channels); sizes are pairs (width, height), as MXNet has them. Draws come from Python's `random`, in MXNet's
order, so that `random.seed` gives the crops that it gives there.
"""

import math
import random

from ..base import MXNetError
from .codec import imresize, interpolation


def scale_down(src_size, size):
    """The crop `size` (width, height), made smaller with its aspect kept until it fits into `src_size` (width, height)."""
    (width, height), (limit_width, limit_height) = size, src_size
    if height > limit_height:
        width, height = width * limit_height / height, limit_height
    if width > limit_width:
        width, height = limit_width, height * limit_width / width
    return int(width), int(height)


def resize_short(src, size, interp=2):
    """`src` with its shorter side of `size` pixels and the same aspect; `interp` as in :func:`imresize`."""
    height, width = src.shape[:2]
    new = (size, size * height // width) if height > width else (size * width // height, size)
    return imresize(src, *new, interp=interpolation(interp, (height, width), new[::-1]))


def fixed_crop(src, x0, y0, w, h, size=None, interp=2):
    """The piece of `src` from column `x0` and row `y0`, `w` wide and `h` high (cut off at the border), resized to `size` (width, height) if given.

    Raises MXNetError for a piece without pixels or one that begins outside.
    """
    height, width = src.shape[:2]
    if w < 1 or h < 1 or not (0 <= x0 < width and 0 <= y0 < height):
        raise MXNetError(f"[fixed_crop] x0, y0, w, h: expected a piece inside of {width} x {height} pixels, got {(x0, y0, w, h)}")
    piece = src[y0 : y0 + h, x0 : x0 + w]
    if size is None or (w, h) == tuple(size):
        return piece
    return imresize(piece, *size, interp=interpolation(interp, (h, w), (size[1], size[0])))


def random_crop(src, size, interp=2):
    """A random piece with the aspect of `size` (width, height), as large as `size` or as fits; resized where it was smaller.

    Returns the image and the place (x, y, width, height) it was cut from.
    """
    height, width = src.shape[:2]
    w, h = scale_down((width, height), size)
    x = random.randint(0, width - w)
    y = random.randint(0, height - h)
    return fixed_crop(src, x, y, w, h, size, interp), (x, y, w, h)


def center_crop(src, size, interp=2):
    """As :func:`random_crop`, from the middle."""
    height, width = src.shape[:2]
    w, h = scale_down((width, height), size)
    x, y = (width - w) // 2, (height - h) // 2
    return fixed_crop(src, x, y, w, h, size, interp), (x, y, w, h)


def random_size_crop(src, size, area, ratio, interp=2, **kwargs):
    """A random piece of a random area and aspect, resized to `size` (width, height).

    `area` is (least, largest) share of the image's area, or the least alone; `ratio` is (least, largest) width / height. Ten pieces are tried;
    if none fits, the middle is taken. Returns the image and the place (x, y, width, height) it was cut from.
    """
    if "min_area" in kwargs:  # MXNet's older name
        area = kwargs.pop("min_area")
    if kwargs:
        raise TypeError(f"[random_size_crop] expected src, size, area, ratio and interp, got {', '.join(map(repr, kwargs))}")
    place = _sized_place(src, (area, 1.0) if not isinstance(area, (tuple, list)) else area, ratio)
    if place is None:
        return center_crop(src, size, interp)
    return fixed_crop(src, *place, size, interp), place


def _sized_place(src, area, ratio):
    height, width = src.shape[:2]
    for _ in range(10):
        pixels = random.uniform(*area) * height * width
        aspect = math.exp(random.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < w <= width and 0 < h <= height:
            x = random.randint(0, width - w)
            y = random.randint(0, height - h)
            return x, y, w, h
    return None
