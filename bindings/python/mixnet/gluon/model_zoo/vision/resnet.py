"""Residual nets, version 1 (He et al., 2015) and 2 (He et al., 2016: normalisation before the convolutions)."""

from ... import nn
from ...hybrid_block import HybridBlock
from .classifier import MODELS, Classifier, convolution_norm, with_weights

# Number of layers: kind of block, blocks per stage, channels before the first stage and of each.
_SMALL, _LARGE = (64, 64, 128, 256, 512), (64, 256, 512, 1024, 2048)
_NETS = {
    18: ("basic", (2, 2, 2, 2), _SMALL),
    34: ("basic", (3, 4, 6, 3), _SMALL),
    50: ("bottleneck", (3, 4, 6, 3), _LARGE),
    101: ("bottleneck", (3, 4, 23, 3), _LARGE),
    152: ("bottleneck", (3, 8, 36, 3), _LARGE),
}


def _conv3(channels, stride, in_channels):
    return nn.Conv2D(channels, 3, stride, 1, use_bias=False, in_channels=in_channels)


class _BlockV1(HybridBlock):
    """relu(body(x) + x), where x goes through a 1 x 1 convolution when its size changes."""

    def __init__(self, channels, stride, downsample=False, in_channels=0, **kwargs):
        super().__init__(**kwargs)
        self.body = nn.HybridSequential(prefix="")
        self.body.add(*self._layers(channels, stride, in_channels))
        self.downsample = None
        if downsample:
            self.downsample = nn.HybridSequential(prefix="")
            self.downsample.add(nn.Conv2D(channels, 1, stride, use_bias=False, in_channels=in_channels), nn.BatchNorm())

    def hybrid_forward(self, F, x):  # noqa: N803
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.Activation(self.body(x) + shortcut, act_type="relu")


class BasicBlockV1(_BlockV1):
    """Two 3 x 3 convolutions."""

    def _layers(self, channels, stride, in_channels):
        return [
            _conv3(channels, stride, in_channels),
            nn.BatchNorm(),
            nn.Activation("relu"),
            _conv3(channels, 1, channels),
            nn.BatchNorm(),
        ]


class BottleneckV1(_BlockV1):
    """A 3 x 3 convolution of a quarter of the channels between two of 1 x 1."""

    def _layers(self, channels, stride, in_channels):
        inner = channels // 4
        return [
            nn.Conv2D(inner, 1, stride),
            nn.BatchNorm(),
            nn.Activation("relu"),
            _conv3(inner, 1, inner),
            nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(channels, 1),
            nn.BatchNorm(),
        ]


class _BlockV2(HybridBlock):
    """x + convolutions, each behind BatchNorm and relu; where the size changes, x is the first relu's output behind a 1 x 1 convolution."""

    def __init__(self, channels, stride, downsample=False, in_channels=0, **kwargs):
        super().__init__(**kwargs)
        convolutions = self._convolutions(channels, stride, in_channels)
        self._steps = len(convolutions)
        for i, convolution in enumerate(convolutions):
            setattr(self, f"bn{i + 1}", nn.BatchNorm())
            setattr(self, f"conv{i + 1}", convolution())
        self.downsample = nn.Conv2D(channels, 1, stride, use_bias=False, in_channels=in_channels) if downsample else None

    def hybrid_forward(self, F, x):  # noqa: N803
        shortcut = x
        for i in range(self._steps):
            x = F.Activation(getattr(self, f"bn{i + 1}")(x), act_type="relu")
            if i == 0 and self.downsample is not None:
                shortcut = self.downsample(x)
            x = getattr(self, f"conv{i + 1}")(x)
        return x + shortcut


class BasicBlockV2(_BlockV2):
    """Two 3 x 3 convolutions."""

    def _convolutions(self, channels, stride, in_channels):
        return [lambda: _conv3(channels, stride, in_channels), lambda: _conv3(channels, 1, channels)]


