"""Maps of colours: every pixel becomes `matrix @ pixel + offset`.

Jitter of brightness, contrast, saturation and hue, lighting, grey and normalising are all of this kind, so that a chain of them is one map: its draws
are made one after the other, the pixels are touched once. What contrast needs, the mean colour, goes through the map like a pixel.
"""

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError


class ColorMap:
    """A map that has yet to be applied to an image of (height, width, 1 or 3); where it is mirrored, left and right change places as well."""

    def __init__(self, image, is_mirrored=False):
        if image.ndim != 3 or image.shape[2] not in (1, 3):
            raise MXNetError(f"[image colours] src: expected (height, width, 1 or 3), got {image.shape}")
        self.image, self.is_mirrored = image, is_mirrored
        self.matrix, self.offset = np.eye(3), np.zeros(3)
        self._pixels = self._mean = None

    @property
    def shape(self):
        return self.image.shape

    def then(self, matrix, offset):
        """Another map after this one; a number for `matrix` stands for its multiple of the identity."""
        scale = np.ndim(matrix) == 0
        self.matrix = self.matrix * matrix if scale else matrix @ self.matrix
        self.offset = (self.offset * matrix if scale else matrix @ self.offset) + offset

    def mean(self):
        """The mean colour so far."""
        if self._mean is None:
            pixels = self._array()
            height, width, channels = pixels.shape
            wide = np.uint64 if pixels.dtype == np.uint8 else np.float64
            total = pixels.reshape(height, -1).sum(axis=0, dtype=wide).reshape(width, channels).sum(axis=0)
            self._mean = np.broadcast_to(total / (height * width), 3)
        return self.matrix @ self._mean + self.offset

    def _array(self):
        if self._pixels is None:
            self._pixels = self.image.asnumpy()
        return self._pixels

    def planes(self):
        """The mapped image as a numpy array (channels, height, width), of float64 for such an image, else of float32."""
        pixels = self._array()
        height, width, channels = pixels.shape
        dtype = np.dtype("float64" if pixels.dtype == np.float64 else "float32")
        # numpy is quick on planes, not on rows of three.
        result = np.empty((channels, height, width), dtype)
        for channel in range(channels):
            result[channel] = pixels[:, :: -1 if self.is_mirrored else 1, channel]
        result = result.reshape(channels, -1)
        matrix, scale = self.matrix.astype(dtype), np.diag(self.matrix).astype(dtype)
        if channels == 1:  # grey: three equal channels
            result *= matrix[0].sum()
        elif np.count_nonzero(self.matrix) > np.count_nonzero(scale):
            result = matrix @ result
        elif (scale != 1).any():
            result *= scale[:, None]
        if self.offset.any():
            result += self.offset[:channels, None].astype(dtype)
        return result.reshape(channels, height, width)

    def apply(self):
        """The mapped image as an NDArray (height, width, channels) of float32, or of float64 if it was."""
        planes = self.planes()
        return nd.array(np.ascontiguousarray(planes.transpose(1, 2, 0)), dtype=planes.dtype)
