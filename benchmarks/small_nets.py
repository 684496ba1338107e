"""Nets for images of 28 x 28 with ten classes, small enough for the processors of one machine. ALL: {name: make}."""

import mixnet as mx
from nets import conv, inception_bn_unit, pool

sym = mx.sym


def _classify(x):
    x = sym.Flatten(sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type="avg"))
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="scores"), name="softmax")


def resnet():
    """Eight layers after He et al., 2016: three units of 16, 32 and 64 filters."""
    x = conv(sym.Variable("data"), 16, 3, 2, 1, name="first", norm=True)
    for i, filters in enumerate((16, 32, 64)):
        stride = 1 if i == 0 else 2
        y = conv(x, filters, 3, stride, 1, name=f"unit{i}_a", norm=True)
        y = conv(y, filters, 3, 1, 1, name=f"unit{i}_b", norm=True, act=False)
        shortcut = x if i == 0 else conv(x, filters, 1, stride, name=f"unit{i}_short", norm=True, act=False)
        x = sym.Activation(y + shortcut, act_type="relu")
    return _classify(x)


def inception_bn():
    """A stem and three units after Ioffe and Szegedy, 2015."""
    with mx.name.NameManager():  # names count from 0 in every process
        x = pool(conv(sym.Variable("data"), 16, 3, 1, 1, name="first", norm=True), 3, 2, pad=1, convention="valid")
        x = inception_bn_unit(x, 0, 16, 32, 16, 32, "max", 0)
        x = inception_bn_unit(x, 16, 16, 32, 16, 32, "avg", 16)
        x = inception_bn_unit(x, 32, 16, 32, 16, 32, "max", 32)
        return _classify(x)


def plain():
    """Two convolutions and two full layers without BatchNorm: the sum over workers is the whole batch's gradient.

    Smooth (tanh, means for pooling): where a rectifier or a maximum changes its mind, rounding of the last bit becomes a difference in the third.
    """
    x = sym.Variable("data")
    for i, filters in enumerate((8, 16)):
        x = sym.Activation(conv(x, filters, 5, name=f"conv{i}", act=False), act_type="tanh")
        x = pool(x, 2, 2, "avg")
    x = sym.Activation(sym.FullyConnected(sym.Flatten(x), num_hidden=64, name="full0"), act_type="tanh")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="full1"), name="softmax")


ALL = {"ResNet": resnet, "Inception-BN": inception_bn, "plain": plain}