class BottleneckV2(_BlockV2):
    """A 3 x 3 convolution of a quarter of the channels between two of 1 x 1."""

    def _convolutions(self, channels, stride, in_channels):
        inner = channels // 4
        return [
            lambda: nn.Conv2D(inner, 1, use_bias=False),
            lambda: _conv3(inner, stride, inner),
            lambda: nn.Conv2D(channels, 1, use_bias=False),
        ]


class _ResNet(Classifier):
    def __init__(self, block, layers, channels, classes=1000, thumbnail=False, **kwargs):
        super().__init__(**kwargs)
        if len(layers) != len(channels) - 1:
            raise ValueError(f"[{type(self).__name__}] channels: expected {len(layers) + 1}, got {len(channels)}")
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self._begin(channels[0], thumbnail)
            before = channels[0]
            for stage, (count, after) in enumerate(zip(layers, channels[1:])):
                self.features.add(self._stage(block, count, before, after, stage))
                before = after
            self._end()
            self.output = nn.Dense(classes, in_units=before)

    @staticmethod
    def _stage(block, count, before, after, index):
        stage = nn.HybridSequential(prefix=f"stage{index + 1}_")
        with stage.name_scope():
            stage.add(block(after, 1 if index == 0 else 2, after != before, in_channels=before, prefix=""))
            for _ in range(count - 1):
                stage.add(block(after, 1, False, in_channels=after, prefix=""))
        return stage


class ResNetV1(_ResNet):
    """Stages of layers[i] blocks with channels[i + 1] channels. thumbnail: for small images, without the strides of the first layers."""

    def _begin(self, channels, thumbnail):
        if thumbnail:
            self.features.add(_conv3(channels, 1, 0))
        else:
            self.features.add(*convolution_norm(channels, 7, 2, 3), nn.MaxPool2D(3, 2, 1))

    def _end(self):
        self.features.add(nn.GlobalAvgPool2D())


class ResNetV2(_ResNet):
    """As ResNetV1, with normalised inputs and BatchNorm and relu behind the last stage."""

    def _begin(self, channels, thumbnail):
        self.features.add(nn.BatchNorm(scale=False, center=False))
        ResNetV1._begin(self, channels, thumbnail)

    def _end(self):
        self.features.add(nn.BatchNorm(), nn.Activation("relu"), nn.GlobalAvgPool2D(), nn.Flatten())


_VERSIONS = {
    1: (ResNetV1, {"basic": BasicBlockV1, "bottleneck": BottleneckV1}),
    2: (ResNetV2, {"basic": BasicBlockV2, "bottleneck": BottleneckV2}),
}


def get_resnet(version, num_layers, pretrained=False, ctx=None, root=MODELS, **kwargs):
    """ResNet of version 1 or 2 with 18, 34, 50, 101 or 152 layers."""
    if num_layers not in _NETS:
        raise ValueError(f"[get_resnet] num_layers: expected one of {', '.join(map(str, _NETS))}, got {num_layers}")
    if version not in _VERSIONS:
        raise ValueError(f"[get_resnet] version: expected 1 or 2, got {version}")
    kind, layers, channels = _NETS[num_layers]
    net, blocks = _VERSIONS[version]
    return with_weights(net(blocks[kind], layers, channels, **kwargs), f"resnet{num_layers}_v{version}", pretrained, ctx, root)


def _maker(version, num_layers):
    def make(**kwargs):
        return get_resnet(version, num_layers, **kwargs)

    make.__name__, make.__doc__ = f"resnet{num_layers}_v{version}", f"ResNet with {num_layers} layers, version {version}; see get_resnet."
    return make


resnet18_v1, resnet34_v1, resnet50_v1, resnet101_v1, resnet152_v1 = (_maker(1, num_layers) for num_layers in _NETS)
resnet18_v2, resnet34_v2, resnet50_v2, resnet101_v2, resnet152_v2 = (_maker(2, num_layers) for num_layers in _NETS)
