"""The nets of the golden files, in words that every release understands: name -> (symbol, inputs, whether outputs take gradients)."""

import mxnet as mx
import numpy as np
from record import values

LABELS = np.array([0, 2, 1, 3], "float32")


def mlp():
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=8, name="fc1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    net = mx.sym.FullyConnected(net, num_hidden=4, no_bias=True, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax"), {"data": values("data", (4, 6)), "softmax_label": LABELS}, False


def lenet():
    net = mx.sym.Variable("data")
    for i, filters in enumerate((3, 5)):
        net = mx.sym.Convolution(net, kernel=(3, 3), num_filter=filters, pad=(i, i), name="conv%d" % i)
        net = mx.sym.Activation(net, act_type="tanh", name="tanh%d" % i)
        net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name="pool%d" % i)
    net = mx.sym.FullyConnected(mx.sym.Flatten(net, name="flat"), num_hidden=4, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax"), {"data": values("data", (4, 1, 12, 12)), "softmax_label": LABELS}, False


def normalised():
    """Auxiliary states, a sum of two branches, and pooling of both conventions."""
    data = mx.sym.Variable("data")
    net = mx.sym.Convolution(data, kernel=(3, 3), num_filter=4, pad=(1, 1), stride=(2, 2), no_bias=True, name="conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, eps=2e-3, momentum=0.8, name="bn")
    short = mx.sym.Pooling(data, pool_type="avg", kernel=(2, 2), stride=(2, 2), pooling_convention="full", name="pool")
    short = mx.sym.Convolution(short, kernel=(1, 1), num_filter=4, name="short")
    net = mx.sym.LeakyReLU(mx.sym.BatchNorm(net + short, name="bn2"), act_type="leaky", slope=0.1, name="leaky")
    net = mx.sym.Pooling(net, global_pool=True, kernel=(1, 1), pool_type="avg", name="all")
    return mx.sym.FullyConnected(net, num_hidden=2, name="fc"), {"data": values("data", (3, 2, 7, 7))}, True


def unrolled():
    cell = mx.rnn.LSTMCell(5, prefix="lstm_")
    outputs, _ = cell.unroll(3, inputs=mx.sym.Variable("data"), layout="NTC", merge_outputs=True)
    return mx.sym.FullyConnected(outputs, num_hidden=2, name="fc"), {"data": values("data", (2, 3, 4))}, True


def fused(mode="lstm", bidirectional=True):
    net = mx.sym.RNN(mx.sym.Variable("data"), state_size=3, num_layers=2, mode=mode, bidirectional=bidirectional, state_outputs=True, name="rnn")
    shapes = {"data": (4, 2, 5), "rnn_state": (4, 2, 3), "rnn_state_cell": (4, 2, 3)}
    return net, {name: values(name, shapes[name]) for name in net.list_arguments() if name in shapes}, True


def gru():
    return fused("gru", True)


def attributes():
    """Groups, multipliers and initialisers beside parameters."""
    with mx.AttrScope(ctx_group="one"):
        data = mx.sym.Variable("data", lr_mult=0.5)
        weight = mx.sym.Variable("w", attr={"__lr_mult__": "2.0"}, wd_mult=0.25, shape=(4, 6), init=mx.init.Xavier())
        net = mx.sym.FullyConnected(data=data, weight=weight, num_hidden=4, name="fc", attr={"__force_mirroring__": "True"})
    with mx.AttrScope(ctx_group="two", __mood__="fair"):
        net = mx.sym.Activation(net, act_type="sigmoid", name="act")
    return net, {"data": values("data", (3, 6))}, True


def group():
    """Several heads, one of them an output in the middle, another one of several."""
    data = mx.sym.Variable("data")
    parts = mx.sym.SliceChannel(data, num_outputs=3, name="parts")
    joined = mx.sym.Concat(parts[0], parts[2], dim=1, name="joined")
    net = mx.sym.FullyConnected(joined, num_hidden=3, name="fc")
    return mx.sym.Group([net, parts[1], mx.sym.BlockGrad(joined, name="blocked")]), {"data": values("data", (4, 6))}, True


def old_names():
    """Operators under the names that later releases keep as aliases."""
    a, b = mx.sym.Variable("a"), mx.sym.Variable("b")
    total = mx.sym.ElementWiseSum(a, b, a * b, name="total")
    row = mx.sym.sum_axis(total, axis=1, keepdims=True, name="row")
    spread = mx.sym.broadcast_minus(mx.sym.broadcast_plus(total, row, name="plus"), mx.sym.max_axis(total, axis=1, keepdims=True), name="minus")
    turned = mx.sym.SwapAxis(mx.sym.Cast(spread, dtype="float32", name="cast"), dim1=0, dim2=1, name="turned")
    flat = mx.sym.Flatten(mx.sym.Reshape(turned, shape=(2, -1), name="shaped"), name="flat")
    powers = mx.sym.square(flat) + 2 - 1 / (1.5 + mx.sym.abs(flat)) + (3 - flat) * 0.5
    return (
        mx.sym.Crop(mx.sym.Reshape(powers, shape=(1, 1, 2, -1)), offset=(0, 1), h_w=(2, 3), num_args=1, name="crop"),
        {
            "a": values("a", (4, 3)),
            "b": values("b", (4, 3)),
        },
        True,
    )


def losses():
    """Heads that make their own gradients."""
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    heads = [mx.sym.LinearRegressionOutput(net, name="linear"), mx.sym.LogisticRegressionOutput(net, name="logistic", grad_scale=0.5)]
    heads += [mx.sym.MAERegressionOutput(net, name="mae"), mx.sym.MakeLoss(mx.sym.square(net), grad_scale=0.1, name="own")]
    heads.append(mx.sym.SoftmaxOutput(net, use_ignore=True, ignore_label=2, normalization="valid", name="softmax"))
    inputs = {"data": values("data", (4, 5)), "softmax_label": LABELS % 3}
    for name in ("linear", "logistic", "mae"):
        inputs[name + "_label"] = values(name, (4, 3), 0, 1)
    return mx.sym.Group(heads), inputs, False


def assorted():
    """Operators whose parameters are stored in the ways of their time: tuples, None, enumerations, floats."""
    data = mx.sym.Variable("data")
    net = mx.sym.Deconvolution(data, kernel=(3, 3), stride=(2, 2), pad=(1, 1), adj=(1, 1), num_filter=4, name="up")
    net = mx.sym.LRN(net, nsize=3, alpha=1e-3, name="lrn")
    net = mx.sym.Pad(net, mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 2, 0), name="pad")
    net = mx.sym.transpose(net, axes=(0, 2, 3, 1), name="transpose")
    net = mx.sym.slice_axis(net, axis=2, begin=1, end=None, name="slice")
    net = mx.sym.clip(net, a_min=-0.3, a_max=0.4, name="clip")
    net = mx.sym.L2Normalization(net, mode="instance", name="l2")
    net = mx.sym.sum(net, axis=(1, 2), name="sum")
    words = mx.sym.Embedding(mx.sym.Variable("words"), input_dim=7, output_dim=4, name="embed")
    return mx.sym.Concat(net, words, dim=0, name="both"), {"data": values("data", (2, 3, 4, 4)), "words": np.array([1, 6, 3], "float32")}, True


NETS = {f.__name__: f for f in (mlp, lenet, normalised, unrolled, fused, gru, attributes, group, old_names, losses, assorted)}
