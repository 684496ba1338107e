"""From pictures to what nets take: dtype, layout, scale."""

import numpy as np

from ..... import ndarray as nd
from .transform import Transform


class Cast(Transform):
    """Another dtype."""

    batched = True

    def __init__(self, dtype="float32"):
        self._dtype = np.dtype(dtype).name if dtype != "bfloat16" else dtype

    def forward(self, x):
        return x.astype(self._dtype)


class ToTensor(Transform):
    """(height, width, channels) from 0 to 255 to (channels, height, width) as float32 from 0 to 1."""

    batched = True

    def forward(self, x):
        return nd.image.to_tensor(x)


class Normalize(Transform):
    """``(x - mean) / std`` for each channel of (channels, height, width); one number is for all channels."""

    batched = True

    def __init__(self, mean=0.0, std=1.0):
        self._mean, self._std = _per_channel(mean), _per_channel(std)
        if 0.0 in self._std:
            raise ValueError(f"[Normalize] std: expected no zeros, got {std}")

    def forward(self, x):
        return nd.image.normalize(x, mean=self._mean, std=self._std)


def _per_channel(value):
    return tuple(float(v) for v in value) if isinstance(value, (list, tuple, np.ndarray)) else (float(value),)
