"""Inception v3 (Szegedy et al., 2016)."""

from ... import nn
from ...contrib.nn import HybridConcurrent
from .classifier import MODELS, Classifier, convolution_norm, with_weights


def _convolution(channels, kernel, strides=1, padding=0):
    layer = nn.HybridSequential(prefix="")
    layer.add(*convolution_norm(channels, kernel, strides, padding, epsilon=0.001))
    return layer


def _chain(*layers):
    """One branch: the arguments of its convolutions, or layers as they are."""
    branch = nn.HybridSequential(prefix="")
    branch.add(*[_convolution(*layer) if isinstance(layer, tuple) else layer for layer in layers])
    return branch


def _average(channels):
    return _chain(nn.AvgPool2D(3, 1, 1), (channels, 1))


def _side_by_side(prefix, make):
    """The branches that make() gives, under a prefix."""
    block = HybridConcurrent(axis=1, prefix=prefix)
    with block.name_scope():
        block.add(*make())
    return block


def _a(pooled, prefix):
    return _side_by_side(
        prefix,
        lambda: (_chain((64, 1)), _chain((48, 1), (64, 5, 1, 2)), _chain((64, 1), (96, 3, 1, 1), (96, 3, 1, 1)), _average(pooled)),
    )


def _b(prefix):
    return _side_by_side(prefix, lambda: (_chain((384, 3, 2)), _chain((64, 1), (96, 3, 1, 1), (96, 3, 2)), _chain(nn.MaxPool2D(3, 2))))


def _c(inner, prefix):
    across, down = ((1, 7), 1, (0, 3)), ((7, 1), 1, (3, 0))
    return _side_by_side(
        prefix,
        lambda: (
            _chain((192, 1)),
            _chain((inner, 1), (inner, *across), (192, *down)),
            _chain((inner, 1), (inner, *down), (inner, *across), (inner, *down), (192, *across)),
            _average(192),
        ),
    )


def _d(prefix):
    return _side_by_side(
        prefix,
        lambda: (
            _chain((192, 1), (320, 3, 2)),
            _chain((192, 1), (192, (1, 7), 1, (0, 3)), (192, (7, 1), 1, (3, 0)), (192, 3, 2)),
            _chain(nn.MaxPool2D(3, 2)),
        ),
    )


def _forked(*layers):
    """A branch that ends in 1 x 3 and 3 x 1 side by side."""
    branch, fork = nn.HybridSequential(prefix=""), HybridConcurrent(axis=1, prefix="")
    branch.add(_chain(*layers))
    fork.add(_chain((384, (1, 3), 1, (0, 1))), _chain((384, (3, 1), 1, (1, 0))))
    branch.add(fork)
    return branch


def _e(prefix):
    return _side_by_side(prefix, lambda: (_chain((320, 1)), _forked((384, 1)), _forked((448, 1), (384, 3, 1, 1)), _average(192)))


class Inception3(Classifier):
    """Inception v3 for images of 299 x 299."""

    def __init__(self, classes=1000, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self.features.add(_convolution(32, 3, 2), _convolution(32, 3), _convolution(64, 3, 1, 1), nn.MaxPool2D(3, 2))
            self.features.add(_convolution(80, 1), _convolution(192, 3), nn.MaxPool2D(3, 2))
            self.features.add(_a(32, "A1_"), _a(64, "A2_"), _a(64, "A3_"), _b("B_"))
            self.features.add(_c(128, "C1_"), _c(160, "C2_"), _c(160, "C3_"), _c(192, "C4_"), _d("D_"))
            self.features.add(_e("E1_"), _e("E2_"), nn.AvgPool2D(8), nn.Dropout(0.5))
            self.output = nn.Dense(classes)


def inception_v3(pretrained=False, ctx=None, root=MODELS, **kwargs):
    """Inception v3."""
    return with_weights(Inception3(**kwargs), "inceptionv3", pretrained, ctx, root)
