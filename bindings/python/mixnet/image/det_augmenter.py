"""Augmenters for detection: callables from image and boxes to image and boxes.

Boxes are a numpy array (objects, 5 or more), see :mod:`.boxes`. Draws come from Python's `random`.
"""

import json
import random

from .. import ndarray as nd
from .augmenter import Augmenter, plain
from .boxes import flipped


class DetAugmenter:
    """Base class: a subclass gives its arguments to `__init__`, to be told by `dumps`, and defines `__call__`."""

    def __init__(self, **kwargs):
        self._kwargs = {key: plain(value) for key, value in kwargs.items()}

    def dumps(self):
        """JSON text: the name of the class in small letters, and the arguments."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src, label):
        raise NotImplementedError(f"[{type(self).__name__}] __call__: expected the subclass to define it, got none")


class DetBorrowAug(DetAugmenter):
    """An augmenter of images alone, which leaves the boxes."""

    def __init__(self, augmenter):
        if not isinstance(augmenter, Augmenter):
            raise TypeError(f"[DetBorrowAug] augmenter: expected an Augmenter, got {type(augmenter).__name__}")
        super().__init__(augmenter=augmenter.dumps())
        self.augmenter = augmenter

    def dumps(self):
        return [type(self).__name__.lower(), self.augmenter.dumps()]

    def __call__(self, src, label):
        return self.augmenter(src), label


class DetRandomSelectAug(DetAugmenter):
    """One of several augmenters, drawn anew for each image; none of them with probability `skip_prob`."""

    def __init__(self, aug_list, skip_prob=0):
        aug_list = aug_list if isinstance(aug_list, (list, tuple)) else [aug_list]
        for aug in aug_list:
            if not isinstance(aug, DetAugmenter):
                raise ValueError(f"[DetRandomSelectAug] aug_list: expected augmenters of detection, got {type(aug).__name__}")
        super().__init__(skip_prob=skip_prob)
        self.aug_list, self.skip_prob = list(aug_list), skip_prob if aug_list else 1

    def dumps(self):
        return [type(self).__name__.lower(), [aug.dumps() for aug in self.aug_list]]

    def __call__(self, src, label):
        if random.random() < self.skip_prob:
            return src, label
        random.shuffle(self.aug_list)
        return self.aug_list[0](src, label)


class DetHorizontalFlipAug(DetAugmenter):
    """Left and right change places with probability `p`."""

    def __init__(self, p):
        super().__init__(p=p)
        self.p = p

    def __call__(self, src, label):
        if random.random() < self.p:
            src, label = nd.flip(src, axis=1), flipped(label)
        return src, label
