"""Mixed precision: a LeNet on small drawn shapes, trained in float32, bfloat16 and float16 to the same accuracy."""

import argparse
import time

import mixnet as mx
import numpy as np


def shapes(count, seed, size=20):
    """Images (count, 1, size, size) of bars, crosses, squares and discs with noise, and the numbers of the shapes."""
    rng = np.random.RandomState(seed)
    rows, columns = np.mgrid[0:size, 0:size]
    kinds = np.arange(count) % 4
    images = np.zeros((count, 1, size, size), "float32")
    for image, kind in zip(images, kinds):
        y, x = np.abs(rows - rng.randint(7, 13)), np.abs(columns - rng.randint(7, 13))
        wide = rng.randint(4, 7)
        inside = (x < 2, (x < 2) | (y < 2), np.maximum(x, y) < wide, x**2 + y**2 < wide**2)[kind] & (np.maximum(x, y) <= wide)
        image[0] = inside + rng.randn(size, size) * 0.2
    return images, kinds.astype("float32")


def lenet():
    """Two convolutions with BatchNorm, two full layers."""
    net = mx.sym.Variable("data")
    for filters in (8, 16):
        net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=filters)
        net = mx.sym.Activation(mx.sym.BatchNorm(net, fix_gamma=False), act_type="relu")
        net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max")
    net = mx.sym.Activation(mx.sym.FullyConnected(net, num_hidden=64), act_type="relu")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=4), name="softmax")


def train(dtype, epochs):
    """Accuracy on fresh images after training in `dtype`."""
    if dtype == "float32":
        mx.amp.stop()
    else:
        mx.amp.init(dtype)
    mx.random.seed(0)
    np.random.seed(0)
    module = mx.mod.Module(lenet())
    # A tenth of the rate for the last epochs: without it the accuracy hangs on the last few batches.
    slower = mx.lr_scheduler.MultiFactorScheduler([epochs * 20], 0.1)
    module.fit(
        mx.io.NDArrayIter(*shapes(2048, seed=0), batch_size=64, shuffle=True),
        num_epoch=epochs,
        optimizer="sgd",
        optimizer_params={"learning_rate": 0.02, "momentum": 0.9, "lr_scheduler": slower},
        initializer=mx.init.Xavier(),
    )
    return dict(module.score(mx.io.NDArrayIter(*shapes(512, seed=1), batch_size=64), "acc"))["accuracy"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    for dtype in ("float32", "bfloat16", "float16"):
        started = time.perf_counter()
        accuracy = train(dtype, options.epochs)
        print(f"{dtype:8s} accuracy {100 * accuracy:.1f} %  {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
