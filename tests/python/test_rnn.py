"""The RNN operator and mx.rnn: fused and single cells agree, weights move between them, buckets train, mistakes are named."""

import random

import mixnet as mx
import numpy as np
import pytest

STEPS, BATCH, INPUT, HIDDEN = 4, 3, 5, 6
MODES = ["rnn_relu", "rnn_tanh", "lstm", "gru"]


def fused_size(mode, layers, both, inputs=INPUT, hidden=HIDDEN):
    gates = {"lstm": 4, "gru": 3}.get(mode, 1)
    return sum(both * gates * hidden * ((inputs if layer == 0 else both * hidden) + hidden + 2) for layer in range(layers))


def run(outputs, arrays, head):
    """(output, gradients by name) of a merged sequence."""
    grads = {name: mx.nd.zeros(value.shape) for name, value in arrays.items()}
    executor = outputs.bind(mx.cpu(), arrays, grads)
    result = executor.forward(is_train=True)[0].asnumpy()
    executor.backward(mx.nd.array(head))
    return result, grads


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_fused_and_single_cells_agree(mode, bidirectional, layers):
    rng = np.random.RandomState(layers)
    cell = mx.rnn.FusedRNNCell(HIDDEN, layers, mode, bidirectional, prefix="net_")
    data = rng.randn(BATCH, STEPS, INPUT)
    head = rng.randn(BATCH, STEPS, HIDDEN * (2 if bidirectional else 1))
    packed = {"net_parameters": mx.nd.array(rng.uniform(-0.5, 0.5, fused_size(mode, layers, 2 if bidirectional else 1)))}
    fused, _ = cell.unroll(STEPS, mx.sym.Variable("data"), merge_outputs=True)
    stack = cell.unfuse()
    single, _ = stack.unroll(STEPS, mx.sym.Variable("data"), merge_outputs=True)
    weights = stack.pack_weights(cell.unpack_weights(packed))
    assert sorted(weights) == sorted(set(single.list_arguments()) - {"data"})
    y, dy = run(fused, {"data": mx.nd.array(data), **packed}, head)
    z, dz = run(single, {"data": mx.nd.array(data), **weights}, head)
    np.testing.assert_allclose(y, z, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dy["data"].asnumpy(), dz["data"].asnumpy(), rtol=1e-4, atol=1e-5)
    dz.pop("data")
    together = cell.pack_weights(stack.unpack_weights(dz))["net_parameters"]
    np.testing.assert_allclose(dy["net_parameters"].asnumpy(), together.asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_shapes_are_inferred_both_ways(mode):
    net = mx.sym.RNN(mx.sym.Variable("data"), state_size=HIDDEN, num_layers=2, mode=mode, bidirectional=True, state_outputs=True, name="r")
    states = ["r_state", "r_state_cell"] if mode == "lstm" else ["r_state"]
    assert net.list_arguments() == ["data", "r_parameters", *states]
    assert net.list_outputs() == ["r_output", "r_state_output", "r_statecell_output"][: 1 + len(states)]
    arguments, outputs, _ = net.infer_shape(data=(STEPS, BATCH, INPUT))
    assert arguments[1:] == [(fused_size(mode, 2, 2),)] + [(4, BATCH, HIDDEN)] * len(states)
    assert outputs == [(STEPS, BATCH, 2 * HIDDEN)] + [(4, BATCH, HIDDEN)] * len(states)
    arguments, _, _ = net.infer_shape(data=(STEPS, 0, 0), r_parameters=arguments[1], r_state=arguments[2])
    assert arguments[0] == (STEPS, BATCH, INPUT)


def test_states_carry_a_sequence_over():
    """Two halves, the second from the first's last states, are the whole."""
    rng = np.random.RandomState(3)
    options = {"state_size": HIDDEN, "num_layers": 2, "mode": "lstm", "state_outputs": True}
    x, w = mx.nd.array(rng.randn(STEPS, BATCH, INPUT)), mx.nd.array(rng.uniform(-0.5, 0.5, fused_size("lstm", 2, 1)))
    zero = mx.nd.zeros((2, BATCH, HIDDEN))
    whole = mx.nd.RNN(x, w, zero, zero, **options)
    first = mx.nd.RNN(x[:2], w, zero, zero, **options)
    second = mx.nd.RNN(x[2:], w, first[1], first[2], **options)
    np.testing.assert_allclose(whole[0].asnumpy()[2:], second[0].asnumpy(), rtol=1e-5, atol=1e-6)
    for a, b in zip(whole[1:], second[1:]):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-5, atol=1e-6)


