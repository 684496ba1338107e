"""Accuracy on Fashion-MNIST before and after quantisation: LeNet and a small residual net.

python benchmarks/int8_accuracy.py [--images 60000] [--epochs 3] [--calibration 1000]
Trains both nets, quantises them in every calibration mode, and counts the right answers on the 10,000 test images. No column may
lose more than half a percent.
"""

import argparse
import os
import sys

import mixnet as mx
import numpy as np
import table
from mixnet.contrib.quantization import quantize_model
from mixnet.io.idx_file import read_idx

FOLDER = os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist")
MOST = 0.005  # of accuracy that may be lost


def images(part):
    data = read_idx(os.path.join(FOLDER, f"{part}-images-idx3-ubyte.gz"), 3)[:, None].astype("float32") / 255
    return data, read_idx(os.path.join(FOLDER, f"{part}-labels-idx1-ubyte.gz"), 1).astype("float32")


def lenet():
    net = mx.sym.Variable("data")
    for i, filters in enumerate((20, 50)):
        net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=filters, name=f"conv{i}")
        net = mx.sym.Activation(net, act_type="relu", name=f"relu{i}")
        net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"pool{i}")
    net = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=200, name="full0"), act_type="relu", name="relu2")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=10, name="full1"), name="softmax")


def layer(data, filters, kernel, stride, name, relu=True):
    pad = (kernel // 2, kernel // 2)
    net = mx.sym.Convolution(data, kernel=(kernel, kernel), num_filter=filters, stride=(stride, stride), pad=pad, no_bias=True, name=name)
    net = mx.sym.BatchNorm(net, fix_gamma=False, name=name + "_norm")
    return mx.sym.Activation(net, act_type="relu", name=name + "_relu") if relu else net


def resnet():
    """Three stages of two blocks, 16 to 64 channels (He et al., 2015, as for CIFAR)."""
    net = layer(mx.sym.Variable("data"), 16, 3, 2, "first")
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(2):
            name, stride = f"stage{stage}_{block}_", 2 if stage and not block else 1
            short = net if stride == 1 else layer(net, filters, 1, stride, name + "short", relu=False)
            inner = layer(layer(net, filters, 3, stride, name + "a"), filters, 3, 1, name + "b", relu=False)
            net = mx.sym.Activation(inner + short, act_type="relu", name=name + "relu")
    net = mx.sym.Flatten(mx.sym.Pooling(net, global_pool=True, kernel=(1, 1), pool_type="avg", name="pool"))
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=10, name="full"), name="softmax")


def train(net, data, labels, epochs):
    module = mx.mod.Module(net)
    module.fit(
        mx.io.NDArrayIter(data, labels, 100, shuffle=True),
        num_epoch=epochs,
        optimizer="adam",
        optimizer_params={"learning_rate": 1e-3},
        initializer=mx.init.Xavier(),
    )
    return module.get_params()


def accuracy(net, params, states, data, labels):
    module = mx.mod.Module(net)
    module.bind([("data", (100, *data.shape[1:]))], [("softmax_label", (100,))], for_training=False)
    module.set_params(params, states)
    return float(module.score(mx.io.NDArrayIter(data, labels, 100), "acc")[0][1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--calibration", type=int, default=1000)
    options = parser.parse_args()
    (data, labels), (test, answers) = images("train"), images("t10k")
    data, labels = data[: options.images], labels[: options.images]
    modes = [(dtype, mode, grain) for dtype in ("int8", "auto") for mode in ("naive", "entropy") for grain in ("tensor-wise", "channel-wise")]
    out = table.Table("int8-accuracy", "Fashion-MNIST: percent right of 10,000", ["net", "weights", "calibration", "float32", "8 bits", "lost"])
    lost_most = 0
    for name, make in (("LeNet", lenet), ("ResNet-14", resnet)):
        np.random.seed(1)
        mx.random.seed(1)
        net = make()
        params, states = train(net, data, labels, options.epochs)
        before = accuracy(net, params, states, test, answers)
        for dtype, mode, grain in modes:
            examples = mx.io.NDArrayIter(data[: options.calibration], labels[: options.calibration], 100)
            made = quantize_model(net, params, states, calib_mode=mode, calib_data=examples, quantized_dtype=dtype, quantize_granularity=grain)
            after = accuracy(*made, test, answers)
            lost_most = max(lost_most, before - after)
            out.add([name, f"{dtype}, {grain}", mode, f"{100 * before:.2f}", f"{100 * after:.2f}", f"{100 * (before - after):.2f}"])
    out.note(f"{len(data)} images, {options.epochs} epochs, {options.calibration} images of them for calibration.")
    out.save()
    sys.exit(int(lost_most > MOST))


if __name__ == "__main__":
    main()
