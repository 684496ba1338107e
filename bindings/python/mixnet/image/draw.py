"""Pictures of boxes on images."""

import numpy as np


def shown(image, mean, std, clip):
    """An augmented image (height, width, channels) as it was before it was normalised: uint8, or float32 without clip."""
    if std is not None:
        image = image * np.asarray(std, np.float32)
    if mean is not None:
        image = image + np.asarray(mean, np.float32)
    return np.ascontiguousarray(np.clip(image, 0, 255).astype(np.uint8) if clip else image.astype(np.float32))


def draw_boxes(image, boxes, color, thickness):
    """Draws the frames of boxes (class, left, top, right, bottom in shares of the image) into an image; color None draws each in a random one."""
    height, width = image.shape[:2]
    for box in boxes:
        values = np.random.randint(0, 256, 3) if color is None else color
        left, top, right, bottom = (int(share * side) for share, side in zip(box[1:5], (width, height, width, height)))
        outer = [max(0, v - thickness // 2) for v in (top, bottom, left, right)]
        for y in outer[:2]:
            image[y : y + thickness, outer[2] : outer[3] + thickness] = values
        for x in outer[2:]:
            image[outer[0] : outer[1] + thickness, x : x + thickness] = values


def cv2_module(what):
    """OpenCV's Python module; ImportError that says what needs it."""
    try:
        import cv2
    except ImportError:
        raise ImportError(f"[draw_next] {what}: expected the package opencv-python, found none") from None
    return cv2


def draw_names(image, boxes, names):
    """Writes the names of the boxes' classes, where `names` has them, to their upper left corners."""
    cv2 = cv2_module("id2labels")
    height, width = image.shape[:2]
    for box in boxes:
        if int(box[0]) in names:
            place = (int(box[1] * width) + 5, int(box[2] * height) + 20)
            cv2.putText(image, str(names[int(box[0])]), place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, 8)
