"""Augmenters: callables from image to image, and those that move pixels.

An image is an NDArray (height, width, channels). `dumps` tells class and arguments as JSON, as MXNet writes them. Random ones draw from Python's `random`.
"""

import json
import random

import numpy as np

from .. import ndarray as nd
from .codec import imresize, interpolation
from .crop import center_crop, random_crop, random_size_crop, resize_short


def plain(value):
    """Arrays as lists, for JSON."""
    if isinstance(value, nd.NDArray):
        value = value.asnumpy()
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


class Augmenter:
    """Base class: a subclass gives its arguments to `__init__`, to be told by `dumps`, and defines `__call__`."""

    def __init__(self, **kwargs):
        self._kwargs = {key: plain(value) for key, value in kwargs.items()}

    def dumps(self):
        """JSON text: the name of the class in small letters, and the arguments."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src):
        raise NotImplementedError(f"[{type(self).__name__}] __call__: expected the subclass to define it, got none")


class SequentialAug(Augmenter):
    """The augmenters `ts`, one after the other."""

    def __init__(self, ts):
        super().__init__()
        self.ts = ts

    def dumps(self):
        return [type(self).__name__.lower(), [t.dumps() for t in self.ts]]

    def __call__(self, src):
        for t in self.ts:
            src = t(src)
        return src


class RandomOrderAug(SequentialAug):
    """The augmenters `ts`, in a new random order at every call."""

    def __init__(self, ts):
        super().__init__(ts)

    def __call__(self, src):
        random.shuffle(self.ts)
        return super().__call__(src)


class ResizeAug(Augmenter):
    """The shorter side becomes `size` pixels."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        return resize_short(src, self.size, self.interp)


class ForceResizeAug(Augmenter):
    """The image becomes `size` (width, height), whatever its aspect was."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        width, height = self.size
        return imresize(src, width, height, interp=interpolation(self.interp, src.shape[:2], (height, width)))


class RandomCropAug(Augmenter):
    """A random piece of `size` (width, height); see :func:`random_crop`."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        return random_crop(src, self.size, self.interp)[0]


class RandomSizedCropAug(Augmenter):
    """A random piece of random area and aspect, resized to `size` (width, height); see :func:`random_size_crop`."""

    def __init__(self, size, area, ratio, interp=2, **kwargs):
        area = kwargs.pop("min_area", area)
        if kwargs:
            raise TypeError(f"[RandomSizedCropAug] expected size, area, ratio and interp, got {', '.join(map(repr, kwargs))}")
        super().__init__(size=size, area=area, ratio=ratio, interp=interp)
        self.size, self.area, self.ratio, self.interp = size, area, ratio, interp

    def __call__(self, src):
        return random_size_crop(src, self.size, self.area, self.ratio, self.interp)[0]


class CenterCropAug(Augmenter):
    """The middle piece of `size` (width, height); see :func:`center_crop`."""

    def __init__(self, size, interp=2):
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp

    def __call__(self, src):
        return center_crop(src, self.size, self.interp)[0]


class HorizontalFlipAug(Augmenter):
    """Left and right change places with probability `p`."""

    def __init__(self, p):
        super().__init__(p=p)
        self.p = p

    def __call__(self, src):
        return nd.flip(src, axis=1) if random.random() < self.p else src


class CastAug(Augmenter):
    """Pixels as numbers of type `typ`."""

    def __init__(self, typ="float32"):
        super().__init__(type=typ)
        self.typ = typ

    def __call__(self, src):
        return src.astype(self.typ)
