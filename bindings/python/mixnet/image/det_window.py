"""Random windows on an image with boxes: crops that keep objects, and larger canvases around the image.

Windows are tried until one suits; after `max_attempts` the image stays as it is. A window is (x, y, width, height) in pixels of the image.
"""

import logging
import math
import random
import warnings

from . import boxes
from .codec import copyMakeBorder
from .crop import fixed_crop
from .det_augmenter import DetAugmenter

# Before a side is rounded, so that 2.5 pixels do not become 3.
JUST_BELOW_HALF = 0.4999999


def pair(place, name, value):
    """A number as (number, number), which is told; a pair as it is."""
    if isinstance(value, (tuple, list)):
        return tuple(value)
    logging.info("%s: %s is %s alone", place, name, value)
    return (value, value)


class _Window(DetAugmenter):
    def __init__(self, aspect_ratio_range, area_range, max_attempts, **others):
        place = type(self).__name__
        self.aspect_ratio_range, self.area_range = pair(place, "aspect_ratio_range", aspect_ratio_range), pair(place, "area_range", area_range)
        self.max_attempts = max_attempts
        self.enabled = self._is_possible()
        if not self.enabled:
            warnings.warn(f"[{place}] is off: aspect_ratio_range {self.aspect_ratio_range} or area_range {self.area_range} is empty", stacklevel=3)
        super().__init__(aspect_ratio_range=self.aspect_ratio_range, area_range=self.area_range, max_attempts=max_attempts, **others)

    def _is_possible(self):
        aspects, shares = self.aspect_ratio_range, self.area_range
        return 0 < aspects[0] <= aspects[1] and shares[0] <= shares[1]

    def _proposals(self, height, width):
        """Up to max_attempts windows' (aspect, lowest height, largest height) for an image."""
        if not (self.enabled and height > 0 and width > 0):
            return
        least, most = (share * height * width for share in self.area_range)
        for _ in range(self.max_attempts):
            aspect = random.uniform(*self.aspect_ratio_range)
            if aspect > 0:
                yield aspect, round(math.sqrt(least / aspect)), round(math.sqrt(most / aspect))


def _frame(window, height, width):
    x, y, w, h = window
    return x / width, y / height, (x + w) / width, (y + h) / height


class DetRandomCropAug(_Window):
    """A random piece that keeps objects.

    Parameters
    ----------
    min_object_covered : float
        Of every object that is in the piece at all, so large a share has to be in it.
    aspect_ratio_range, area_range : pair of float
        Limits of the piece's width / height, and of its share of the image's area.
    min_eject_coverage : float
        Objects of which less is left are left out.
    max_attempts : int
    """

    def __init__(self, min_object_covered=0.1, aspect_ratio_range=(0.75, 1.33), area_range=(0.05, 1.0), min_eject_coverage=0.3, max_attempts=50):
        self.min_object_covered, self.min_eject_coverage = min_object_covered, min_eject_coverage
        super().__init__(aspect_ratio_range, area_range, max_attempts, min_object_covered=min_object_covered, min_eject_coverage=min_eject_coverage)
        order = ("min_object_covered", "aspect_ratio_range", "area_range", "min_eject_coverage", "max_attempts")
        self._kwargs = {name: self._kwargs[name] for name in order}

    def _is_possible(self):
        return super()._is_possible() and self.area_range[1] > 0

    def __call__(self, src, label):
        height, width = src.shape[:2]
        for proposal in self._proposals(height, width):
            window = self._place(*proposal, height, width)
            if window is None or not self._keeps_objects(label, window, height, width):
                continue
            left = boxes.cropped(label, _frame(window, height, width), self.min_eject_coverage)
            if left is not None:
                return fixed_crop(src, *window), left
        return src, label

    def _place(self, aspect, low, high, height, width):
        if round(high * aspect) > width:
            high = int((width + JUST_BELOW_HALF) / aspect)
        high = min(high, height)
        low = min(low, high)
        h = random.randint(low, high) if low < high else low
        least, most = (share * height * width for share in self.area_range)
        # Rounding may have left the limits.
        if round(h * aspect) * h < least:
            h += 1
        if round(h * aspect) * h > most:
            h -= 1
        w = round(h * aspect)
        if not (least <= w * h <= most and 0 <= w <= width and 0 <= h <= height):
            return None
        y = random.randint(0, max(0, height - h))
        x = random.randint(0, max(0, width - w))
        return x, y, w, h

    def _keeps_objects(self, label, window, height, width):
        if window[2] * window[3] < 2:
            return False
        whole = boxes.areas(label[:, 1:5])
        large = whole * width * height > 2
        inside = boxes.areas(boxes.overlap(label[large, 1:5], _frame(window, height, width)))
        shares = inside[inside > 0] / whole[large][inside > 0]
        return shares.size > 0 and shares.min() > self.min_object_covered


class DetRandomPadAug(_Window):
    """The image at a random place of a larger canvas.

    Parameters
    ----------
    aspect_ratio_range, area_range : pair of float
        Limits of the canvas's width / height, and of its area in images.
    max_attempts : int
    pad_val : number or one per channel
        What the rest is filled with.
    """

    def __init__(self, aspect_ratio_range=(0.75, 1.33), area_range=(1.0, 3.0), max_attempts=50, pad_val=(128, 128, 128)):
        self.pad_val = tuple(pad_val) if isinstance(pad_val, (tuple, list)) else (pad_val,)
        super().__init__(aspect_ratio_range, area_range, max_attempts, pad_val=pad_val)

    def _is_possible(self):
        return super()._is_possible() and self.area_range[1] > 1

    def __call__(self, src, label):
        height, width = src.shape[:2]
        for proposal in self._proposals(height, width):
            window = self._place(*proposal, height, width)
            if window is not None:
                x, y, w, h = window
                around = (y, h - y - height, x, w - x - width)
                return copyMakeBorder(src, *around, type=16, values=self._values(src)), boxes.reframed(label, _frame((-x, -y, w, h), height, width))
        return src, label

    def _values(self, src):
        return self.pad_val * src.shape[2] if len(self.pad_val) == 1 else self.pad_val

    def _place(self, aspect, low, high, height, width):
        if round(low * aspect) < width:
            low = int((width + JUST_BELOW_HALF) / aspect)
        low = min(max(low, height), high)
        h = random.randint(low, high) if low < high else low
        w = round(h * aspect)
        if h - height < 2 or w - width < 2:
            return None
        y = random.randint(0, max(0, h - height))
        x = random.randint(0, max(0, w - width))
        return x, y, w, h
