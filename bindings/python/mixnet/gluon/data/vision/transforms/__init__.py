"""What is done to a picture: callables on an NDArray (height, width, channels), red first, uint8 or float32; a numpy array is taken too.

`ToTensor` makes (channels, height, width) of it; `Normalize`, `Rotate` and `RandomRotation` come behind that. `Cast`, `ToTensor`, `Normalize`,
`Resize`, `CropResize`, `Rotate` and `RandomRotation` take batches with one axis more, too.

Transforms are no blocks: mx.gluon has none. One of your own is a function, or a `Transform` with `forward`.
"""

from .colour import RandomBrightness, RandomColorJitter, RandomContrast, RandomGray, RandomHue, RandomLighting, RandomSaturation
from .geometry import CenterCrop, CropResize, RandomCrop, RandomFlipLeftRight, RandomFlipTopBottom, RandomResizedCrop, Resize
from .rotation import RandomRotation, Rotate
from .tensor import Cast, Normalize, ToTensor
from .transform import Compose, HybridCompose, HybridRandomApply, RandomApply, Transform

__all__ = [
    "Cast",
    "CenterCrop",
    "Compose",
    "CropResize",
    "HybridCompose",
    "HybridRandomApply",
    "Normalize",
    "RandomApply",
    "RandomBrightness",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomFlipLeftRight",
    "RandomFlipTopBottom",
    "RandomGray",
    "RandomHue",
    "RandomLighting",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSaturation",
    "Resize",
    "Rotate",
    "ToTensor",
    "Transform",
]
