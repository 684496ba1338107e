"""The usual list of augmenters for classification."""

import numpy as np

from .. import ndarray as nd
from .augmenter import CastAug, CenterCropAug, HorizontalFlipAug, RandomCropAug, RandomSizedCropAug, ResizeAug
from .color import ColorJitterAug, ColorNormalizeAug, HueJitterAug, LightingAug, RandomGrayAug

# Of ImageNet's training images, red first.
MEAN = np.array([123.68, 116.28, 103.53])
STD = np.array([58.395, 57.12, 57.375])
EIGENVALUES = np.array([55.46, 4.794, 1.148])
EIGENVECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])


def CreateAugmenter(  # noqa: N802 - MXNet's name
    data_shape,
    resize=0,
    rand_crop=False,
    rand_resize=False,
    rand_mirror=False,
    mean=None,
    std=None,
    brightness=0,
    contrast=0,
    saturation=0,
    hue=0,
    pca_noise=0,
    rand_gray=0,
    inter_method=2,
):
    """Augmenters that make images of `data_shape` (channels, height, width), to be applied in the order of the list.

    Parameters
    ----------
    resize : int
        Pixels of the shorter side before anything else; 0 leaves the image.
    rand_crop : bool
        A random piece instead of the middle one.
    rand_resize : bool
        With rand_crop: the piece has a random area (8 % to all) and aspect (3/4 to 4/3).
    rand_mirror : bool
        Left and right change places with probability 0.5.
    mean, std : array of three, True for ImageNet's, or None
    brightness, contrast, saturation, hue : float
        Spread of the jitter.
    pca_noise : float
        Deviation of lighting.
    rand_gray : float
        Probability of a grey image.
    inter_method : int
        As `interp` of :func:`imresize`.
    """
    size = (data_shape[2], data_shape[1])
    augmenters = [ResizeAug(resize, inter_method)] if resize > 0 else []
    if rand_resize and not rand_crop:
        raise ValueError("[CreateAugmenter] rand_resize: expected rand_crop with it, got rand_crop=False")
    if rand_resize:
        augmenters.append(RandomSizedCropAug(size, 0.08, (3 / 4, 4 / 3), inter_method))
    else:
        augmenters.append((RandomCropAug if rand_crop else CenterCropAug)(size, inter_method))
    if rand_mirror:
        augmenters.append(HorizontalFlipAug(0.5))
    augmenters.append(CastAug())
    mean, std = color_values("CreateAugmenter", mean, std)
    return augmenters + color_augmenters(brightness, contrast, saturation, hue, pca_noise, rand_gray, _nd(mean), _nd(std))


def color_augmenters(brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std):
    """Augmenters of colours for a float32 image, those that do something."""
    augmenters = [ColorJitterAug(brightness, contrast, saturation)] if brightness or contrast or saturation else []
    if hue:
        augmenters.append(HueJitterAug(hue))
    if pca_noise > 0:
        augmenters.append(LightingAug(pca_noise, EIGENVALUES, EIGENVECTORS))
    if rand_gray > 0:
        augmenters.append(RandomGrayAug(rand_gray))
    if mean is not None or std is not None:
        augmenters.append(ColorNormalizeAug(mean, std))
    return augmenters


def color_values(place, mean, std):
    """`mean` and `std` as arrays of 1 or 3 numbers, or None."""
    values = []
    for name, value, known in (("mean", mean, MEAN), ("std", std, STD)):
        value = known if value is True else value
        if value is not None:
            value = np.asarray(value.asnumpy() if isinstance(value, nd.NDArray) else value)
            if value.shape not in ((1,), (3,)):
                raise ValueError(f"[{place}] {name}: expected True, None or 3 numbers, got shape {value.shape}")
        values.append(value)
    return values


def _nd(value):
    return None if value is None else nd.array(value)
