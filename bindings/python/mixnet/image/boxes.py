"""Boxes of objects: rows (class, left, top, right, bottom, ...) of a numpy array, places as shares of the image's width and height."""

import numpy as np

from ..base import MXNetError


def areas(corners):
    """Areas of rows (left, top, right, bottom), 0 for those turned inside out."""
    return np.maximum(0, corners[:, 2] - corners[:, 0]) * np.maximum(0, corners[:, 3] - corners[:, 1])


def overlap(corners, frame):
    """The parts of rows (left, top, right, bottom) inside of one such row; of no area where they do not touch."""
    frame = np.asarray(frame, corners.dtype)  # so that sides that touch do not overlap by a rounding
    return np.concatenate([np.maximum(corners[:, :2], frame[:2]), np.minimum(corners[:, 2:4], frame[2:])], axis=1)


def flipped(boxes):
    """Left and right changed, in place."""
    left = boxes[:, 1].copy()
    boxes[:, 1], boxes[:, 3] = 1 - boxes[:, 3], 1 - left
    return boxes


def reframed(boxes, frame):
    """The boxes with places as shares of `frame` (left, top, right, bottom in shares of the old image), not cut off."""
    moved = boxes.copy()
    moved[:, (1, 3)] = (boxes[:, (1, 3)] - frame[0]) / (frame[2] - frame[0])
    moved[:, (2, 4)] = (boxes[:, (2, 4)] - frame[1]) / (frame[3] - frame[1])
    return moved


def cropped(boxes, frame, min_coverage):
    """What is left of the boxes in `frame`, those of which more than `min_coverage` of the area is left; None if none is."""
    old = areas(boxes[:, 1:5])
    result = reframed(boxes, frame)
    result[:, 1:5] = np.clip(result[:, 1:5], 0, 1)
    left = areas(result[:, 1:5]) * (frame[2] - frame[0]) * (frame[3] - frame[1])
    kept = (left > 0) & (left > min_coverage * old)
    return result[kept] if kept.any() else None


def parse(label, place="ImageDetIter"):
    """Boxes from a flat label: its own width of at least 2, the width of a box of at least 5, the rest of the header, and the boxes one after the other.

    Boxes without area are left out. Raises MXNetError for another form, or if none is left.
    """
    flat = np.asarray(label, dtype=np.float32).ravel()
    if flat.size < 7:
        raise MXNetError(f"[{place}] label: expected at least 7 numbers (2 of a header, 5 of a box), got {flat.size}")
    header, width = int(flat[0]), int(flat[1])
    if header < 2 or width < 5 or header > flat.size or (flat.size - header) % width:
        raise MXNetError(f"[{place}] label: expected a header of 2 or more and boxes of 5 or more numbers, got {header}, {width} and {flat.size} in all")
    boxes = flat[header:].reshape(-1, width)
    kept = (boxes[:, 3] > boxes[:, 1]) & (boxes[:, 4] > boxes[:, 2])
    if not kept.any():
        raise MXNetError(f"[{place}] label: expected a box with left < right and top < bottom, got none in {len(boxes)}")
    return boxes[kept]
