"""Train a convolutional net of gluon's blocks on Fashion-MNIST, on one context or several; the net is exported and used again as a symbol's block."""

import argparse
import time

import mixnet as mx
from mixnet import autograd, gluon
from mixnet.gluon import nn
from mixnet.gluon.data.vision import FashionMNIST, transforms

FASHION = "/usr/share/datasets/fashion-mnist"


class Residual(gluon.HybridBlock):
    """relu(x + two 3 x 3 convolutions of x)."""

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.body = nn.HybridSequential()
            self.body.add(nn.Conv2D(channels, 3, padding=1, use_bias=False), nn.BatchNorm(), nn.Activation("relu"))
            self.body.add(nn.Conv2D(channels, 3, padding=1, use_bias=False), nn.BatchNorm())

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.relu(x + self.body(x))


def make_net():
    net = nn.HybridSequential(prefix="fashion_")
    with net.name_scope():
        net.add(nn.Conv2D(24, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool2D(), Residual(24), nn.MaxPool2D())
        net.add(nn.Conv2D(48, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"), Residual(48), nn.GlobalAvgPool2D(), nn.Dense(10))
    return net


def accuracy(net, loader, contexts):
    metric = mx.metric.Accuracy()
    for images, labels in loader:
        parts = [gluon.utils.split_and_load(array, contexts, even_split=False) for array in (images, labels)]
        metric.update(parts[1], [net(part) for part in parts[0]])
    return metric.get()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--limit", type=int, default=0, help="train on the first so many images; 0 means all")
    parser.add_argument("--contexts", type=int, default=1, help="number of contexts that share every batch")
    parser.add_argument("--export", help="prefix of the files of the trained net")
    parser.add_argument("--data", default=FASHION, help="folder of the idx files")
    options = parser.parse_args()

    mx.random.seed(7)
    kind = mx.gpu if mx.context.num_gpus() >= options.contexts else mx.cpu
    contexts = [kind(i) for i in range(options.contexts)]
    pictures = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.286, 0.353)])
    train, test = (FashionMNIST(options.data, train=part).transform_first(pictures) for part in (True, False))
    train = train.take(options.limit) if options.limit else train
    batches = gluon.data.DataLoader(train, options.batch_size, shuffle=True, last_batch="discard", num_workers=2)
    tests = gluon.data.DataLoader(test, 500, num_workers=2)

    net = make_net()
    net.initialize(mx.init.Xavier(), ctx=contexts)
    net.hybridize()
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize()
    schedule = mx.lr_scheduler.CosineScheduler(options.epochs * len(batches), base_lr=0.01)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"lr_scheduler": schedule, "learning_rate": 0.01})
    for epoch in range(options.epochs):
        started, sums = time.time(), []
        for images, labels in batches:
            parts = list(zip(gluon.utils.split_and_load(images, contexts), gluon.utils.split_and_load(labels, contexts)))
            with autograd.record():
                losses = [loss(net(x), y) for x, y in parts]
            autograd.backward(losses)
            trainer.step(options.batch_size)
            sums.append(sum(value.mean().as_in_context(contexts[0]) for value in losses) / len(losses))
        mean = sum(value.asscalar() for value in sums) / len(sums)
        print(f"epoch={epoch + 1} loss={mean:.4f} test accuracy={accuracy(net, tests, contexts):.4f} seconds={time.time() - started:.1f}", flush=True)

    if options.export:
        symbol_file, params_file = net.export(options.export, epoch=options.epochs)
        again = gluon.SymbolBlock.imports(symbol_file, ["data"], params_file, ctx=contexts)
        print(f"exported to {symbol_file} and {params_file}, test accuracy={accuracy(again, tests, contexts):.4f}")


if __name__ == "__main__":
    main()
