"""Writes tests/data/gluon with MXNet 1.9.1: what the layers, losses, cells, trainers and nets of gluon compute, how their parameters are named, and files of
them. Run by make.py; the same cases run on mixnet in tests/python/test_gluon_golden.py.

Every group of ALL, given mx, gives functions by name; each gives a list of arrays.
"""

import hashlib
import json
import pathlib
import re
import sys

import numpy as np


def numbers(shape, seed, low=-1.0, high=1.0):
    return np.random.RandomState(seed).uniform(low, high, shape).astype("float32")


def fill(mx, block):
    """The same values in both libraries, by the order of parameters."""
    for i, (name, parameter) in enumerate(block.collect_params().items()):
        count = max(1, int(np.prod(parameter.shape[1:])))
        scale = 1.7 / np.sqrt(count) if len(parameter.shape) > 1 else 0.5
        low, high = (0.5, 1.5) if name.endswith(("gamma", "var")) else (-scale, scale)
        parameter.set_data(mx.nd.array(numbers(parameter.shape, i + 1, low, high)))


def run(mx, block, values, of_input=True):
    """Outputs in prediction, then in training, gradients of the input and of all parameters, and parameters that are changed by running."""
    block.initialize()
    x = mx.nd.array(values)
    block(x)
    fill(mx, block)
    predicted = block(x)
    if of_input:
        x.attach_grad()
    with mx.autograd.record():
        trained = block(x)
        total = (trained * mx.nd.array(numbers(trained.shape, 99))).sum()
    total.backward()
    found = [predicted, trained] + ([x.grad] if of_input else [])
    for parameter in block.collect_params().values():
        found.append(parameter.data() if parameter.grad_req == "null" else parameter.grad())
    return found


IMAGES, ROWS, SOUNDS, BLOCKS = (2, 6, 7, 8), (3, 5), (2, 6, 9), (2, 4, 4, 5, 4)


