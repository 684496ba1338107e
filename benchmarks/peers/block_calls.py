"""Calls and training steps of gluon blocks, by name, for benchmarks/blocks.py; the same program for mixnet and MXNet 1.9.1."""

import numpy as np


def lenet(mx):
    nn = mx.gluon.nn
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(20, 5, activation="tanh"),
        nn.MaxPool2D(2, 2),
        nn.Conv2D(50, 5, activation="tanh"),
        nn.MaxPool2D(2, 2),
        nn.Dense(500, activation="tanh"),
        nn.Dense(10),
    )
    return net


def perceptron(mx):
    net = mx.gluon.nn.HybridSequential()
    net.add(*[mx.gluon.nn.Dense(64, activation="relu") for _ in range(8)], mx.gluon.nn.Dense(10))
    return net


class Tagger:
    """An embedding, a bidirectional LSTM and a layer over its outputs; made in a call, since the base class is a library's."""

    def __new__(cls, mx):
        class Net(mx.gluon.HybridBlock):
            def __init__(self):
                super().__init__()
                with self.name_scope():
                    self.embedding = mx.gluon.nn.Embedding(1000, 64)
                    self.lstm = mx.gluon.rnn.LSTM(64, bidirectional=True, layout="NTC", input_size=64)
                    self.out = mx.gluon.nn.Dense(10)

            def hybrid_forward(self, F, x):  # noqa: N803
                return self.out(F.mean(self.lstm(self.embedding(x)), axis=1))

        return Net()


# Net, shape of its input, values below which inputs are whole numbers (0: any real ones).
NETS = {
    "one layer, batch 1": (lambda mx: mx.gluon.nn.Dense(8), (1, 8), 0),
    "9 layers of 64, batch 16": (perceptron, (16, 64), 0),
    "LeNet, batch 64": (lenet, (64, 1, 28, 28), 0),
    "LSTM tagger, batch 16": (Tagger, (16, 20), 1000),
    "ResNet-18, batch 8 of 112 x 112": (lambda mx: mx.gluon.model_zoo.vision.resnet18_v1(classes=10), (8, 3, 112, 112), 0),
    "MobileNetV2, batch 8 of 112 x 112": (lambda mx: mx.gluon.model_zoo.vision.mobilenet_v2_1_0(classes=10), (8, 3, 112, 112), 0),
}
KINDS = ("prediction", "prediction, hybridized", "step", "step, hybridized")


def names():
    return [(net, kind) for net in NETS for kind in KINDS]


def call(mx, net, kind):
    """A function that predicts, or makes a training step, and waits for it."""
    make, shape, below = NETS[net]
    block = make(mx)
    block.initialize(mx.init.Xavier())
    random = np.random.RandomState(1)
    x = mx.nd.array(random.randint(0, below, shape) if below else random.uniform(-1, 1, shape))
    label = mx.nd.array(random.randint(0, 8, shape[:1]))
    if kind.endswith("hybridized"):
        block.hybridize(static_alloc=True, static_shape=True)
    block(x).wait_to_read()
    if kind.startswith("prediction"):
        return lambda: block(x).wait_to_read()
    trainer = mx.gluon.Trainer(block.collect_params(), "sgd", {"learning_rate": 1e-4, "momentum": 0.9})
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    if kind.endswith("hybridized"):
        loss.hybridize(static_alloc=True, static_shape=True)

    def step():
        with mx.autograd.record():
            value = loss(block(x), label)
        value.backward()
        trainer.step(shape[0])
        mx.nd.waitall()

    return step
