"""Small nets of the families that the ONNX exporter must know: (symbol, input shapes by name, inputs that are indices)."""

import mixnet as mx

sym = mx.sym


def _unit(data, filters, kernel, name, stride=(1, 1), pad=(0, 0), groups=1, act="relu"):
    data = sym.Convolution(data, num_filter=filters, kernel=kernel, stride=stride, pad=pad, num_group=groups, no_bias=True, name=name + "_conv")
    data = sym.BatchNorm(data, fix_gamma=False, eps=2e-5, name=name + "_bn")
    return sym.Activation(data, act_type=act, name=name + "_act") if act else data


def lenet():
    data = sym.Variable("data")
    for i, filters in enumerate((6, 10)):
        data = sym.Activation(sym.Convolution(data, kernel=(5, 5), num_filter=filters, name=f"conv{i}"), act_type="tanh")
        data = sym.Pooling(data, pool_type="max", kernel=(2, 2), stride=(2, 2))
    data = sym.Activation(sym.FullyConnected(sym.Flatten(data), num_hidden=20, name="fc1"), act_type="tanh")
    return sym.SoftmaxOutput(sym.FullyConnected(data, num_hidden=10, name="fc2"), name="softmax"), {"data": (2, 1, 28, 28)}, ()


def resnet():
    data = sym.BatchNorm(sym.Variable("data"), fix_gamma=True, eps=2e-5, name="bn_data")
    data = _unit(data, 8, (7, 7), "stem", (2, 2), (3, 3))
    data = sym.Pooling(data, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="max")
    for i, stride in enumerate(((1, 1), (2, 2))):
        width = 8 * (i + 1)
        branch = _unit(data, width, (1, 1), f"u{i}a")
        branch = _unit(branch, width, (3, 3), f"u{i}b", stride, (1, 1))
        branch = _unit(branch, 4 * width, (1, 1), f"u{i}c", act=None)
        data = sym.relu(branch + _unit(data, 4 * width, (1, 1), f"u{i}s", stride, act=None))
    data = sym.Flatten(sym.Pooling(data, global_pool=True, pool_type="avg", kernel=(7, 7)))
    return sym.SoftmaxOutput(sym.FullyConnected(data, num_hidden=10, name="fc"), name="softmax"), {"data": (2, 3, 32, 32)}, ()


