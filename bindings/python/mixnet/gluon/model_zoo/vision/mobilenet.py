"""MobileNet (Howard et al., 2017) and MobileNetV2 (Sandler et al., 2018)."""

from ... import nn
from ...hybrid_block import HybridBlock
from .classifier import MODELS, Classifier, convolution_norm, with_weights

# Channels and stride of every pair of a depthwise and a 1 x 1 convolution.
_PAIRS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
# Of MobileNetV2's bottlenecks: widening, channels, number, stride of the first.
_BOTTLENECKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class MobileNet(Classifier):
    """Depthwise convolutions, each followed by one of 1 x 1, with multiplier times the paper's channels."""

    def __init__(self, multiplier=1.0, classes=1000, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            with self.features.name_scope():
                before = int(32 * multiplier)
                self.features.add(*convolution_norm(before, 3, 2, 1))
                for channels, stride in _PAIRS:
                    after = int(channels * multiplier)
                    self.features.add(*convolution_norm(before, 3, stride, 1, groups=before), *convolution_norm(after, 1))
                    before = after
                self.features.add(nn.GlobalAvgPool2D(), nn.Flatten())
            self.output = nn.Dense(classes)


class RELU6(HybridBlock):
    """min(max(x, 0), 6)."""

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.clip(x, 0, 6, name="relu6")


class LinearBottleneck(HybridBlock):
    """1 x 1 to t times the channels, depthwise 3 x 3, 1 x 1 without activation; and the input where its size stays."""

    def __init__(self, in_channels, channels, t, stride, **kwargs):
        super().__init__(**kwargs)
        self.use_shortcut = stride == 1 and in_channels == channels
        with self.name_scope():
            self.out = nn.HybridSequential()
            wide = in_channels * t
            self.out.add(*convolution_norm(wide, 1, activation=None), RELU6())
            self.out.add(*convolution_norm(wide, 3, stride, 1, groups=wide, activation=None), RELU6())
            self.out.add(*convolution_norm(channels, 1, activation=None))

    def hybrid_forward(self, F, x):  # noqa: N803
        out = self.out(x)
        return F.elemwise_add(out, x) if self.use_shortcut else out


class MobileNetV2(Classifier):
    """Bottlenecks with multiplier times the paper's channels."""

    def __init__(self, multiplier=1.0, classes=1000, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="features_")
            with self.features.name_scope():
                before = int(32 * multiplier)
                self.features.add(*convolution_norm(before, 3, 2, 1, activation=None), RELU6())
                for t, channels, count, stride in _BOTTLENECKS:
                    after = int(channels * multiplier)
                    for i in range(count):
                        self.features.add(LinearBottleneck(before, after, t, stride if i == 0 else 1))
                        before = after
                last = int(1280 * multiplier) if multiplier > 1 else 1280
                self.features.add(*convolution_norm(last, 1, activation=None), RELU6(), nn.GlobalAvgPool2D())
            self.output = nn.HybridSequential(prefix="output_")
            with self.output.name_scope():
                self.output.add(nn.Conv2D(classes, 1, use_bias=False, prefix="pred_"), nn.Flatten())


def _suffix(multiplier):
    return {1.0: "1.0", 0.75: "0.75", 0.5: "0.5", 0.25: "0.25"}.get(multiplier, str(multiplier))


def get_mobilenet(multiplier, pretrained=False, ctx=None, root=MODELS, **kwargs):
    """MobileNet with so many times the paper's channels."""
    return with_weights(MobileNet(multiplier, **kwargs), f"mobilenet{_suffix(multiplier)}", pretrained, ctx, root)


def get_mobilenet_v2(multiplier, pretrained=False, ctx=None, root=MODELS, **kwargs):
    """MobileNetV2 with so many times the paper's channels."""
    return with_weights(MobileNetV2(multiplier, **kwargs), f"mobilenetv2_{_suffix(multiplier)}", pretrained, ctx, root)


def _maker(get, multiplier, name):
    def make(**kwargs):
        return get(multiplier, **kwargs)

    make.__name__, make.__doc__ = name, f"{'MobileNetV2' if 'v2' in name else 'MobileNet'} with {multiplier} times the paper's channels."
    return make


mobilenet1_0 = _maker(get_mobilenet, 1.0, "mobilenet1_0")
mobilenet0_75 = _maker(get_mobilenet, 0.75, "mobilenet0_75")
mobilenet0_5 = _maker(get_mobilenet, 0.5, "mobilenet0_5")
mobilenet0_25 = _maker(get_mobilenet, 0.25, "mobilenet0_25")
mobilenet_v2_1_0 = _maker(get_mobilenet_v2, 1.0, "mobilenet_v2_1_0")
mobilenet_v2_0_75 = _maker(get_mobilenet_v2, 0.75, "mobilenet_v2_0_75")
mobilenet_v2_0_5 = _maker(get_mobilenet_v2, 0.5, "mobilenet_v2_0_5")
mobilenet_v2_0_25 = _maker(get_mobilenet_v2, 0.25, "mobilenet_v2_0_25")
