"""The main job: train a convolutional net on Fashion-MNIST, save it, load it again, predict, and draw three pictures.

Data: Debian package dataset-fashion-mnist; where that is absent, the digits that ship with scikit-learn.
"""

import argparse
import gzip
import os
import pathlib
import time

import numpy as np

import mixnet as mx

FASHION = pathlib.Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
CLASSES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]


def read_idx(path):
    """Images or labels of an .idx.gz file as a numpy array."""
    with gzip.open(path) as file:
        data = file.read()
    dims = data[3]
    shape = np.frombuffer(data, ">i4", dims, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def load_data():
    """(train images, train labels, test images, test labels, class names); images are (N, 1, h, w) in [0, 1]."""
    if (FASHION / "train-images-idx3-ubyte.gz").exists():
        parts = [read_idx(FASHION / f"{part}-{kind}-ubyte.gz") for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
        images, labels, test_images, test_labels = parts
        names = CLASSES
    else:
        from sklearn.datasets import load_digits

        digits = load_digits()
        scaled = np.kron(digits.images, np.ones((1, 4, 4)))[:, 2:30, 2:30] * (255 / 16)
        images, labels, test_images, test_labels = scaled[:1500], digits.target[:1500], scaled[1500:], digits.target[1500:]
        names = [str(i) for i in range(10)]
    scale = lambda x: (x.astype("float32") / 255)[:, None]
    return scale(images), labels.astype("float32"), scale(test_images), test_labels.astype("float32"), names


def network():
    """Three convolutions with BatchNorm, two poolings, one hidden layer with Dropout."""
    net = mx.sym.Variable("data")
    for i, (filters, pool) in enumerate(((32, True), (64, True), (64, False)), 1):
        net = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=filters, no_bias=True, name=f"conv{i}")
        net = mx.sym.BatchNorm(net, fix_gamma=False, name=f"bn{i}")
        net = mx.sym.Activation(net, act_type="relu", name=f"relu{i}")
        if pool:
            net = mx.sym.Pooling(net, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"pool{i}")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=128, name="fc1")
    net = mx.sym.Dropout(mx.sym.Activation(net, act_type="relu", name="relu_fc"), p=0.3)
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=10, name="fc2"), name="softmax")


class History:
    """Collects loss and accuracy of every batch and epoch for the curves."""

    def __init__(self):
        self.batches, self.epochs = [], []

    def batch_end(self, param):
        self.batches.append([value for _, value in param.eval_metric.get_name_value()])

    def evaluated(self, param):
        self.epochs.append(dict(param.eval_metric.get_name_value())["accuracy"])


def train(net, data, epochs, batch_size, history):
    """A trained Module."""
    images, labels, test_images, test_labels, _ = data
    batches = len(images) // batch_size
    train_iter = mx.io.NDArrayIter(images, labels, batch_size, shuffle=True, last_batch_handle="discard")
    test_iter = mx.io.NDArrayIter(test_images, test_labels, min(500, len(test_images)))
    module = mx.mod.Module(net, context=mx.cpu())
    schedule = mx.lr_scheduler.CosineScheduler(max_update=epochs * batches, base_lr=0.1, final_lr=0.001)
    module.fit(
        train_iter,
        eval_data=test_iter,
        eval_metric=[mx.metric.CrossEntropy(name="loss"), "accuracy"],
        batch_end_callback=[mx.callback.ProgressBar(batches, batch_size=batch_size), history.batch_end],
        eval_end_callback=history.evaluated,
        optimizer="sgd",
        optimizer_params={"learning_rate": 0.1, "momentum": 0.9, "wd": 5e-4, "lr_scheduler": schedule},
        initializer=mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2),
        num_epoch=epochs,
    )
    return module


def accuracy(module, images, labels):
    """Share of right predictions, and the predictions."""
    probabilities = module.predict(mx.io.NDArrayIter(images, None, min(500, len(images)))).asnumpy()
    guesses = probabilities.argmax(axis=1)
    return float((guesses == labels).mean()), guesses


def draw(output, net, history, data, guesses):
    """The three pictures."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    losses = np.array(history.batches)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    left.plot(losses[:, 0])
    left.set(xlabel="batch", ylabel="training loss (mean of the epoch so far)", yscale="log")
    right.plot(np.arange(1, len(history.epochs) + 1), history.epochs, marker="o")
    right.set(xlabel="epoch", ylabel="test accuracy")
    figure.tight_layout()
    figure.savefig(output / "training.png", dpi=120)
    mx.viz.draw_network(net, output / "network.png", shape={"data": (1, 1, 28, 28)})
    _, _, images, labels, names = data
    figure, cells = plt.subplots(5, 8, figsize=(12, 8.5))
    for i, cell in enumerate(cells.flat):
        cell.imshow(images[i, 0], cmap="gray_r")
        right_guess = guesses[i] == labels[i]
        cell.set_title(names[int(guesses[i])], color="black" if right_guess else "red", fontsize=9)
        cell.axis("off")
    figure.suptitle("Test images and predictions; wrong ones in red")
    figure.tight_layout()
    figure.savefig(output / "predictions.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--limit", type=int, default=None, help="use only so many training images")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("demo-output"))
    options = parser.parse_args()
    mx.random.seed(7)
    np.random.seed(7)
    data = load_data()
    if options.limit:
        data = (data[0][: options.limit], data[1][: options.limit], data[2][: options.limit], data[3][: options.limit], data[4])
    options.output.mkdir(parents=True, exist_ok=True)
    net, history = network(), History()
    started = time.perf_counter()
    print(f"training on {len(data[0])} images, testing on {len(data[2])}")
    module = train(net, data, options.epochs, options.batch_size, history)
    print(f"training took {time.perf_counter() - started:.0f} s")
    prefix = str(options.output / "fashion")
    module.save_checkpoint(prefix, options.epochs)
    loaded = mx.mod.Module.load(prefix, options.epochs, context=mx.cpu())
    loaded.bind(data_shapes=[("data", (min(500, len(data[2])), 1, 28, 28))], for_training=False)
    score, guesses = accuracy(loaded, data[2], data[3])
    draw(options.output, net, history, data, guesses)
    print(f"test accuracy {score:.4f} (from the reloaded checkpoint); pictures and checkpoint are in {options.output}/")


if __name__ == "__main__":
    main()
