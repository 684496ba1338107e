"""VGG nets (Simonyan and Zisserman, 2014)."""

from .... import initializer
from ... import nn
from .classifier import MODELS, Classifier, with_weights

_CHANNELS = (64, 128, 256, 512, 512)
_LAYERS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(Classifier):
    """Five stages of 3 x 3 convolutions, layers[i] of them with filters[i] channels, and three full layers."""

    def __init__(self, layers, filters, classes=1000, batch_norm=False, **kwargs):
        super().__init__(**kwargs)
        if len(layers) != len(filters):
            raise ValueError(f"[VGG] filters: expected {len(layers)}, one per stage, got {len(filters)}")
        rule = initializer.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2)
        with self.name_scope():
            self.features = nn.HybridSequential(prefix="")
            for count, channels in zip(layers, filters):
                for _ in range(count):
                    self.features.add(nn.Conv2D(channels, 3, padding=1, weight_initializer=rule))
                    if batch_norm:
                        self.features.add(nn.BatchNorm())
                    self.features.add(nn.Activation("relu"))
                self.features.add(nn.MaxPool2D(strides=2))
            for _ in range(2):
                self.features.add(nn.Dense(4096, activation="relu", weight_initializer="normal"), nn.Dropout(0.5))
            self.output = nn.Dense(classes, weight_initializer="normal")


def get_vgg(num_layers, pretrained=False, ctx=None, root=MODELS, **kwargs):
    """VGG with 11, 13, 16 or 19 layers; batch_norm: with BatchNorm behind convolutions."""
    if num_layers not in _LAYERS:
        raise ValueError(f"[get_vgg] num_layers: expected one of {', '.join(map(str, _LAYERS))}, got {num_layers}")
    name = f"vgg{num_layers}{'_bn' if kwargs.get('batch_norm') else ''}"
    return with_weights(VGG(_LAYERS[num_layers], _CHANNELS, **kwargs), name, pretrained, ctx, root)


def _maker(num_layers, batch_norm):
    def make(**kwargs):
        return get_vgg(num_layers, **{**({"batch_norm": True} if batch_norm else {}), **kwargs})

    make.__name__ = f"vgg{num_layers}{'_bn' if batch_norm else ''}"
    make.__doc__ = f"VGG with {num_layers} layers{' and BatchNorm' if batch_norm else ''}; see get_vgg."
    return make


vgg11, vgg13, vgg16, vgg19 = (_maker(num_layers, False) for num_layers in _LAYERS)
vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn = (_maker(num_layers, True) for num_layers in _LAYERS)
