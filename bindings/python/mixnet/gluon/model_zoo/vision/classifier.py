"""What all nets have: layers for features, then an output layer; and weights from files."""

import os

from ....base import MXNetError
from ... import nn
from ...hybrid_block import HybridBlock

MODELS = os.path.join("~", ".mxnet", "models")


class Classifier(HybridBlock):
    """features, then output."""

    def hybrid_forward(self, F, x):  # noqa: N803
        return self.output(self.features(x))


def convolution_norm(channels, kernel, strides=1, padding=0, groups=1, activation="relu", epsilon=1e-5):
    """A convolution without bias, BatchNorm, and an activation where one is named."""
    layers = [nn.Conv2D(channels, kernel, strides, padding, groups=groups, use_bias=False), nn.BatchNorm(epsilon=epsilon)]
    return layers + ([nn.Activation(activation)] if activation else [])


def with_weights(net, name, pretrained=False, ctx=None, root=MODELS):
    """The net; pretrained: with the weights of root/NAME.params, or of root/NAME-????????.params as MXNet keeps them, on `ctx`."""
    if not pretrained:
        return net
    folder = os.path.expanduser(root)
    found = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    plain = [file for file in found if file == f"{name}.params" or (file.startswith(name + "-") and file.endswith(".params") and len(file) == len(name) + 16)]
    if not plain:
        raise MXNetError(f"[model_zoo] {name}: expected a file {name}.params or {name}-????????.params in {folder}, since nothing is downloaded, got none")
    net.load_parameters(os.path.join(folder, plain[0]), ctx=ctx)
    return net
