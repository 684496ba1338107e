"""mx.nd.imdecode, as old scripts call it; mx.image has more."""

import numpy as np

from . import gen_op
from .making import zeros
from .ndarray import array

__all__ = ["imdecode"]


def imdecode(str_img, clip_rect=(0, 0, 0, 0), out=None, index=0, channels=3, mean=None):
    """The pixels of a JPEG or PNG file in bytes: (channels, height, width) float32, red first, minus mean.

    clip_rect (x0, y0, x1, y1) is the part that is wanted, all zero for the whole. out is an array of the result's shape, or of several such images,
    of which the one at index is written.
    """
    file = array(np.frombuffer(str_img, np.uint8), dtype=np.uint8)
    x0, y0, x1, y1 = clip_rect
    mean = zeros((1,)) if mean is None else mean
    image = gen_op._imdecode(mean, file, index=index, x0=x0, y0=y0, x1=x1, y1=y1, c=channels, size=len(str_img))
    if out is None:
        return image
    target = out[index] if out.ndim == 4 else out
    target[:] = image
    return out
