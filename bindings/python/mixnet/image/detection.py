"""mx.image.detection, also mx.image.det: what is for images with boxes, under MXNet's name of the module."""

from .det_augmenter import DetAugmenter, DetBorrowAug, DetHorizontalFlipAug, DetRandomSelectAug
from .det_create import CreateDetAugmenter, CreateMultiRandCropAugmenter
from .det_iter import ImageDetIter
from .det_window import DetRandomCropAug, DetRandomPadAug

__all__ = [
    "CreateDetAugmenter",
    "CreateMultiRandCropAugmenter",
    "DetAugmenter",
    "DetBorrowAug",
    "DetHorizontalFlipAug",
    "DetRandomCropAug",
    "DetRandomPadAug",
    "DetRandomSelectAug",
    "ImageDetIter",
]