def layers(mx):
    nn, contrib = mx.gluon.nn, mx.gluon.contrib.nn
    made = {
        "dense": (lambda: nn.Dense(4, activation="tanh"), ROWS),
        "dense_rows": (lambda: nn.Dense(4, use_bias=False, flatten=False), SOUNDS),
        "conv1": (lambda: nn.Conv1D(4, 3, padding=1, activation="relu"), SOUNDS),
        "conv2": (lambda: nn.Conv2D(4, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2), IMAGES),
        "conv3": (lambda: nn.Conv3D(3, 2, use_bias=False), BLOCKS),
        "transposed1": (lambda: nn.Conv1DTranspose(3, 3, 2, 1, 1, in_channels=6), SOUNDS),
        "transposed2": (lambda: nn.Conv2DTranspose(4, 3, (2, 2), (1, 1), (1, 0), in_channels=6, groups=2), IMAGES),
        "transposed3": (lambda: nn.Conv3DTranspose(2, 2, 2, in_channels=4, activation="sigmoid"), BLOCKS),
        "max1": (lambda: nn.MaxPool1D(3, 2), SOUNDS),
        "max2": (lambda: nn.MaxPool2D((3, 2), 2, 1, ceil_mode=True), IMAGES),
        "max3": (lambda: nn.MaxPool3D(), BLOCKS),
        "avg1": (lambda: nn.AvgPool1D(3, 2, 1), SOUNDS),
        "avg2": (lambda: nn.AvgPool2D(3, 1, 1, count_include_pad=False), IMAGES),
        "avg3": (lambda: nn.AvgPool3D(2), BLOCKS),
        "global_max1": (lambda: nn.GlobalMaxPool1D(), SOUNDS),
        "global_max2": (lambda: nn.GlobalMaxPool2D(), IMAGES),
        "global_max3": (lambda: nn.GlobalMaxPool3D(), BLOCKS),
        "global_avg1": (lambda: nn.GlobalAvgPool1D(), SOUNDS),
        "global_avg2": (lambda: nn.GlobalAvgPool2D(), IMAGES),
        "global_avg3": (lambda: nn.GlobalAvgPool3D(), BLOCKS),
        "batch_norm": (lambda: nn.BatchNorm(momentum=0.8, epsilon=1e-3), IMAGES),
        "batch_norm_axis": (lambda: nn.BatchNorm(axis=3, center=False, scale=False), IMAGES),
        "batch_norm_global": (lambda: nn.BatchNorm(use_global_stats=True), IMAGES),
        "layer_norm": (lambda: nn.LayerNorm(), SOUNDS),
        "layer_norm_axis": (lambda: nn.LayerNorm(axis=1, epsilon=1e-3), SOUNDS),
        "instance_norm": (lambda: nn.InstanceNorm(scale=True), IMAGES),
        "instance_norm_axis": (lambda: nn.InstanceNorm(axis=2, scale=True), IMAGES),
        "leaky": (lambda: nn.LeakyReLU(0.2), ROWS),
        "prelu": (lambda: nn.PReLU(), ROWS),
        "prelu_channels": (lambda: nn.PReLU(in_channels=6), IMAGES),
        "elu": (lambda: nn.ELU(0.7), ROWS),
        "selu": (lambda: nn.SELU(), ROWS),
        "gelu": (lambda: nn.GELU(), ROWS),
        "swish": (lambda: nn.Swish(1.3), ROWS),
        "softrelu": (lambda: nn.Activation("softrelu"), ROWS),
        "flatten": (lambda: nn.Flatten(), IMAGES),
        "reflection": (lambda: nn.ReflectionPad2D(2), IMAGES),
        "lambda": (lambda: nn.HybridLambda(lambda F, x: F.square(x) + 1), ROWS),  # noqa: N803
        "lambda_name": (lambda: nn.HybridLambda("tanh"), ROWS),
        "pixels1": (lambda: contrib.PixelShuffle1D(3), SOUNDS),
        "pixels2": (lambda: contrib.PixelShuffle2D((2, 3)), IMAGES),
        "pixels3": (lambda: contrib.PixelShuffle3D((1, 2, 2)), BLOCKS),
    }
    for name, (make, shape) in made.items():
        yield name, lambda make=make, shape=shape: run(mx, make(), numbers(shape, 5))
    yield "embedding", lambda: run(mx, nn.Embedding(7, 3), np.array([[1, 6, 0], [3, 3, 2]], "float32"), False)
    yield "concurrent", lambda: run(mx, side_by_side(mx), numbers(IMAGES, 5))
    yield "chain", lambda: run(mx, chain(mx), numbers(IMAGES, 5))


def side_by_side(mx):
    block = mx.gluon.contrib.nn.HybridConcurrent(axis=1)
    block.add(mx.gluon.contrib.nn.Identity(), mx.gluon.nn.Conv2D(2, 3, padding=1))
    return block


def chain(mx, prefix=None):
    nn = mx.gluon.nn
    net = nn.HybridSequential(prefix=prefix)
    with net.name_scope():
        net.add(
            nn.Conv2D(4, 3, activation="relu"), nn.BatchNorm(), nn.MaxPool2D(), nn.Dropout(0.0), nn.Flatten(), nn.Dense(5, activation="sigmoid"), nn.Dense(3)
        )
    return net


