"""The convolutional nets of the tables as symbols, 1000 classes. ALL: {name: Net(make, image)}, image the height and width.

AlexNet, OverFeat, VGG-A and GoogLeNet as soumith/convnet-benchmarks has them: without dropout and without auxiliary classifiers.
"""

import collections

import mixnet as mx

sym = mx.sym


def conv(x, filters, kernel, stride=1, pad=0, name=None, norm=False, act=True):
    """Convolution, with BatchNorm on request, then relu."""
    x = sym.Convolution(x, kernel=(kernel, kernel), stride=(stride, stride), pad=(pad, pad), num_filter=filters, no_bias=norm, name=name)
    if norm:
        x = sym.BatchNorm(x, fix_gamma=False, name=name and name + "_bn")
    return sym.Activation(x, act_type="relu") if act else x


def pool(x, kernel, stride, kind="max", pad=0, convention="full"):
    return sym.Pooling(x, kernel=(kernel, kernel), stride=(stride, stride), pad=(pad, pad), pool_type=kind, pooling_convention=convention)


def classify(x, hidden=()):
    """Full layers and the loss."""
    x = sym.Flatten(x)
    for width in hidden:
        x = sym.Activation(sym.FullyConnected(x, num_hidden=width), act_type="relu")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=1000), name="softmax")


def alexnet():
    """Krizhevsky, One weird trick, 2014: one tower, without local response normalisation."""
    x = pool(conv(sym.Variable("data"), 64, 11, 4, 2), 3, 2, convention="valid")
    x = pool(conv(x, 192, 5, 1, 2), 3, 2, convention="valid")
    x = conv(conv(conv(x, 384, 3, 1, 1), 256, 3, 1, 1), 256, 3, 1, 1)
    return classify(pool(x, 3, 2, convention="valid"), (4096, 4096))


def overfeat():
    """Sermanet et al., 2014, the fast one; images of 231 x 231."""
    x = pool(conv(sym.Variable("data"), 96, 11, 4), 2, 2)
    x = pool(conv(x, 256, 5), 2, 2)
    x = conv(conv(conv(x, 512, 3, 1, 1), 1024, 3, 1, 1), 1024, 3, 1, 1)
    return classify(pool(x, 2, 2), (3072, 4096))


def vgg(depths):
    """Simonyan and Zisserman, 2015: (1, 1, 2, 2, 2) is VGG-A, (2, 2, 3, 3, 3) VGG-16."""
    x = sym.Variable("data")
    for depth, filters in zip(depths, (64, 128, 256, 512, 512)):
        for _ in range(depth):
            x = conv(x, filters, 3, 1, 1)
        x = pool(x, 2, 2)
    return classify(x, (4096, 4096))


def inception(x, one, reduce3, three, reduce5, five, project):
    branches = [conv(x, one, 1), conv(conv(x, reduce3, 1), three, 3, 1, 1), conv(conv(x, reduce5, 1), five, 5, 1, 2), conv(pool(x, 3, 1, pad=1), project, 1)]
    return sym.Concat(*branches)


def googlenet():
    """Szegedy et al., 2015, without the auxiliary classifiers."""
    x = pool(conv(sym.Variable("data"), 64, 7, 2, 3), 3, 2)
    x = pool(conv(conv(x, 64, 1), 192, 3, 1, 1), 3, 2)
    x = inception(x, 64, 96, 128, 16, 32, 32)
    x = pool(inception(x, 128, 128, 192, 32, 96, 64), 3, 2)
    for sizes in ((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64)):
        x = inception(x, *sizes)
    x = pool(inception(x, 256, 160, 320, 32, 128, 128), 3, 2)
    x = inception(inception(x, 256, 160, 320, 32, 128, 128), 384, 192, 384, 48, 128, 128)
    return classify(sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type="avg"))


def inception_bn_unit(x, one, reduce3, three, reduce33, three3, kind, project):
    branches = [conv(x, one, 1, norm=True)] if one else []
    stride = 1 if one else 2
    branches.append(conv(conv(x, reduce3, 1, norm=True), three, 3, stride, 1, norm=True))
    branches.append(conv(conv(conv(x, reduce33, 1, norm=True), three3, 3, 1, 1, norm=True), three3, 3, stride, 1, norm=True))
    branches.append(conv(pool(x, 3, 1, kind, 1), project, 1, norm=True) if one else pool(x, 3, 2, "max", 1, "valid"))
    return sym.Concat(*branches)


def inception_bn():
    """Ioffe and Szegedy, 2015."""
    x = pool(conv(sym.Variable("data"), 64, 7, 2, 3, norm=True), 3, 2)
    x = pool(conv(conv(x, 64, 1, norm=True), 192, 3, 1, 1, norm=True), 3, 2)
    for sizes in (
        (64, 64, 64, 64, 96, "avg", 32),
        (64, 64, 96, 64, 96, "avg", 64),
        (0, 128, 160, 64, 96, "max", 0),
        (224, 64, 96, 96, 128, "avg", 128),
        (192, 96, 128, 96, 128, "avg", 128),
        (160, 128, 160, 128, 160, "avg", 128),
        (96, 128, 192, 160, 192, "avg", 128),
        (0, 128, 192, 192, 256, "max", 0),
        (352, 192, 320, 160, 224, "avg", 128),
        (352, 192, 320, 192, 224, "max", 128),
    ):
        x = inception_bn_unit(x, *sizes)
    return classify(sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type="avg"))


def resnet50():
    """He et al., 2016."""
    x = pool(conv(sym.Variable("data"), 64, 7, 2, 3, norm=True), 3, 2, pad=1, convention="valid")
    for stage, (units, filters) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512))):
        for unit in range(units):
            stride = 2 if stage > 0 and unit == 0 else 1
            y = conv(conv(conv(x, filters, 1, norm=True), filters, 3, stride, 1, norm=True), 4 * filters, 1, norm=True, act=False)
            shortcut = conv(x, 4 * filters, 1, stride, norm=True, act=False) if unit == 0 else x
            x = sym.Activation(y + shortcut, act_type="relu")
    return classify(sym.Pooling(x, global_pool=True, kernel=(7, 7), pool_type="avg"))


Net = collections.namedtuple("Net", "make image")
ALL = {
    "AlexNet": Net(alexnet, 224),
    "OverFeat": Net(overfeat, 231),
    "VGG-A": Net(lambda: vgg((1, 1, 2, 2, 2)), 224),
    "VGG-16": Net(lambda: vgg((2, 2, 3, 3, 3)), 224),
    "GoogLeNet": Net(googlenet, 224),
    "Inception-BN": Net(inception_bn, 224),
    "ResNet-50": Net(resnet50, 224),
}


def shape(name, batch):
    """Of the input of net `name`."""
    return (batch, 3, ALL[name].image, ALL[name].image)
