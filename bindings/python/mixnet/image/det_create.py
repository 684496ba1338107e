"""The usual lists of augmenters for detection."""

from .augmenter import CastAug, ForceResizeAug, ResizeAug
from .create import color_augmenters, color_values
from .det_augmenter import DetBorrowAug, DetHorizontalFlipAug, DetRandomSelectAug
from .det_window import DetRandomCropAug, DetRandomPadAug


def CreateMultiRandCropAugmenter(  # noqa: N802 - MXNet's name
    min_object_covered=0.1, aspect_ratio_range=(0.75, 1.33), area_range=(0.05, 1.0), min_eject_coverage=0.3, max_attempts=50, skip_prob=0
):
    """One of several :class:`DetRandomCropAug`, drawn anew for each image: arguments that are lists give one each, others are the same for all."""
    given = {
        "min_object_covered": min_object_covered,
        "aspect_ratio_range": aspect_ratio_range,
        "area_range": area_range,
        "min_eject_coverage": min_eject_coverage,
        "max_attempts": max_attempts,
    }
    lists = {name: value if isinstance(value, list) else [value] for name, value in given.items()}
    count = max(map(len, lists.values()))
    for name, value in lists.items():
        if len(value) not in (1, count):
            raise ValueError(f"[CreateMultiRandCropAugmenter] {name}: expected 1 or {count} values, got {len(value)}")
    crops = [DetRandomCropAug(**{name: value[i if len(value) > 1 else 0] for name, value in lists.items()}) for i in range(count)]
    return DetRandomSelectAug(crops, skip_prob)


def CreateDetAugmenter(  # noqa: N802 - MXNet's name
    data_shape,
    resize=0,
    rand_crop=0,
    rand_pad=0,
    rand_gray=0,
    rand_mirror=False,
    mean=None,
    std=None,
    brightness=0,
    contrast=0,
    saturation=0,
    pca_noise=0,
    hue=0,
    inter_method=2,
    min_object_covered=0.1,
    aspect_ratio_range=(0.75, 1.33),
    area_range=(0.05, 3.0),
    min_eject_coverage=0.3,
    max_attempts=50,
    pad_val=(127, 127, 127),
):
    """Augmenters that make images of `data_shape` (channels, height, width) and their boxes, to be applied in the order of the list.

    Parameters
    ----------
    resize : int
        Pixels of the shorter side before anything else; 0 leaves the image.
    rand_crop, rand_pad, rand_gray : float
        Probabilities of a random piece, a larger canvas, a grey image.
    rand_mirror : bool
        Left and right change places with probability 0.5.
    mean, std : array of three, True for ImageNet's, or None
    brightness, contrast, saturation, hue, pca_noise : float
        As of :func:`CreateAugmenter`.
    inter_method : int
        As `interp` of :func:`imresize`.
    min_object_covered, aspect_ratio_range, area_range, min_eject_coverage, max_attempts
        Of :class:`DetRandomCropAug`; lists give several. Canvases have areas up to area_range[1].
    pad_val : three numbers
        What canvases are filled with.
    """
    augmenters = [DetBorrowAug(ResizeAug(resize, inter_method))] if resize > 0 else []
    if rand_crop > 0:
        augmenters.append(
            CreateMultiRandCropAugmenter(min_object_covered, aspect_ratio_range, area_range, min_eject_coverage, max_attempts, skip_prob=1 - rand_crop)
        )
    if rand_mirror:
        augmenters.append(DetHorizontalFlipAug(0.5))
    if rand_pad > 0:
        low, high = _canvas_range(area_range)
        aspects = aspect_ratio_range[0] if isinstance(aspect_ratio_range, list) else aspect_ratio_range
        attempts = max(max_attempts) if isinstance(max_attempts, list) else max_attempts
        augmenters.append(DetRandomSelectAug([DetRandomPadAug(aspects, (low, high), attempts, pad_val)], 1 - rand_pad))
    mean, std = color_values("CreateDetAugmenter", mean, std)
    images = [ForceResizeAug((data_shape[2], data_shape[1]), inter_method), CastAug()]
    images += color_augmenters(brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std)
    return augmenters + [DetBorrowAug(aug) for aug in images]


def _canvas_range(area_range):
    if isinstance(area_range, list):
        return 1.0, max([high for _, high in area_range])
    return max(1.0, area_range[0]), area_range[1]