def losses(mx):
    loss = mx.gluon.loss
    pred, label, signs = numbers((4, 3), 1), numbers((4, 3), 2), np.sign(numbers((4, 3), 3))
    shares = np.abs(label) / np.abs(label).sum(axis=1, keepdims=True)
    made = {
        "l2": (loss.L2Loss(), pred, label),
        "l2_weight": (loss.L2Loss(weight=3.0, batch_axis=1), pred, label),
        "l1": (loss.L1Loss(), pred, label),
        "sigmoid": (loss.SigmoidBinaryCrossEntropyLoss(), 3 * pred, shares),
        "sigmoid_from": (loss.SigmoidBCELoss(from_sigmoid=True), np.abs(pred), shares),
        "softmax": (loss.SoftmaxCrossEntropyLoss(), pred, np.array([0, 2, 1, 1], "float32")),
        "softmax_dense": (loss.SoftmaxCELoss(sparse_label=False, axis=1), pred, shares),
        "softmax_logits": (loss.SoftmaxCELoss(from_logits=True, weight=2.0), pred, np.array([0, 2, 1, 1], "float32")),
        "kl": (loss.KLDivLoss(), pred, shares),
        "kl_softmax": (loss.KLDivLoss(from_logits=False), pred, shares),
        "huber": (loss.HuberLoss(rho=0.4), pred, label),
        "hinge": (loss.HingeLoss(margin=0.5), pred, signs),
        "squared_hinge": (loss.SquaredHingeLoss(), pred, signs),
        "logistic": (loss.LogisticLoss(), 3 * pred, signs),
        "logistic_binary": (loss.LogisticLoss(label_format="binary"), 3 * pred, (signs + 1) / 2),
        "poisson": (loss.PoissonNLLLoss(), pred, 3 * np.abs(label)),
        "cosine": (loss.CosineEmbeddingLoss(margin=0.1), pred, label, np.array([1, -1, -1, 1], "float32")),
        "triplet": (loss.TripletLoss(margin=0.6), pred, label, numbers((4, 3), 4)),
        "sdml": (loss.SDMLLoss(), pred, label),
        "ctc": (loss.CTCLoss(), numbers((2, 6, 5), 1), np.array([[1, 2, -1], [0, 0, 3]], "float32")),
        "ctc_time_first": (loss.CTCLoss(layout="TNC", label_layout="TN"), numbers((6, 2, 5), 1), np.array([[1, 0], [2, 0], [-1, 3]], "float32")),
    }
    for name, (block, *inputs) in made.items():
        yield f"loss_{name}", lambda block=block, inputs=inputs: first_gradient(mx, block, inputs)
    weights = numbers((4, 1), 6)
    for name in ("l2", "l1", "sigmoid", "softmax", "kl", "huber", "hinge", "logistic"):
        block, *inputs = made[name]
        yield f"loss_{name}_weighted", lambda block=block, inputs=inputs: first_gradient(mx, block, [*inputs, weights])
    yield "loss_sigmoid_positive", lambda: first_gradient(mx, made["sigmoid"][0], [3 * pred, shares, weights, np.array([[1.0, 2.0, 3.0]], "float32")])
    # MXNet's multiplies in place, which it refuses while it records: no gradient.
    full = loss.PoissonNLLLoss(from_logits=False, compute_full=True)
    yield "loss_poisson_full", lambda: [full(mx.nd.array(np.abs(pred) + 0.1), mx.nd.array(3 * np.abs(label)))]
    lengths = [np.array([6, 4], "float32"), np.array([2, 3], "float32")]
    yield "loss_ctc_lengths", lambda: first_gradient(mx, made["ctc"][0], [made["ctc"][1], np.abs(made["ctc"][2]), *lengths])


def first_gradient(mx, block, inputs):
    arrays = [mx.nd.array(x) for x in inputs]
    arrays[0].attach_grad()
    with mx.autograd.record():
        loss = block(*arrays)
    loss.backward()
    return [loss, arrays[0].grad]


