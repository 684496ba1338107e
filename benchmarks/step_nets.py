"""The small nets whose training steps are measured. ALL: {name: StepNet(symbol, inputs, images per step or tokens)}."""

import collections

import numpy as np

import mixnet as mx

sym = mx.sym
StepNet = collections.namedtuple("StepNet", "make inputs samples")
STEPS, BATCH, HIDDEN, VOCABULARY = 35, 32, 512, 10000


def language_model():
    """Two layers of 512 LSTM cells, 35 words, 10,000 of which exist; the states start from zero."""
    words = sym.Embedding(sym.Variable("data"), input_dim=VOCABULARY, output_dim=HIDDEN, name="embedding")
    states = sym.Variable("state"), sym.Variable("state_cell")
    cells = sym.RNN(words, sym.Variable("lstm_parameters"), *states, mode="lstm", num_layers=2, state_size=HIDDEN, name="lstm")
    scores = sym.FullyConnected(sym.Reshape(cells, shape=(-1, HIDDEN)), num_hidden=VOCABULARY, name="words")
    return sym.SoftmaxOutput(scores, name="softmax")


def mlp():
    """784-512-256-10 with relu."""
    x = sym.Variable("data")
    for i, width in enumerate((512, 256)):
        x = sym.Activation(sym.FullyConnected(x, num_hidden=width, name=f"full{i}"), act_type="relu", name=f"relu{i}")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="full2"), name="softmax")


def lenet():
    """LeCun et al., 1998, as MXNet's first example had it: 20 and 50 filters, tanh."""
    x = sym.Variable("data")
    for i, filters in enumerate((20, 50)):
        x = sym.Activation(sym.Convolution(x, kernel=(5, 5), num_filter=filters, name=f"conv{i}"), act_type="tanh", name=f"tanh{i}")
        x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name=f"pool{i}")
    x = sym.Activation(sym.FullyConnected(sym.Flatten(x, name="flat"), num_hidden=500, name="full0"), act_type="tanh", name="tanh2")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=10, name="full1"), name="softmax")


def _words(random):
    shape, state = (STEPS, BATCH), np.zeros((2, BATCH, HIDDEN), "float32")
    label = random.randint(0, VOCABULARY, STEPS * BATCH)
    return {"data": random.randint(0, VOCABULARY, shape), "state": state, "state_cell": state, "softmax_label": label}


def _images(*shape):
    return lambda random: {"data": random.rand(*shape), "softmax_label": random.randint(0, 10, shape[0])}


ALL = {
    "LSTM language model": StepNet(language_model, _words, STEPS * BATCH),
    "MLP": StepNet(mlp, _images(128, 784), 128),
    "LeNet": StepNet(lenet, _images(64, 1, 28, 28), 64),
}
