"""A transform, and transforms made of transforms."""

import numpy as np

from ..... import ndarray as nd
from ...item_random import item_random


class Transform:
    """Base class: ``t(picture)`` is ``t.forward(picture)``; further arguments (a label) are handed on as they are, in a tuple.

    `batched` says that `forward` does the same to a batch of pictures as to each of them; loaders then call it once per batch where it comes last.
    """

    batched = False

    def __call__(self, x, *rest):
        y = self.forward(x if isinstance(x, nd.NDArray) else self._as_ndarray(x))
        return (y, *rest) if rest else y

    def forward(self, x):
        """The picture made of `x`, an NDArray."""
        raise NotImplementedError(f"[{type(self).__name__}] forward: expected the subclass to define it, got none")

    def _as_ndarray(self, x):
        if isinstance(x, np.ndarray):
            return nd.array(x, dtype=x.dtype)
        raise TypeError(f"[{type(self).__name__}] data: expected an NDArray or a numpy array, got {type(x).__name__}")

    def __repr__(self):
        parts = [f"{name.lstrip('_')}={value!r}" for name, value in self.__dict__.items()]
        return f"{type(self).__name__}({', '.join(parts)})"


class Compose(Transform):
    """One transform or function after the other."""

    def __init__(self, transforms):
        self._transforms = _as_list(type(self).__name__, transforms)

    @property
    def batched(self):
        return type(self) is Compose and all(getattr(transform, "batched", False) for transform in self._transforms)

    def __len__(self):
        return len(self._transforms)

    def __getitem__(self, number):
        return self._transforms[number]

    def split(self):
        """(what comes before the last transforms that are `batched`, the list of these)."""
        if type(self) is not Compose:
            return self, []
        count = len(self._transforms)
        while count and getattr(self._transforms[count - 1], "batched", False):
            count -= 1
        return Compose(self._transforms[:count]), self._transforms[count:]

    def forward(self, x):
        for transform in self._transforms:
            x = transform(x)
        return x


class RandomApply(Transform):
    """Transforms, one after the other, with probability `p`; the picture as it is else."""

    def __init__(self, transforms, p=0.5):
        self._transforms = Compose(transforms if isinstance(transforms, (list, tuple)) else [transforms])
        self._p = probability(type(self).__name__, "p", p)

    def forward(self, x):
        return self._transforms(x) if item_random().random() < self._p else x


HybridCompose, HybridRandomApply = Compose, RandomApply


def probability(place, name, value):
    """`value`; ValueError unless it is from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"[{place}] {name}: expected a probability from 0 to 1, got {value}")
    return value


def _as_list(place, transforms):
    transforms = list(transforms)
    for number, transform in enumerate(transforms):
        if not callable(transform):
            raise TypeError(f"[{place}] transforms {number}: expected a transform or a function, got {type(transform).__name__}")
    return transforms