def test_dropout_between_layers_repeats_with_the_seed_and_rests_in_prediction():
    cell = mx.rnn.FusedRNNCell(HIDDEN, 2, "gru", dropout=0.5, prefix="net_")
    net, _ = cell.unroll(STEPS, mx.sym.Variable("data"), layout="TNC", merge_outputs=True)
    rng = np.random.RandomState(4)
    arrays = {"data": mx.nd.array(rng.randn(STEPS, BATCH, INPUT)), "net_parameters": mx.nd.array(rng.uniform(-1, 1, fused_size("gru", 2, 1)))}
    executor = net.bind(mx.cpu(), arrays, {name: mx.nd.zeros(value.shape) for name, value in arrays.items()})

    def forward(seed, training=True):
        mx.random.seed(seed)
        return executor.forward(is_train=training)[0].asnumpy()

    assert (forward(1) == forward(1)).all() and (forward(1) != forward(2)).any()
    plain, _ = mx.rnn.FusedRNNCell(HIDDEN, 2, "gru", prefix="net_").unroll(STEPS, mx.sym.Variable("data"), layout="TNC", merge_outputs=True)
    expected = plain.bind(mx.cpu(), arrays, grad_req="null").forward()[0].asnumpy()
    np.testing.assert_allclose(forward(1, training=False), expected, rtol=1e-6)


def test_residual_zoneout_and_dropout_cells():
    data = np.random.RandomState(5).randn(BATCH, STEPS, HIDDEN).astype("float32")

    def value(cell, training=False):
        net, _ = cell.unroll(STEPS, mx.sym.Variable("data"), merge_outputs=True)
        shapes = dict(zip(net.list_arguments(), net.infer_shape(data=data.shape)[0]))
        arrays = {name: mx.nd.array(np.random.RandomState(len(name)).uniform(-1, 1, shape)) for name, shape in shapes.items()}
        arrays["data"] = mx.nd.array(data)
        return net.bind(mx.cpu(), arrays, grad_req="null").forward(is_train=training)[0].asnumpy()

    plain = value(mx.rnn.RNNCell(HIDDEN))
    np.testing.assert_allclose(value(mx.rnn.ResidualCell(mx.rnn.RNNCell(HIDDEN))), plain + data, rtol=1e-5, atol=1e-6)
    # Without training nothing is zoned out; with all of it, the outputs stay at the zeros of the beginning.
    np.testing.assert_allclose(value(mx.rnn.ZoneoutCell(mx.rnn.RNNCell(HIDDEN), 0.5, 0.5)), plain, rtol=1e-5, atol=1e-6)
    assert (value(mx.rnn.ZoneoutCell(mx.rnn.RNNCell(HIDDEN), 1.0, 0.0), training=True) == 0).all()
    dropped = value(mx.rnn.DropoutCell(0.5), training=True)
    np.testing.assert_allclose(dropped[dropped != 0], 2 * data[dropped != 0], rtol=1e-6)
    assert 0.2 < (dropped == 0).mean() < 0.8


