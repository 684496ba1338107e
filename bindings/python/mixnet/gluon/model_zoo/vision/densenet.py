"""DenseNet (Huang et al., 2017)."""

from ... import nn
from ...contrib.nn import HybridConcurrent, Identity
from .classifier import MODELS, Classifier, convolution_norm, with_weights

# Number of layers: channels at first, channels that each layer adds, layers per stage.
_NETS = {
    121: (64, 32, (6, 12, 24, 16)),
    161: (96, 48, (6, 12, 36, 24)),
    169: (64, 32, (6, 12, 32, 32)),
    201: (64, 32, (6, 12, 48, 32)),
}


def _layer(growth_rate, bn_size, dropout):
    """The input, and behind its channels growth_rate new ones."""
    new = nn.HybridSequential(prefix="")
    new.add(nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(bn_size * growth_rate, 1, use_bias=False))
    new.add(nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(growth_rate, 3, padding=1, use_bias=False))
    if dropout:
        new.add(nn.Dropout(dropout))
    layer = HybridConcurrent(axis=1, prefix="")
    layer.add(Identity(), new)
    return layer


def _stage(count, growth_rate, bn_size, dropout, index):
    stage = nn.HybridSequential(prefix=f"stage{index}_")
    with stage.name_scope():
        for _ in range(count):
            stage.add(_layer(growth_rate, bn_size, dropout))
    return stage


def _transition(channels):
    transition = nn.HybridSequential(prefix="")
    transition.add(nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(channels, 1, use_bias=False), nn.AvgPool2D(2, 2))
    return transition


class DenseNet(Classifier):
    """Stages of layers that each see all before them in the stage; between stages the channels are halved."""

    def __init__(self, num_init_features, growth_rate, block_config, bn_size=4, dropout=0, classes=1000, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            self.features.add(*convolution_norm(num_init_features, 7, 2, 3), nn.MaxPool2D(3, 2, 1))
            channels = num_init_features
            for place, count in enumerate(block_config):
                self.features.add(_stage(count, growth_rate, bn_size, dropout, place + 1))
                channels += count * growth_rate
                if place != len(block_config) - 1:
                    channels //= 2
                    self.features.add(_transition(channels))
            self.features.add(nn.BatchNorm(), nn.Activation("relu"), nn.AvgPool2D(7), nn.Flatten())
            self.output = nn.Dense(classes)


def _maker(num_layers):
    def make(pretrained=False, ctx=None, root=MODELS, **kwargs):
        return with_weights(DenseNet(*_NETS[num_layers], **kwargs), f"densenet{num_layers}", pretrained, ctx, root)

    make.__name__, make.__doc__ = f"densenet{num_layers}", f"DenseNet with {num_layers} layers."
    return make


densenet121, densenet161, densenet169, densenet201 = (_maker(num_layers) for num_layers in _NETS)
