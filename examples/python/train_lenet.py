"""Train LeNet on Fashion-MNIST: the program that every binding has, with the same losses for the same seed.

Random numbers are drawn by these calls of the library, in this order and by no others:

1. `mxn_random_seed(42)`, once.
2. Xavier (uniform, avg, magnitude 3): `_random_uniform(low=-scale, high=scale)` with `out=` the array, for conv1_weight, conv2_weight,
   fc1_weight and fc2_weight, in the order of list_arguments; scale = sqrt(3 / ((fan in + fan out) / 2)). Biases are set to 0.
3. At the start of every epoch `_shuffle` of `_arange(start=0, stop=N, dtype=int32)`: the rows of the epoch in their order.

Batch b of an epoch is rows 100 b to 100 b + 99 of that order, got from the images by `take`; a last batch that is not full goes on
with the first rows of the order, and those rows count in the loss too. Tests go through the images in their own order and draw
nothing. The loss is the mean over the epoch of -log(p(label) + 1e-12). `seconds` runs from the shuffle until the parameters of the
last step are there.
"""

import argparse
import os
import time

import mixnet as mx
import numpy as np
from mixnet.io.idx_file import read_idx
from mixnet.ndarray import gen_op

FASHION = "/usr/share/datasets/fashion-mnist"
SEED, BATCH = 42, 100


def load(folder, part, limit=0):
    """Images (N, 1, 28, 28) in [0, 1] and labels as arrays of the library; the first `limit` of them, 0 means all."""
    images = read_idx(os.path.join(folder, f"{part}-images-idx3-ubyte.gz"), 3)
    labels = read_idx(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz"), 1)
    count = min(limit or len(labels), len(labels))
    return mx.nd.array(images[:count, None].astype(np.float32) / 255), mx.nd.array(labels[:count].astype(np.float32))


def lenet():
    """Two convolutions and two full layers (LeCun et al., 1998)."""
    net = mx.sym.Variable("data")
    for layer, filters in ((1, 20), (2, 50)):
        net = mx.sym.Convolution(net, kernel=(5, 5), num_filter=filters, name=f"conv{layer}")
        net = mx.sym.Activation(net, act_type="tanh", name=f"tanh{layer}")
        net = mx.sym.Pooling(net, pool_type="max", kernel=(2, 2), stride=(2, 2), name=f"pool{layer}")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net, name="flatten"), num_hidden=500, name="fc1")
    net = mx.sym.Activation(net, act_type="tanh", name="tanh3")
    net = mx.sym.FullyConnected(net, num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


class Shuffled(mx.io.DataIter):
    """Batches in an order that the library draws anew for every epoch; the images stay where they are."""

    def __init__(self, images, labels):
        super().__init__(BATCH)
        self.images, self.labels, self.count = images, labels, len(labels)
        self.provide_data = [mx.io.DataDesc("data", (BATCH,) + images.shape[1:])]
        self.provide_label = [mx.io.DataDesc("softmax_label", (BATCH,))]
        self.reset()

    def reset(self):
        self.cursor = -BATCH

    def _draw(self):
        order = gen_op._shuffle(mx.nd.arange(self.count, dtype="int32"))
        filled = -(-self.count // BATCH) * BATCH
        self.order = mx.nd.take(order, mx.nd.arange(filled, dtype="int32"), mode="wrap")

    def iter_next(self):
        self.cursor += BATCH
        if self.cursor == 0:
            self.started = time.time()
            self._draw()
        self.rows = self.order[self.cursor : self.cursor + BATCH] if self.cursor < self.count else None
        return self.rows is not None

    def getdata(self):
        return [mx.nd.take(self.images, self.rows)]

    def getlabel(self):
        return [mx.nd.take(self.labels, self.rows)]

    def getpad(self):
        return max(self.cursor + BATCH - self.count, 0)


def train(module, train_data, epochs):
    """Fit with plain gradient descent; a line per epoch."""
    metric = mx.metric.create(["ce", "acc"])

    def report(epoch, symbol, arg_params, aux_params):
        loss, accuracy = metric.get()[1]
        print(f"epoch={epoch + 1} loss={loss:.6f} accuracy={accuracy:.6f} seconds={time.time() - train_data.started:.2f}", flush=True)

    module.fit(
        train_data,
        eval_metric=metric,
        epoch_end_callback=report,
        optimizer="sgd",
        optimizer_params={"learning_rate": 0.05, "momentum": 0.9, "wd": 0.0001},
        initializer=mx.init.Xavier(),
        num_epoch=epochs,
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--limit", type=int, default=0, help="train on the first so many images; 0 means all")
    parser.add_argument("--prefix", help="where to save a checkpoint after the last epoch")
    parser.add_argument("--data", default=FASHION, help="folder of the idx files")
    return parser.parse_args()


def main():
    options = arguments()
    images, labels = load(options.data, "train", options.limit)
    test = mx.io.NDArrayIter(*load(options.data, "t10k"), BATCH)
    mx.random.seed(SEED)
    module = mx.mod.Module(lenet())
    train(module, Shuffled(images, labels), options.epochs)
    print(f"test accuracy={dict(module.score(test, 'acc'))['accuracy']:.6f}")
    if options.prefix:
        module.save_checkpoint(options.prefix, options.epochs)


if __name__ == "__main__":
    main()