def test_initial_values_of_packed_parameters():
    cell = mx.rnn.FusedRNNCell(HIDDEN, 2, "lstm", prefix="net_", forget_bias=2.0)
    net, _ = cell.unroll(STEPS, mx.sym.Variable("data"), merge_outputs=True)
    module = mx.mod.Module(net, data_names=["data"], label_names=None)
    module.bind([("data", (BATCH, STEPS, INPUT))])
    module.init_params(mx.init.Xavier())
    parts = cell.unpack_weights(module.get_params()[0])
    assert (parts["net_l1_i2h_f_bias"].asnumpy() == 2).all() and (parts["net_l1_i2h_i_bias"].asnumpy() == 0).all()
    weight = parts["net_l0_i2h_c_weight"].asnumpy()
    bound = np.sqrt(3 / ((INPUT + HIDDEN) / 2))
    assert weight.shape == (HIDDEN, INPUT) and 0.5 * bound < np.abs(weight).max() <= bound
    again = mx.init.create(mx.init.FusedRNN(mx.init.One(), HIDDEN, 1, "gru").dumps())
    values = mx.nd.zeros((fused_size("gru", 1, 1),))
    again("net_parameters", values)
    assert (values.asnumpy() == 1).all()


def test_checkpoints_pass_from_fused_to_single_cells(tmp_path):
    cell = mx.rnn.FusedRNNCell(HIDDEN, 2, "lstm", prefix="net_")
    net, _ = cell.unroll(STEPS, mx.sym.Variable("data"), merge_outputs=True)
    values = {"net_parameters": mx.nd.array(np.arange(fused_size("lstm", 2, 1)))}
    prefix = str(tmp_path / "lstm")
    mx.rnn.do_rnn_checkpoint(cell, prefix, 2)(1, net, values, {})
    assert "net_l1_h2h_o_weight" in mx.model.load_checkpoint(prefix, 2)[1]
    back = mx.rnn.load_rnn_checkpoint([cell], prefix, 2)[1]
    assert (back["net_parameters"].asnumpy() == values["net_parameters"].asnumpy()).all()
    single = mx.rnn.load_rnn_checkpoint(cell.unfuse(), prefix, 2)[1]
    assert single["net_l0_h2h_weight"].shape == (4 * HIDDEN, HIDDEN)


def test_sentences_become_numbers_and_buckets():
    encoded, vocab = mx.rnn.encode_sentences([["a", "b"], ["c", "a"]], invalid_label=0, start_label=0)
    assert encoded == [[1, 2], [3, 1]] and vocab == {"\n": 0, "a": 1, "b": 2, "c": 3}
    assert mx.rnn.encode_sentences([["a", "z"]], vocab={"a": 1, "?": 7}, unknown_token="?")[0] == [[1, 7]]
    with pytest.raises(ValueError, match="got 'z'"):
        mx.rnn.encode_sentences([["z"]], vocab={"a": 1})
    sentences = [[1, 2, 3], [1, 2], [3, 4], [5, 6, 7], [1] * 9]
    batches = mx.rnn.BucketSentenceIter(sentences, 2, buckets=[2, 3, 5], invalid_label=0)
    assert batches.buckets == [2, 3] and batches.default_bucket_key == 3  # nothing fills the third
    seen = {batch.bucket_key: (batch.data[0].asnumpy(), batch.label[0].asnumpy()) for batch in batches}
    assert sorted(seen[3][0].tolist()) == [[1, 2, 3], [5, 6, 7]] and sorted(seen[2][0].tolist()) == [[1, 2], [3, 4]]
    for data, label in seen.values():
        assert (label[:, :-1] == data[:, 1:]).all() and (label[:, -1] == 0).all()
    major = mx.rnn.BucketSentenceIter([[1, 2, 3]] * 4, 4, layout="TN")
    assert next(major).data[0].shape == (3, 4)


