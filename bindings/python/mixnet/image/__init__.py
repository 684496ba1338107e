"""mx.image: reading, cutting and augmenting images in Python, and iterators over them.

An image is an NDArray of (height, width, channels), red first. For training at full speed see the iterators of `mx.io`; these are for augmentation
written in Python.
"""

from . import detection
from .augmenter import (
    Augmenter,
    CastAug,
    CenterCropAug,
    ForceResizeAug,
    HorizontalFlipAug,
    RandomCropAug,
    RandomOrderAug,
    RandomSizedCropAug,
    ResizeAug,
    SequentialAug,
)
from .codec import copyMakeBorder, imdecode, imread, imresize
from .color import (
    BrightnessJitterAug,
    ColorJitterAug,
    ColorNormalizeAug,
    ContrastJitterAug,
    HueJitterAug,
    LightingAug,
    RandomGrayAug,
    SaturationJitterAug,
    color_normalize,
)
from .create import CreateAugmenter
from .crop import center_crop, fixed_crop, random_crop, random_size_crop, resize_short, scale_down
from .rotate import imrotate, random_rotate
from .detection import *  # noqa: F403
from .detection import __all__ as _of_detection
from .image_iter import ImageIter

det = detection

__all__ = [
    *_of_detection,
    "Augmenter",
    "BrightnessJitterAug",
    "CastAug",
    "CenterCropAug",
    "ColorJitterAug",
    "ColorNormalizeAug",
    "ContrastJitterAug",
    "CreateAugmenter",
    "ForceResizeAug",
    "HorizontalFlipAug",
    "HueJitterAug",
    "ImageIter",
    "LightingAug",
    "RandomCropAug",
    "RandomGrayAug",
    "RandomOrderAug",
    "RandomSizedCropAug",
    "ResizeAug",
    "SaturationJitterAug",
    "SequentialAug",
    "center_crop",
    "color_normalize",
    "copyMakeBorder",
    "fixed_crop",
    "imdecode",
    "imread",
    "imresize",
    "imrotate",
    "random_crop",
    "random_rotate",
    "random_size_crop",
    "resize_short",
    "scale_down",
]
