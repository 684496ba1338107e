"""Train a small convolutional net on Fashion-MNIST, save it, load it again and show what it does.

Reads the idx files of the Debian package dataset-fashion-mnist (60,000 + 10,000 grey images, 28 x 28, ten kinds of
clothes); without them the handwritten digits of scikit-learn (1,797 images, 8 x 8). Writes a checkpoint and three
pictures to the output folder.
"""

import argparse
import os
import time

import fashion_plots
import mixnet as mx
import numpy as np
from mixnet.io.idx_file import read_idx
from progress_bar import ProgressBar

FASHION = "/usr/share/datasets/fashion-mnist"
CLOTHES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]


def load_fashion(folder):
    """((train images, labels), (test images, labels)), class names; images (N, 1, 28, 28) in [0, 1]."""
    parts = []
    for part in ("train", "t10k"):
        images = read_idx(os.path.join(folder, f"{part}-images-idx3-ubyte.gz"), 3)
        labels = read_idx(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz"), 1)
        parts.append((images[:, None].astype(np.float32) / 255, labels.astype(np.float32)))
    return parts[0], parts[1], CLOTHES


def load_digits():
    """The same for the digits of scikit-learn, every fifth image for the test; images (N, 1, 8, 8)."""
    from sklearn import datasets

    digits = datasets.load_digits()
    images = digits.images[:, None].astype(np.float32) / 16
    labels = digits.target.astype(np.float32)
    test = np.arange(len(labels)) % 5 == 0
    return (images[~test], labels[~test]), (images[test], labels[test]), [str(i) for i in range(10)]


def load_data(limit):
    """Fashion-MNIST or the digits; of each part at most `limit` images."""
    folder = os.environ.get("FASHION_MNIST", FASHION)
    if os.path.isdir(folder):
        name, (train, test, classes) = "Fashion-MNIST", load_fashion(folder)
    else:
        name, (train, test, classes) = "scikit-learn digits", load_digits()
    cut = [tuple(array[:limit] for array in part) for part in (train, test)]
    return name, cut[0], cut[1], classes


def convolution(data, filters, name):
    """3 x 3 convolution, batch normalisation, rectifier, 2 x 2 maximum pooling."""
    net = mx.sym.Convolution(data, num_filter=filters, kernel=(3, 3), pad=(1, 1), no_bias=True, name=f"{name}_conv")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name=f"{name}_bn")
    net = mx.sym.Activation(net, act_type="relu", name=f"{name}_relu")
    return mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"{name}_pool")


def network(classes):
    """LeNet in the manner of today: three convolutions, two full layers."""
    net = mx.sym.Variable("data")
    for filters, name in ((16, "first"), (32, "second"), (64, "third")):
        net = convolution(net, filters, name)
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=128, name="full")
    net = mx.sym.Activation(net, act_type="relu", name="full_relu")
    net = mx.sym.Dropout(net, p=0.3, name="drop")
    net = mx.sym.FullyConnected(net, num_hidden=classes, name="scores")
    return mx.sym.SoftmaxOutput(net, name="softmax")


class History:
    """Losses and accuracies as they come, for the curves."""

    def __init__(self):
        self.train_loss, self.train_accuracy, self.test_accuracy = [], [], []

    def after_train_epoch(self, accuracy, loss):
        self.train_accuracy.append(accuracy)
        self.train_loss.append(loss)

    def after_test(self, param):
        self.test_accuracy.append(dict(param.eval_metric.get_name_value())["accuracy"])
        print(f"  test accuracy {100 * self.test_accuracy[-1]:.2f} %", flush=True)


def train(module, train_data, test_data, epochs, history):
    """Fit `module` with Adam, the learning rate falling along a cosine."""
    steps = -(-train_data.num_data // train_data.batch_size)
    schedule = mx.lr_scheduler.CosineScheduler(steps * epochs, base_lr=0.004, final_lr=0.0001)
    bar = ProgressBar(steps, train_data.batch_size, epochs, history.after_train_epoch)
    module.fit(
        train_data,
        eval_data=test_data,
        eval_metric=["acc", "ce"],
        validation_metric="acc",
        optimizer="adam",
        optimizer_params={"learning_rate": 0.004, "wd": 1e-4, "lr_scheduler": schedule},
        initializer=mx.init.Xavier(),
        num_epoch=epochs,
        batch_end_callback=bar,
        eval_end_callback=history.after_test,
    )


def reload(prefix, epochs, test_data):
    """The saved net, ready for prediction."""
    module = mx.mod.Module.load(prefix, epochs)
    module.bind(test_data.provide_data, test_data.provide_label, for_training=False)
    return module


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--output", default="demo-output", help="folder for checkpoint and pictures")
    parser.add_argument("--limit", type=int, default=None, help="use only so many images of each part")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    options = arguments()
    os.makedirs(options.output, exist_ok=True)
    np.random.seed(options.seed)
    mx.random.seed(options.seed)
    name, (images, labels), (test_images, test_labels), classes = load_data(options.limit)
    print(f"{name}: {len(images)} training and {len(test_images)} test images of {images.shape[2]} x {images.shape[3]}")

    train_data = mx.io.NDArrayIter(images, labels, min(options.batch_size, len(images)), shuffle=True)
    test_data = mx.io.NDArrayIter(test_images, test_labels, min(options.batch_size, len(test_images)))
    module = mx.mod.Module(network(len(classes)))
    history = History()
    started = time.time()
    train(module, train_data, test_data, options.epochs, history)
    print(f"trained in {time.time() - started:.0f} s")

    prefix = os.path.join(options.output, "fashion")
    module.save_checkpoint(prefix, options.epochs)
    loaded = reload(prefix, options.epochs, test_data)
    scores = loaded.predict(test_data).asnumpy()
    accuracy = float((scores.argmax(axis=1) == test_labels).mean())
    print(f"checkpoint {prefix}-{options.epochs:04d}.params")
    print(f"test accuracy of the reloaded net: {100 * accuracy:.2f} %")

    shape = {"data": (1,) + images.shape[1:]}
    for path in (
        fashion_plots.curves(os.path.join(options.output, "curves.png"), history),
        mx.viz.draw_network(module.symbol, os.path.join(options.output, "network.png"), shape),
        fashion_plots.predictions(os.path.join(options.output, "predictions.png"), test_images, test_labels, scores, classes),
    ):
        print(f"picture {path}")


if __name__ == "__main__":
    main()