def test_a_language_model_trains_in_buckets():
    """Every word follows from the one before: a small net learns it nearly perfectly."""
    words, batch = 8, 16
    random.seed(0)
    np.random.seed(0)
    mx.random.seed(0)
    sentences = [[1 + (start + i * step) % (words - 1) for i in range(length)] for length in (5, 7) for start in range(7) for step in (1,)] * 16
    train = mx.rnn.BucketSentenceIter(sentences, batch, buckets=[5, 7], invalid_label=0)
    stack = mx.rnn.FusedRNNCell(16, 1, "lstm", prefix="lstm_")

    def sym_gen(length):
        embedded = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=words, output_dim=8, name="embed")
        outputs, _ = stack.unroll(length, embedded, layout="NTC", merge_outputs=True)
        scores = mx.sym.FullyConnected(mx.sym.reshape(outputs, shape=(-1, 16)), num_hidden=words, name="score")
        label = mx.sym.reshape(mx.sym.Variable("softmax_label"), shape=(-1,))
        return mx.sym.SoftmaxOutput(scores, label, use_ignore=True, ignore_label=0, name="softmax"), ("data",), ("softmax_label",)

    module = mx.mod.BucketingModule(sym_gen, default_bucket_key=train.default_bucket_key, context=mx.cpu())
    metric = mx.metric.Perplexity(ignore_label=0)
    module.fit(train, eval_metric=metric, optimizer="adam", optimizer_params={"learning_rate": 0.02}, initializer=mx.init.Xavier(), num_epoch=8)
    assert module.score(train, mx.metric.Perplexity(ignore_label=0))[0][1] < 1.2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"projection_size": 2}, "projection_size"),
        ({"use_sequence_length": True}, "use_sequence_length"),
        ({"lstm_state_clip_min": -1, "lstm_state_clip_max": 1}, "lstm_state_clip_min"),
        ({"mode": "elman"}, "mode"),
        ({"state_size": 0}, "state_size"),
        ({"p": 1.5}, "p:"),
        ({"num_layers": 65536, "state_size": 1 << 24}, "overflow|extent|expected"),
    ],
)
def test_parameters_that_are_refused(options, message):
    options = {"mode": "lstm", "state_size": 4, "num_layers": 1, **options}
    with pytest.raises(mx.MXNetError, match=message):
        mx.sym.RNN(mx.sym.Variable("data"), name="r", **options).infer_shape(data=(2, 3, 4))


def test_inputs_that_are_refused():
    net = mx.sym.RNN(mx.sym.Variable("data"), state_size=4, num_layers=1, mode="gru", name="r")
    with pytest.raises(mx.MXNetError, match=r"\[RNN r\] state: expected \(1, 2, 4\), got \(1, 3, 4\)"):
        net.infer_shape(data=(5, 2, 3), r_state=(1, 3, 4))
    with pytest.raises(mx.MXNetError, match=r"\[RNN r\] parameters: expected \(108,\), got \(107,\)"):
        net.infer_shape(data=(5, 2, 3), r_parameters=(107,))
    with pytest.raises(mx.MXNetError, match="no input size"):
        net.infer_shape(data=(5, 2, 0), r_parameters=(107,))
    with pytest.raises(mx.MXNetError, match="3 dimensions"):
        net.infer_shape(data=(5, 2))
    with pytest.raises(ValueError, match="mode: expected one of"):
        mx.rnn.FusedRNNCell(4, mode="cnn")
    with pytest.raises(ValueError, match="layout"):
        mx.rnn.RNNCell(4).unroll(2, mx.sym.Variable("data"), layout="NCT")
    with pytest.raises(ValueError, match="expected 2 symbols, got 1"):
        mx.rnn.RNNCell(4).unroll(2, [mx.sym.Variable("data")])
    with pytest.raises(ValueError, match="unfuse"):
        mx.rnn.ZoneoutCell(mx.rnn.FusedRNNCell(4))
    with pytest.raises(NotImplementedError, match="unroll"):
        mx.rnn.FusedRNNCell(4)(mx.sym.Variable("data"), [])
    with pytest.raises(ValueError, match="got 7 values"):
        mx.rnn.FusedRNNCell(4).unpack_weights({"lstm_parameters": mx.nd.zeros((7,))})
    with pytest.raises(ValueError, match="buckets"):
        mx.rnn.BucketSentenceIter([[1, 2]], 4)
