"""SqueezeNet (Iandola et al., 2016)."""

from ... import nn
from ...contrib.nn import HybridConcurrent
from .classifier import MODELS, Classifier, with_weights

# What follows the first convolution: channels of fire modules (a quarter of each branch's), or a pooling layer.
_POOL = 0
_VERSIONS = {
    "1.0": ((96, 7), (16, 16, 32, _POOL, 32, 48, 48, 64, _POOL, 64)),
    "1.1": ((64, 3), (16, 16, _POOL, 32, 32, _POOL, 48, 48, 64, 64)),
}


def _convolution(channels, kernel, padding=0):
    layer = nn.HybridSequential(prefix="")
    layer.add(nn.Conv2D(channels, kernel, padding=padding), nn.Activation("relu"))
    return layer


def _fire(channels):
    """1 x 1 to a few channels, then 1 x 1 and 3 x 3 side by side to four times as many each."""
    fire = nn.HybridSequential(prefix="")
    wide = HybridConcurrent(axis=1, prefix="")
    fire.add(_convolution(channels, 1))
    wide.add(_convolution(4 * channels, 1), _convolution(4 * channels, 3, 1))
    fire.add(wide)
    return fire


class SqueezeNet(Classifier):
    """Version '1.0' or '1.1'."""

    def __init__(self, version, classes=1000, **kwargs):
        super().__init__(**kwargs)
        if version not in _VERSIONS:
            raise ValueError(f"[SqueezeNet] version: expected '1.0' or '1.1', got {version!r}")
        (channels, kernel), layers = _VERSIONS[version]
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self.features.add(nn.Conv2D(channels, kernel, strides=2), nn.Activation("relu"), nn.MaxPool2D(3, 2, ceil_mode=True))
            for layer in layers:
                self.features.add(nn.MaxPool2D(3, 2, ceil_mode=True) if layer == _POOL else _fire(layer))
            self.features.add(nn.Dropout(0.5))
            self.output = nn.HybridSequential(prefix="")
            self.output.add(nn.Conv2D(classes, 1), nn.Activation("relu"), nn.AvgPool2D(13), nn.Flatten())


def squeezenet1_0(pretrained=False, ctx=None, root=MODELS, **kwargs):
    """SqueezeNet 1.0."""
    return with_weights(SqueezeNet("1.0", **kwargs), "squeezenet1.0", pretrained, ctx, root)


def squeezenet1_1(pretrained=False, ctx=None, root=MODELS, **kwargs):
    """SqueezeNet 1.1: as accurate as 1.0 for less than half of the work."""
    return with_weights(SqueezeNet("1.1", **kwargs), "squeezenet1.1", pretrained, ctx, root)