def googlenet():
    data = sym.Variable("data")
    data = sym.relu(sym.Convolution(data, kernel=(7, 7), stride=(2, 2), pad=(3, 3), num_filter=8, name="conv1"))
    data = sym.Pooling(data, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full")
    data = sym.LRN(data, nsize=5, alpha=1e-2, name="norm1")
    for i in range(2):
        parts = [sym.relu(sym.Convolution(data, kernel=(1, 1), num_filter=4, name=f"in{i}_1"))]
        for kernel in (3, 5):
            part = sym.relu(sym.Convolution(data, kernel=(1, 1), num_filter=3, name=f"in{i}_{kernel}r"))
            parts.append(sym.relu(sym.Convolution(part, kernel=(kernel,) * 2, pad=(kernel // 2,) * 2, num_filter=4, name=f"in{i}_{kernel}")))
        pool = sym.Pooling(data, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type="max")
        parts.append(sym.relu(sym.Convolution(pool, kernel=(1, 1), num_filter=4, name=f"in{i}_p")))
        data = sym.Concat(*parts, dim=1, num_args=4)
    data = sym.Pooling(data, kernel=(3, 3), stride=(2, 2), pool_type="avg", pooling_convention="full")
    data = sym.Dropout(sym.Flatten(data), p=0.4)
    return sym.SoftmaxOutput(sym.FullyConnected(data, num_hidden=10, name="fc"), name="softmax"), {"data": (2, 3, 33, 33)}, ()


def mobilenet():
    data = _unit(sym.Variable("data"), 8, (3, 3), "stem", (2, 2), (1, 1))
    for i, (filters, stride) in enumerate(((8, (1, 1)), (16, (2, 2)))):
        groups = 8
        data = _unit(data, groups, (3, 3), f"dw{i}", stride, (1, 1), groups)
        data = sym.clip(_unit(data, filters if i == 1 else groups, (1, 1), f"pw{i}", act=None), a_min=0, a_max=6)
    data = sym.Convolution(sym.Pooling(data, global_pool=True, pool_type="avg"), kernel=(1, 1), num_filter=5, name="last")
    return sym.softmax(sym.Reshape(data, shape=(0, -1))), {"data": (2, 3, 24, 24)}, ()


def lstm_fused():
    embedded = sym.Embedding(sym.Variable("data"), input_dim=12, output_dim=6, name="embed")
    cell = mx.rnn.FusedRNNCell(5, num_layers=2, mode="lstm", bidirectional=True, prefix="lstm_", get_next_state=True)
    output, states = cell.unroll(7, inputs=embedded, layout="NTC", merge_outputs=True)
    logits = sym.FullyConnected(sym.Reshape(output, shape=(-1, 10)), num_hidden=12, name="decoder")
    return sym.Group([sym.softmax(logits), *states]), {"data": (3, 7)}, ("data",)


def lstm_cells():
    stack = mx.rnn.SequentialRNNCell()
    stack.add(mx.rnn.LSTMCell(5, prefix="l0_"))
    stack.add(mx.rnn.GRUCell(4, prefix="l1_"))
    embedded = sym.Embedding(sym.Variable("data"), input_dim=12, output_dim=6, name="embed")
    output, _ = stack.unroll(4, inputs=embedded, layout="NTC", merge_outputs=True)
    logits = sym.FullyConnected(sym.Reshape(output, shape=(-1, 4)), num_hidden=12, name="decoder")
    return sym.SoftmaxOutput(logits, name="softmax"), {"data": (3, 4)}, ("data",)


def transformer():
    heads, width = 2, 8
    data = sym.Embedding(sym.Variable("data"), input_dim=12, output_dim=width, name="embed")
    data = sym.broadcast_add(data, sym.Variable("position", shape=(1, 6, width)))

    def project(value, name):
        value = sym.FullyConnected(value, num_hidden=width, flatten=False, name=name)
        return sym.transpose(sym.Reshape(value, shape=(0, 0, -4, heads, -1)), axes=(0, 2, 1, 3))

    query, key, value = (sym.Reshape(project(data, name), shape=(-3, 0, 0)) for name in "qkv")
    scores = sym.softmax(sym.batch_dot(query, key, transpose_b=True) / 2.0)
    mixed = sym.Reshape(sym.batch_dot(scores, value), shape=(-4, -1, heads, 0, 0))
    mixed = sym.Reshape(sym.transpose(mixed, axes=(0, 2, 1, 3)), shape=(0, 0, -3))
    data = sym.LayerNorm(data + sym.FullyConnected(mixed, num_hidden=width, flatten=False, name="out"), name="ln1")
    hidden = sym.LeakyReLU(sym.FullyConnected(data, num_hidden=16, flatten=False, name="up"), act_type="gelu")
    data = sym.LayerNorm(data + sym.FullyConnected(hidden, num_hidden=width, flatten=False, name="down"), name="ln2")
    return data, {"data": (3, 6)}, ("data",)


def decoder():
    """A causal block over the fused attention."""
    data = sym.Embedding(sym.Variable("data"), input_dim=12, output_dim=8, name="embed")

    def project(name):
        value = sym.FullyConnected(data, num_hidden=8, flatten=False, no_bias=True, name=name)
        return sym.transpose(sym.Reshape(value, shape=(0, 0, -4, 2, -1)), axes=(0, 2, 1, 3))

    mixed = sym._contrib_sdp_attention(project("q"), project("k"), project("v"), causal=True)
    mixed = sym.Reshape(sym.transpose(mixed, axes=(0, 2, 1, 3)), shape=(0, 0, -3))
    return sym.log_softmax(sym.FullyConnected(data + mixed, num_hidden=12, flatten=False, name="head")), {"data": (3, 6)}, ("data",)


def ssd_head():
    data, classes, places, kept = _unit(sym.Variable("data"), 8, (3, 3), "stem", (2, 2), (1, 1)), [], [], []
    for i in range(2):
        data = _unit(data, 8, (3, 3), f"scale{i}", (2, 2), (1, 1))
        for kind, filters, parts in (("cls", 9, classes), ("loc", 12, places)):
            head = sym.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=f"{kind}{i}")
            parts.append(sym.Flatten(sym.transpose(head, axes=(0, 2, 3, 1))))
        kept.append(sym.L2Normalization(data, mode="channel"))
    scores = sym.Reshape(sym.Concat(*classes, dim=1, num_args=2), shape=(0, -1, 3))
    scores = sym.SoftmaxActivation(sym.transpose(scores, axes=(0, 2, 1)), mode="channel")
    return sym.Group([scores, sym.Concat(*places, dim=1, num_args=2), kept[0]]), {"data": (2, 3, 32, 32)}, ()


def unet():
    data, skips = sym.Variable("data"), []
    for i in range(2):
        data = sym.LeakyReLU(sym.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=4 * (i + 1), name=f"down{i}"), act_type="prelu", name=f"p{i}")
        skips.append(data)
        data = sym.Pooling(data, kernel=(2, 2), stride=(2, 2), pool_type="max")
    for i, skip in enumerate(skips[::-1]):
        data = sym.Deconvolution(data, kernel=(2, 2), stride=(2, 2), num_filter=4, name=f"up{i}")
        data = sym.InstanceNorm(sym.Concat(data, skip, dim=1, num_args=2), name=f"in{i}")
    return sym.SoftmaxOutput(sym.Convolution(data, kernel=(1, 1), num_filter=3, name="last"), multi_output=True, name="softmax"), {"data": (2, 3, 16, 16)}, ()


NETS = [lenet, resnet, googlenet, mobilenet, lstm_fused, lstm_cells, transformer, decoder, ssd_head, unet]
