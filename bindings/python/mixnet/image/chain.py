"""Lists of augmenters applied with as few passes over the pixels as possible: neighbours that map colours become one map.

The result, and what is drawn in which order, is that of calling one after the other. A subclass that has a `__call__` of its own is called.
"""

import random

import numpy as np

from .. import ndarray as nd
from .augmenter import CastAug, HorizontalFlipAug, RandomOrderAug, SequentialAug
from .color import ColorAug, ColorNormalizeAug
from .color_map import ColorMap


def apply_all(augmenters, image):
    """What the augmenters make of an image: an NDArray, or a :class:`ColorMap` that has yet to be applied."""
    mirrored = False  # an image that is to be flipped when it is copied for a map, or else before anything else
    for aug in _leaves(augmenters):
        call = type(aug).__call__
        is_map = isinstance(image, ColorMap)
        if call is HorizontalFlipAug.__call__ and _is_mappable(image):
            flips = random.random() < aug.p
            if is_map:
                image.is_mirrored ^= flips
            else:
                mirrored ^= flips
            continue
        if call in (ColorAug.__call__, ColorNormalizeAug.__call__) and aug.is_map():
            image = image if is_map else ColorMap(image, mirrored)
            aug.extend(image)
        elif call is CastAug.__call__ and np.dtype(aug.typ) == np.float32 and _is_mappable(image):
            image = image if is_map else ColorMap(image, mirrored)
        else:
            image = aug(_applied(image, mirrored))
        mirrored = False
    return image if isinstance(image, ColorMap) else _applied(image, mirrored)


def _applied(image, mirrored):
    if isinstance(image, ColorMap):
        return image.apply()
    return nd.flip(image, axis=1) if mirrored else image


def _is_mappable(image):
    """Becomes float32, and is flipped, by what a map does anyway."""
    if isinstance(image, ColorMap):
        return image.image.dtype != np.float64
    return image.ndim == 3 and image.shape[2] in (1, 3) and image.dtype in (np.uint8, np.float32)


def _leaves(augmenters):
    for aug in augmenters:
        call = type(aug).__call__
        if call is RandomOrderAug.__call__:
            random.shuffle(aug.ts)
            yield from _leaves(aug.ts)
        elif call is SequentialAug.__call__:
            yield from _leaves(aug.ts)
        else:
            yield aug
