"""Which part of a picture is taken, how large it becomes, and flips. Sizes are a number or (width, height)."""

import math

from ..... import ndarray as nd
from ...item_random import item_random
from .transform import Transform, probability

AREA_ATTEMPTS = 10


def extents(place, size):
    """(width, height) of a size given as one number or two."""
    pair = (size, size) if not isinstance(size, (list, tuple)) else tuple(size)
    if len(pair) != 2 or any(isinstance(n, str) or int(n) != n or n < 1 for n in pair):
        raise ValueError(f"[{place}] size: expected a whole number of at least 1, or (width, height), got {size!r}")
    return int(pair[0]), int(pair[1])


def cut(place, x, box, size, interpolation):
    """The box (left, top, width, height) of `x`, resized to `size` (width, height) unless it has that."""
    left, top, width, height = box
    if left + width > x.shape[-2] or top + height > x.shape[-3]:
        raise ValueError(f"[{place}] box: expected one inside of {x.shape[-2]} x {x.shape[-3]}, got {width} x {height} at {left}, {top}")
    if box != (0, 0, x.shape[-2], x.shape[-3]):
        x = nd.image.crop(x, x=left, y=top, width=width, height=height)
    return x if (width, height) == size else nd.image.resize(x, size=size, interp=interpolation)


def fitting(source, size):
    """`size` (width, height), made smaller with its ratio until it fits into `source`."""
    width, height = size
    if source[1] < height:
        width, height = width * source[1] // height, source[1]
    if source[0] < width:
        width, height = source[0], height * source[0] // width
    return max(width, 1), max(height, 1)


class Resize(Transform):
    """To `size`. With `keep_ratio` and one number, the shorter side becomes that. `interpolation`: 0 nearest, 1 linear, 2 area, 3 cubic, 4 Lanczos."""

    batched = True

    def __init__(self, size, keep_ratio=False, interpolation=1):
        self._size = extents("Resize", size)
        self._keep_ratio = bool(keep_ratio) and not isinstance(size, (list, tuple))
        self._interpolation = interpolation

    def forward(self, x):
        size = self._size[:1] if self._keep_ratio else self._size
        return nd.image.resize(x, size=size, keep_ratio=self._keep_ratio, interp=self._interpolation)


class CropResize(Transform):
    """The box at (`x`, `y`) with `width` and `height`, then `size` where given."""

    batched = True

    def __init__(self, x, y, width, height, size=None, interpolation=None):
        if min(x, y) < 0 or min(width, height) < 1:
            raise ValueError(f"[CropResize] box: expected x, y of at least 0 and extents of at least 1, got {x}, {y}, {width}, {height}")
        self._box = (x, y, width, height)
        self._size = (width, height) if size is None else extents("CropResize", size)
        self._interpolation = 1 if interpolation is None else interpolation

    def forward(self, x):
        return cut("CropResize", x, self._box, self._size, self._interpolation)


class CenterCrop(Transform):
    """`size` from the middle. Of a smaller picture the largest part of that ratio, made larger."""

    def __init__(self, size, interpolation=1):
        self._size, self._interpolation = extents("CenterCrop", size), interpolation

    def forward(self, x):
        height, width = x.shape[-3:-1]
        w, h = fitting((width, height), self._size)
        return cut("CenterCrop", x, ((width - w) // 2, (height - h) // 2, w, h), self._size, self._interpolation)


class RandomCrop(Transform):
    """`size` from anywhere, after `pad` pixels (a number, or one per side of width and height) of `pad_value` around. Of a smaller picture the
    largest part of that ratio, made larger."""

    def __init__(self, size, pad=None, pad_value=0, interpolation=1):
        self._size, self._interpolation = extents("RandomCrop", size), interpolation
        self._pad = (pad or 0, pad or 0) if not isinstance(pad, (list, tuple)) else tuple(pad)
        self._pad_value = pad_value
        if len(self._pad) != 2 or min(self._pad) < 0:
            raise ValueError(f"[RandomCrop] pad: expected a number of at least 0, or (sides, top and bottom), got {pad!r}")

    def forward(self, x):
        x = _padded(x, *self._pad, self._pad_value) if any(self._pad) else x
        height, width = x.shape[-3:-1]
        w, h = fitting((width, height), self._size)
        draws = item_random()
        box = (int(draws.integers(width - w + 1)), int(draws.integers(height - h + 1)), w, h)
        return cut("RandomCrop", x, box, self._size, self._interpolation)


class RandomResizedCrop(Transform):
    """A part with `scale` of the area and `ratio` of width to height, both drawn between two numbers (the ratio by its logarithm), resized to `size`.
    Where ten draws do not fit into the picture, the middle."""

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), interpolation=1):
        self._size, self._interpolation = extents("RandomResizedCrop", size), interpolation
        self._scale = (scale, 1.0) if not isinstance(scale, (list, tuple)) else tuple(scale)
        self._ratio = tuple(ratio)
        for name, pair in (("scale", self._scale), ("ratio", self._ratio)):
            if len(pair) != 2 or not 0 < pair[0] <= pair[1]:
                raise ValueError(f"[RandomResizedCrop] {name}: expected two numbers above 0 in order, got {pair}")

    def forward(self, x):
        height, width = x.shape[-3:-1]
        return cut("RandomResizedCrop", x, self._box(width, height), self._size, self._interpolation)

    def _box(self, width, height):
        draws = item_random()
        for _ in range(AREA_ATTEMPTS):
            area = width * height * draws.uniform(*self._scale)
            ratio = math.exp(draws.uniform(math.log(self._ratio[0]), math.log(self._ratio[1])))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                return int(draws.integers(width - w + 1)), int(draws.integers(height - h + 1)), w, h
        w, h = fitting((width, height), self._size)
        return (width - w) // 2, (height - h) // 2, w, h


class _RandomFlip(Transform):
    def __init__(self, p=0.5):
        self._p = probability(type(self).__name__, "p", p)

    def forward(self, x):
        return self._flip(x) if item_random().random() < self._p else x


class RandomFlipLeftRight(_RandomFlip):
    """Left and right exchanged with probability `p`."""

    def _flip(self, x):
        return nd.image.flip_left_right(x)


class RandomFlipTopBottom(_RandomFlip):
    """Top and bottom exchanged with probability `p`."""

    def _flip(self, x):
        return nd.image.flip_top_bottom(x)


def _padded(x, sides, ends, value):
    height, width, channels = x.shape
    # As one channel whose columns are bytes, since `pad` leaves the first two of four axes alone.
    rows = x.reshape((1, 1, height, width * channels))
    widths = (0, 0, 0, 0, ends, ends, sides * channels, sides * channels)
    wide = nd.pad(rows, mode="constant", pad_width=widths, constant_value=value)
    return wide.reshape((height + 2 * ends, width + 2 * sides, channels))
