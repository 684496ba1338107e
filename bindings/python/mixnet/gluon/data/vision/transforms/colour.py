"""Brighter, paler, other hues: factors drawn on the host, pictures changed by the operators."""

import numpy as np

from ..... import ndarray as nd
from ...item_random import item_random
from .transform import Transform, probability


class _Jitter(Transform):
    """A factor drawn from ``max(0, 1 - amount)`` to ``1 + amount``."""

    def __init__(self, amount):
        if amount < 0:
            raise ValueError(f"[{type(self).__name__}] amount: expected at least 0, got {amount}")
        self._amount = amount

    def forward(self, x):
        factor = float(item_random().uniform(max(0.0, 1 - self._amount), 1 + self._amount))
        return self._change(x, min_factor=factor, max_factor=factor)


class RandomBrightness(_Jitter):
    """Pixels times a factor from ``max(0, 1 - brightness)`` to ``1 + brightness``."""

    def __init__(self, brightness):
        super().__init__(brightness)

    def _change(self, x, **factor):
        return nd.image.random_brightness(x, **factor)


class RandomContrast(_Jitter):
    """The distance to the picture's mean grey times a factor from ``max(0, 1 - contrast)`` to ``1 + contrast``."""

    def __init__(self, contrast):
        super().__init__(contrast)

    def _change(self, x, **factor):
        return nd.image.random_contrast(x, **factor)


class RandomSaturation(_Jitter):
    """The distance to the pixel's grey times a factor from ``max(0, 1 - saturation)`` to ``1 + saturation``."""

    def __init__(self, saturation):
        super().__init__(saturation)

    def _change(self, x, **factor):
        return nd.image.random_saturation(x, **factor)


class RandomHue(_Jitter):
    """Hues turned by a factor from ``max(0, 1 - hue)`` to ``1 + hue``."""

    def __init__(self, hue):
        super().__init__(hue)

    def _change(self, x, **factor):
        return nd.image.random_hue(x, **factor)


class RandomColorJitter(Transform):
    """Brightness, contrast, saturation and hue, in an order that is drawn."""

    def __init__(self, brightness=0, contrast=0, saturation=0, hue=0):
        amounts = (RandomBrightness, brightness), (RandomContrast, contrast), (RandomSaturation, saturation), (RandomHue, hue)
        self._jitters = [kind(amount) for kind, amount in amounts if amount]

    def forward(self, x):
        for number in item_random().permutation(len(self._jitters)):
            x = self._jitters[number](x)
        return x


class RandomLighting(Transform):
    """Colours moved along the main axes of those of ImageNet, by amounts with the standard deviation `alpha`, as AlexNet did."""

    def __init__(self, alpha):
        if alpha < 0:
            raise ValueError(f"[RandomLighting] alpha: expected at least 0, got {alpha}")
        self._alpha = alpha

    def forward(self, x):
        return nd.image.adjust_lighting(x, alpha=tuple(item_random().normal(0, self._alpha, 3).tolist()))


class RandomGray(Transform):
    """The three channels all grey (0.21 red, 0.72 green, 0.07 blue) with probability `p`."""

    def __init__(self, p=0.5):
        self._p = probability("RandomGray", "p", p)

    def forward(self, x):
        if item_random().random() >= self._p:
            return x
        wide = x.astype("float32")
        grey = nd.sum(wide * nd.array([0.21, 0.72, 0.07]), axis=-1, keepdims=True)
        return nd.broadcast_like(nd.round(grey) if x.dtype == np.uint8 else grey, wide).astype(x.dtype)