def recurrent(mx):
    rnn = mx.gluon.rnn
    made = {
        "rnn": lambda: rnn.RNN(4, 2, activation="tanh"),
        "lstm": lambda: rnn.LSTM(4, 2, bidirectional=True, layout="NTC"),
        "gru": lambda: rnn.GRU(3, 1, bidirectional=True, input_size=9),
    }
    for name, make in made.items():
        yield f"layer_{name}", lambda make=make: run(mx, make(), numbers(SOUNDS, 5))
    yield "layer_states", lambda: with_states(mx, rnn.LSTM(4, 2))
    cells = {
        "rnn": lambda: rnn.RNNCell(4, activation="relu"),
        "lstm": lambda: rnn.LSTMCell(4),
        "gru": lambda: rnn.GRUCell(4),
        "residual": lambda: rnn.ResidualCell(rnn.GRUCell(9)),
        "bidirectional": lambda: rnn.BidirectionalCell(rnn.LSTMCell(3), rnn.GRUCell(4)),
        "stack": lambda: stacked(mx),
        "projection": lambda: mx.gluon.contrib.rnn.LSTMPCell(5, 3),
        "masks": lambda: mx.gluon.contrib.rnn.VariationalDropoutCell(rnn.LSTMCell(4), 0.0, 0.0, 0.0),
    }
    for name, make in cells.items():
        yield f"cell_{name}", lambda make=make: unrolled(mx, make(), None)
        yield f"cell_{name}_lengths", lambda make=make: unrolled(mx, make(), np.array([6, 3], "float32"))

    contrib = mx.gluon.contrib.rnn
    images = {
        "conv_rnn": (lambda: contrib.Conv1DRNNCell((3, 7), 2, 3, 3, 1), (2, 4, 3, 7)),
        "conv_lstm": (lambda: contrib.Conv2DLSTMCell((3, 6, 5), 4, (3, 2), (3, 1), (1, 0), activation="relu"), (2, 3, 3, 6, 5)),
        "conv_gru": (lambda: contrib.Conv3DGRUCell((2, 4, 3, 5), 2, 3, 3, 1, i2h_dilate=1, h2h_dilate=2), (2, 2, 2, 4, 3, 5)),
    }
    for name, (make, shape) in images.items():
        yield f"cell_{name}", lambda make=make, shape=shape: unrolled(mx, make(), None, shape)


def stacked(mx):
    rnn = mx.gluon.rnn
    stack = rnn.HybridSequentialRNNCell()
    with stack.name_scope():
        stack.add(rnn.BidirectionalCell(rnn.LSTMCell(3), rnn.LSTMCell(3)))
        stack.add(rnn.DropoutCell(0.0))
        stack.add(rnn.GRUCell(4))
    return stack


def with_states(mx, layer):
    layer.initialize()
    x, states = mx.nd.array(numbers(SOUNDS, 5)), [mx.nd.array(numbers((2, 6, 4), seed)) for seed in (6, 7)]
    layer(x, states)
    fill(mx, layer)
    outputs, states = layer(x, states)
    return [outputs, *states]


def unrolled(mx, cell, lengths, shape=(2, 6, 9)):
    cell.initialize()
    # With lengths MXNet's bidirectional cell takes time first alone.
    length = shape[1]
    x = mx.nd.array(numbers(shape if lengths is None else (6, 2, 9), 5))
    more = {} if lengths is None else {"valid_length": mx.nd.array(lengths), "layout": "TNC"}
    cell.unroll(length, x, merge_outputs=True, **more)
    fill(mx, cell)
    x.attach_grad()
    with mx.autograd.record():
        outputs, states = cell.unroll(length, x, merge_outputs=True, **more)
        total = (outputs * mx.nd.array(numbers(outputs.shape, 99))).sum() + sum(state.sum() for state in states)
    total.backward()
    return [outputs, *states, x.grad] + [parameter.grad() for parameter in cell.collect_params().values()]


def training(mx):
    options = {
        "sgd": {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01},
        "adam": {"learning_rate": 0.02, "wd": 0.01},
        "rmsprop": {"learning_rate": 0.01},
    }
    for name, chosen in options.items():
        for hybrid in (False, True):
            yield f"train_{name}{'_hybrid' if hybrid else ''}", lambda name=name, chosen=chosen, hybrid=hybrid: trained(mx, name, chosen, hybrid)


def trained(mx, optimizer, options, hybrid):
    net = chain(mx)
    net.initialize()
    x, y = mx.nd.array(numbers(IMAGES, 5)), mx.nd.array([0, 2])
    net(x)
    fill(mx, net)
    if hybrid:
        net.hybridize()
    parameters = net.collect_params()
    next(iter(parameters.values())).lr_mult = 0.5
    list(parameters.values())[-1].wd_mult = 0.0
    trainer, loss = mx.gluon.Trainer(parameters, optimizer, dict(options)), mx.gluon.loss.SoftmaxCrossEntropyLoss()
    said = []
    for step in range(4):
        with mx.autograd.record():
            value = loss(net(x), y)
        value.backward()
        if step == 2:
            trainer.set_learning_rate(0.5 * options["learning_rate"])
        trainer.step(2)
        said.append(value.asnumpy().copy())
    return said + [parameter.data() for parameter in parameters.values()]


