"""Augmenters of colours.

Images have 1 or 3 channels, red first, and values of the range of the file's, 0 to 255; results are float32 (or float64 for such images) and are not cut
off at that range. Draws come from Python's `random`, those of lighting from `numpy.random`.
"""

import math
import random

import numpy as np

from .. import ndarray as nd
from .augmenter import Augmenter, RandomOrderAug, plain
from .color_map import ColorMap

LUMA = np.array([0.299, 0.587, 0.114])
GRAY = np.array([0.21, 0.72, 0.07])
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
FROM_YIQ = np.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])


def color_normalize(src, mean, std=None):
    """(src - mean) / std, each unless it is None; they are NDArrays, or numbers."""
    if mean is not None:
        src = src - mean
    return src if std is None else src / std


class ColorAug(Augmenter):
    """An augmenter that maps colours: a subclass draws a map and gives it to a :class:`ColorMap` in `extend`."""

    def is_map(self):
        """False where its arguments make it something else."""
        return True

    def extend(self, colors):
        raise NotImplementedError(f"[{type(self).__name__}] extend: expected the subclass to define it, got none")

    def __call__(self, src):
        colors = ColorMap(src)
        self.extend(colors)
        return colors.apply()


class BrightnessJitterAug(ColorAug):
    """Pixels times a factor between 1 - brightness and 1 + brightness."""

    def __init__(self, brightness):
        super().__init__(brightness=brightness)
        self.brightness = brightness

    def extend(self, colors):
        colors.then(_factor(self.brightness), 0.0)


class ContrastJitterAug(ColorAug):
    """Mixed with the image's mean grey: its share is between -contrast and contrast."""

    def __init__(self, contrast):
        super().__init__(contrast=contrast)
        self.contrast = contrast

    def extend(self, colors):
        factor = _factor(self.contrast)
        colors.then(factor, (1 - factor) * (LUMA @ colors.mean()))


class SaturationJitterAug(ColorAug):
    """Each pixel mixed with its grey: its share is between -saturation and saturation."""

    def __init__(self, saturation):
        super().__init__(saturation=saturation)
        self.saturation = saturation

    def extend(self, colors):
        factor = _factor(self.saturation)
        colors.then(factor * np.eye(3) + (1 - factor) * LUMA, 0.0)


class HueJitterAug(ColorAug):
    """Colours turned around the axis of greys (in YIQ) by an angle between -hue and hue half-turns."""

    def __init__(self, hue):
        super().__init__(hue=hue)
        self.hue = hue

    def extend(self, colors):
        angle = math.pi * random.uniform(-self.hue, self.hue)
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        colors.then(FROM_YIQ @ turn @ TO_YIQ, 0.0)


class ColorJitterAug(RandomOrderAug):
    """Jitter of brightness, contrast and saturation, those that are above 0, in random order."""

    def __init__(self, brightness, contrast, saturation):
        pairs = ((BrightnessJitterAug, brightness), (ContrastJitterAug, contrast), (SaturationJitterAug, saturation))
        super().__init__([kind(value) for kind, value in pairs if value > 0])


class LightingAug(ColorAug):
    """Adds a colour drawn along the principal components of colours (`eigval`, `eigvec`), with deviation `alphastd`; the noise of AlexNet."""

    def __init__(self, alphastd, eigval, eigvec):
        super().__init__(alphastd=alphastd, eigval=eigval, eigvec=eigvec)
        self.alphastd, self.eigval, self.eigvec = alphastd, np.asarray(plain(eigval)), np.asarray(plain(eigvec))

    def extend(self, colors):
        alpha = np.random.normal(0, self.alphastd, size=3)
        colors.then(1.0, (self.eigvec * alpha) @ self.eigval)


class RandomGrayAug(ColorAug):
    """All channels become grey with probability `p`."""

    def __init__(self, p):
        super().__init__(p=p)
        self.p = p

    def extend(self, colors):
        if random.random() < self.p:
            colors.then(np.tile(GRAY, (3, 1)), 0.0)


class ColorNormalizeAug(ColorAug):
    """(pixels - mean) / std, each unless it is None: a value per channel, or arrays of other shapes that fit the image."""

    def __init__(self, mean, std):
        super().__init__(mean=mean, std=std)
        self.mean, self.std = _as_array(mean), _as_array(std)

    def is_map(self):
        return all(value is None or value.size in (1, 3) for value in (self.mean, self.std))

    def extend(self, colors):
        scale = 1.0 if self.std is None else 1 / self.std.asnumpy().astype(np.float64)
        mean = 0.0 if self.mean is None else self.mean.asnumpy().astype(np.float64)
        colors.then(np.diag(np.broadcast_to(scale, 3)), -mean * scale)

    def __call__(self, src):
        return super().__call__(src) if self.is_map() else color_normalize(src, self.mean, self.std)


def _factor(spread):
    return 1.0 + random.uniform(-spread, spread)


def _as_array(value):
    return value if value is None or isinstance(value, nd.NDArray) else nd.array(value)
