"""The nets of models.txt and training.txt."""

import mixnet as mx


def mlp():
    net = mx.sym.Variable("data")
    net = mx.sym.Activation(mx.sym.FullyConnected(net, num_hidden=16, name="fc1"), act_type="relu", name="relu1")
    net = mx.sym.FullyConnected(net, num_hidden=4, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def lenet():
    """LeNet with BatchNorm."""
    net = mx.sym.Variable("data")
    for layer, filters in ((1, 6), (2, 12)):
        net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=filters, name=f"conv{layer}")
        net = mx.sym.BatchNorm(net, fix_gamma=layer == 1, eps=0.001, name=f"bn{layer}")
        net = mx.sym.Activation(net, act_type="tanh", name=f"tanh{layer}")
        net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{layer}")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net, name="flatten"), num_hidden=24, name="fc1")
    net = mx.sym.FullyConnected(mx.sym.Activation(net, act_type="tanh", name="tanh3"), num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def residual():
    """A sum, a Concat and a global pooling; two outputs."""
    net = mx.sym.Variable("data")
    first = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=8, name="first")
    inner = mx.sym.BatchNorm(first, fix_gamma=False, name="bn")
    inner = mx.sym.Convolution(mx.sym.Activation(inner, act_type="relu", name="relu"), kernel=(3, 3), pad=(1, 1), num_filter=8, name="second")
    joined = mx.sym.Concat(first + inner, mx.sym.sigmoid(first, name="gate"), dim=1, name="joined")
    pooled = mx.sym.Pooling(joined, global_pool=True, kernel=(1, 1), pool_type="avg", name="pooled")
    scores = mx.sym.FullyConnected(pooled, num_hidden=5, name="scores")
    return mx.sym.Group([mx.sym.softmax(scores, name="probability"), mx.sym.Flatten(pooled, name="features")])