# Input of each net whose output is kept: the least that its pooling takes.
NETS = {
    "alexnet": 67,
    "vgg11_bn": 32,
    "resnet18_v1": 40,
    "resnet50_v1": 40,
    "resnet18_v2": 40,
    "resnet50_v2": 40,
    "squeezenet1.1": 224,
    "mobilenet0.25": 40,
    "mobilenetv2_0.25": 40,
    "densenet121": 221,
    "inceptionv3": 299,
}


def nets(mx):
    for name, size in NETS.items():
        yield f"net_{name}", lambda name=name, size=size: [predicted(mx, name, size)]


def predicted(mx, name, size):
    net = mx.gluon.model_zoo.vision.get_model(name, classes=7)
    net.initialize()
    x = mx.nd.array(numbers((1, 3, size, size), 5))
    net(x)
    fill(mx, net)
    net.hybridize()
    return net(x)


def plain(name):
    """A name without the number of the net that was made."""
    return re.sub(r"^([a-z]+(?:v[12]|3)?)\d+_", r"\1_", name)


def structure(mx, name):
    """A digest of a net's parameters: their order, names, places and shapes; and of its operators' names."""
    net = mx.gluon.model_zoo.vision.get_model(name)
    net.initialize()
    symbol = net(mx.sym.var("data"))
    size = 299 if name == "inceptionv3" else 224
    arguments, _, states = symbol.infer_shape(data=(1, 3, size, size))
    shapes = dict(zip(symbol.list_arguments() + symbol.list_auxiliary_states(), arguments + states))
    parameters = [(plain(full), list(shapes[full])) for full in net.collect_params()]
    places = [(place, plain(parameter.name)) for place, parameter in net._collect_params_with_prefix().items()]
    nodes = sorted((node["op"], plain(node["name"])) for node in json.loads(symbol.tojson())["nodes"])
    return hashlib.sha256(json.dumps([parameters, places, nodes]).encode()).hexdigest()


ALL = (layers, losses, recurrent, training, nets)
MODELS = (
    ["alexnet", "inceptionv3", "squeezenet1.0", "squeezenet1.1"]
    + ["densenet%d" % n for n in (121, 161, 169, 201)]
    + ["mobilenet%s%s" % (v, m) for v in ("", "v2_") for m in ("1.0", "0.75", "0.5", "0.25")]
    + ["resnet%d_v%d" % (n, v) for n in (18, 34, 50, 101, 152) for v in (1, 2)]
    + ["vgg%d%s" % (n, bn) for n in (11, 13, 16, 19) for bn in ("", "_bn")]
)


def values(run):
    return [value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value) for value in run()]


def files(mx, folder):
    """A net and a recurrent layer as files of every kind."""
    net = chain(mx, "net_")
    net.initialize()
    x = mx.nd.array(numbers(IMAGES, 5))
    net(x)
    fill(mx, net)
    net.save_parameters(str(folder / "places.params"))
    net.collect_params().save(str(folder / "names.params"))
    net.hybridize()
    net(x)
    net.export(str(folder / "exported"), epoch=3)
    layer = mx.gluon.rnn.LSTM(4, 2, bidirectional=True, input_size=9, prefix="lstm_")
    layer.initialize()
    fill(mx, layer)
    layer.save_parameters(str(folder / "lstm.params"))


def main(folder):
    import mxnet

    folder.mkdir(parents=True, exist_ok=True)
    found = {f"{name}/{i}": value for group in ALL for name, run in group(mxnet) for i, value in enumerate(values(run))}
    np.savez_compressed(folder / "mxnet.npz", **found)
    (folder / "models.json").write_text(json.dumps({name: structure(mxnet, name) for name in MODELS}, indent=1) + "\n")
    files(mxnet, folder)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
