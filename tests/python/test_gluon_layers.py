"""mx.gluon: what layers, cells, nets and helpers say and take; what they compute is compared in test_gluon_golden.py."""

import numpy as np
import pytest

import mixnet as mx
from mixnet import autograd, gluon
from mixnet.base import MXNetError
from mixnet.gluon import nn, rnn

TWO = [mx.cpu(0), mx.cpu(1)]


def x_of(*shape):
    return mx.nd.array(np.random.RandomState(3).uniform(-1, 1, shape))


def test_utils(tmp_path):
    parts = gluon.utils.split_data(mx.nd.arange(7), 3, even_split=False)
    assert [p.shape for p in parts] == [(2,), (2,), (3,)]
    with pytest.raises(ValueError, match=r"expected a multiple of 3 along axis 0, got 7; even_split=False"):
        gluon.utils.split_data(mx.nd.arange(7), 3)
    assert [p.context for p in gluon.utils.split_and_load(np.ones((4, 2)), TWO)] == TWO
    arrays = [mx.nd.ones((4,)) * 3, mx.nd.ones((9,)) * 4]
    norm = float(np.sqrt(4 * 9 + 9 * 16))
    assert abs(gluon.utils.clip_global_norm(arrays, 1.0) - norm) < 1e-4
    assert abs(sum((a.asnumpy() ** 2).sum() for a in arrays) - 1) < 1e-4
    scattered = [a.copyto(c) * 5 for a, c in zip(arrays, TWO)]
    assert abs(gluon.utils.clip_global_norm(scattered, 1.0, check_isfinite=False).asscalar() - 5) < 1e-4
    arrays[0][:] = np.inf
    with pytest.warns(UserWarning, match="not finite"):
        assert gluon.utils.clip_global_norm(arrays, 1.0) == np.inf
    (tmp_path / "file").write_bytes(b"abc")
    assert gluon.utils.check_sha1(tmp_path / "file", "a9993e364706816aba3e25717850c26c9cd0d89d") and not gluon.utils.check_sha1(tmp_path / "file", "0")


def test_nets_of_the_zoo_read_weights_from_a_folder(tmp_path):
    with pytest.raises(MXNetError, match=r"\[model_zoo\] squeezenet1.1: expected a file squeezenet1.1.params or squeezenet1.1-\?{8}.params in"):
        gluon.model_zoo.vision.squeezenet1_1(pretrained=True, root=str(tmp_path))
    net = gluon.model_zoo.vision.squeezenet1_1(classes=3)
    net.initialize()
    x = x_of(1, 3, 224, 224)
    expected = net(x).asnumpy()
    net.save_parameters(str(tmp_path / "squeezenet1.1-33ba0f93.params"))
    again = gluon.model_zoo.get_model("squeezenet1.1", pretrained=True, classes=3, root=str(tmp_path))
    np.testing.assert_array_equal(again(x).asnumpy(), expected)
    for call, line in (
        (lambda: gluon.model_zoo.get_model("resnet19_v1"), r"\[get_model\] name: expected one of alexnet, "),
        (lambda: gluon.model_zoo.vision.get_resnet(3, 18), "version: expected 1 or 2, got 3"),
        (lambda: gluon.model_zoo.vision.get_resnet(1, 19), "num_layers: expected one of 18, 34, 50, 101, 152, got 19"),
        (lambda: gluon.model_zoo.vision.get_vgg(12), "num_layers: expected one of 11, 13, 16, 19, got 12"),
        (lambda: gluon.model_zoo.vision.SqueezeNet("2"), "version: expected '1.0' or '1.1', got '2'"),
    ):
        with pytest.raises(ValueError, match=line):
            call()


def test_names_of_modules():
    from mixnet.gluon import block, parameter
    from mixnet.gluon.block import HybridBlock, SymbolBlock
    from mixnet.gluon.nn.basic_layers import HybridSequential
    from mixnet.gluon.nn.conv_layers import Conv2D
    from mixnet.gluon.parameter import Parameter, ParameterDict
    from mixnet.gluon.rnn.rnn_cell import HybridRecurrentCell
    from mixnet.gluon.rnn.rnn_layer import LSTM

    assert (HybridBlock, SymbolBlock, Parameter, ParameterDict) == (gluon.HybridBlock, gluon.SymbolBlock, gluon.Parameter, gluon.ParameterDict)
    assert (HybridSequential, Conv2D, HybridRecurrentCell, LSTM) == (nn.HybridSequential, nn.Conv2D, rnn.HybridRecurrentCell, rnn.LSTM)
    for module in (block, parameter):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = module.nothing


def test_layers_say_what_they_expect():
    for call, line in (
        (lambda: nn.Conv2D(3, (3, 3, 3)), r"\[Conv2D\] kernel_size: expected a number or 2 of them, got \(3, 3, 3\)"),
        (lambda: nn.Conv1D(3, 3, layout="NCHW"), r"\[Conv1D\] layout: expected NCW, or its letters in another order, got 'NCHW'"),
        (lambda: nn.MaxPool2D(layout="NCW"), r"\[MaxPool2D\] layout: expected NCHW"),
        (lambda: nn.LeakyReLU(-1), r"\[LeakyReLU\] alpha: expected at least 0, got -1"),
        (lambda: nn.Lambda("nothing"), r"\[Lambda\] function: expected a function, or the name of one in mx.nd and mx.sym, got 'nothing'"),
        (lambda: nn.ReflectionPad2D((1, 2)), r"\[ReflectionPad2D\] padding: expected a number or 8 of them"),
        (lambda: rnn.RNN(3, activation="x"), r"\[RNN\] activation: expected 'relu' or 'tanh', got 'x'"),
        (lambda: rnn.GRU(3, layout="CNT"), r"\[GRU\] layout: expected 'TNC' or 'NTC', got 'CNT'"),
        (lambda: gluon.loss.CTCLoss(layout="x"), r"\[CTCLoss\] layout: expected 'NTC' or 'TNC'"),
        (lambda: gluon.loss.LogisticLoss(label_format="x"), r"\[LogisticLoss\] label_format: expected 'signed' or 'binary'"),
    ):
        with pytest.raises(ValueError, match=line):
            call()
    with pytest.raises(MXNetError, match="projection_size: expected None, since it is not supported, got 3"):
        rnn.LSTM(3, projection_size=3)
    with pytest.raises(AttributeError, match=r"\[mx.gluon\] nothing: there is no such name"):
        _ = gluon.nothing


def test_layers_in_words():
    assert repr(nn.Conv2D(4, 3, padding=1, groups=2, in_channels=6, use_bias=False)) == (
        "Conv2D(6 -> 4, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=2, bias=False)"
    )
    assert repr(nn.Conv2DTranspose(4, 3, output_padding=0, in_channels=6)) == "Conv2DTranspose(6 -> 4, kernel_size=(3, 3), stride=(1, 1))"
    assert repr(nn.Dense(3)) == "Dense(None -> 3, linear)" and repr(nn.Dropout(0.2)) == "Dropout(p = 0.2, axes=())"
    assert repr(rnn.LSTM(4, 2, dropout=0.5, bidirectional=True)) == "LSTM(None -> 4, TNC, num_layers=2, dropout=0.5, bidirectional)"
    assert repr(rnn.BidirectionalCell(rnn.GRUCell(2), rnn.GRUCell(2))) == "BidirectionalCell(forward=GRUCell(None -> 6), backward=GRUCell(None -> 6))"
    assert repr(nn.Lambda("relu")) == "Lambda(relu)" and "max" not in repr(nn.GlobalAvgPool2D())


def test_sequential_blocks_pass_several_values_on():
    net = nn.Sequential()
    net.add(nn.Lambda(lambda x: (x, x * 2)), nn.Lambda(lambda a, b: a + b))
    assert net(mx.nd.ones((1,))).asscalar() == 3
    both = gluon.contrib.nn.Concurrent(axis=0)
    both.add(nn.Lambda("relu"), nn.Lambda("sigmoid"))
    assert both(mx.nd.ones((2,))).shape == (4,)
    sparse = gluon.contrib.nn.SparseEmbedding(5, 2)
    sparse.initialize()
    assert sparse(mx.nd.array([1, 2])).shape == (2, 2) and repr(sparse) == "SparseEmbedding(5 -> 2)" and len(sparse.collect_params()) == 1
    sync = gluon.contrib.nn.SyncBatchNorm(in_channels=3)
    sync.initialize()
    assert sync(x_of(2, 3)).shape == (2, 3)


def test_dropout_and_zoneout_draw_in_training_alone():
    x = mx.nd.ones((20, 30))
    for hybrid in (False, True):
        drop = nn.Dropout(0.5)
        drop.initialize()
        drop.hybridize(hybrid)
        assert (drop(x).asnumpy() == 1).all()
        with autograd.record():
            y = drop(x).asnumpy()
        assert 0.3 < (y == 0).mean() < 0.7 and (y[y != 0] == 2).all()
    cell = rnn.ZoneoutCell(rnn.RNNCell(30), 0.5, 0.5)
    cell.initialize()
    outputs, states = cell.unroll(3, mx.nd.ones((20, 3, 8)))
    np.testing.assert_allclose(states[0].asnumpy(), outputs.asnumpy()[:, -1], rtol=1e-6)
    for hybrid in (False, True):
        cell.hybridize(hybrid)
        with autograd.train_mode():
            outputs, _ = cell.unroll(3, mx.nd.ones((20, 3, 8)))
        first, second = outputs.asnumpy()[:, 0], outputs.asnumpy()[:, 1]
        assert 0.3 < (first == 0).mean() < 0.7
        assert 0.3 < (second == first).mean() < 0.7


def test_cells_one_step_at_a_time():
    stack = rnn.SequentialRNNCell()
    stack.add(rnn.LSTMCell(4))
    stack.add(rnn.DropoutCell(0.3))
    stack.add(rnn.GRUCell(3))
    stack.initialize()
    states = stack.begin_state(batch_size=2)
    assert [s.shape for s in states] == [(2, 4), (2, 4), (2, 3)] and len(stack) == 3 and isinstance(stack[2], rnn.GRUCell)
    x = x_of(2, 3, 5)
    whole, last = stack.unroll(3, x, merge_outputs=True)
    for t in range(3):
        output, states = stack(x[:, t], states)
    np.testing.assert_allclose(output.asnumpy(), whole.asnumpy()[:, -1], rtol=1e-5, atol=1e-6)
    symbols, _ = rnn.LSTMCell(4, prefix="lstm_").unroll(2, [mx.sym.var("a"), mx.sym.var("b")])
    assert [s.name.startswith("lstm_") for s in symbols] == [True, True]
    assert mx.sym.Group(symbols).infer_shape(a=(7, 5), b=(7, 5))[1] == [(7, 4), (7, 4)]
    both = rnn.BidirectionalCell(rnn.LSTMCell(3), rnn.LSTMCell(3))
    for call, kind, line in (
        (lambda: both(x[:, 0], []), NotImplementedError, "it has no single steps"),
        (lambda: rnn.ResidualCell(rnn.GRUCell(3)).base_cell.begin_state(2), MXNetError, "expected the cell that modifies this one to be asked"),
        (lambda: rnn.GRUCell(3).unroll(4, x), MXNetError, r"inputs: expected length 4, got 3 in \(2, 3, 5\)"),
        (lambda: rnn.GRUCell(3).unroll(3, x, layout="CTN"), MXNetError, "layout: expected 'NTC' or 'TNC', got 'CTN'"),
    ):
        with pytest.raises(kind, match=line):
            call()


def test_states_of_recurrent_layers():
    layer = rnn.GRU(4, 2, input_size=5)
    layer.initialize()
    states = layer.begin_state(3, ctx=mx.cpu())
    assert [s.shape for s in states] == [(2, 3, 4)]
    outputs, after = layer(x_of(6, 3, 5), states)
    np.testing.assert_allclose(after[0].asnumpy()[1], outputs.asnumpy()[-1], rtol=1e-6)
    outputs, after = layer(x_of(6, 3, 5), states[0])
    with pytest.raises(MXNetError, match=r"states: expected shape \(2, 3, 4\), got \(2, 2, 4\)"):
        layer(x_of(6, 3, 5), layer.begin_state(2))


def test_cells_of_contrib():
    cells = gluon.contrib.rnn
    cell = cells.Conv2DGRUCell((3, 6, 5), 4, 3, 3, 1, prefix="conv_")
    outputs, _ = cell.unroll(2, [mx.sym.var("a"), mx.sym.var("b")])
    assert mx.sym.Group(outputs).infer_shape(a=(7, 3, 6, 5), b=(7, 3, 6, 5))[1] == [(7, 4, 6, 5)] * 2
    assert [s.shape for s in cell.begin_state(7)] == [(7, 4, 6, 5)] and repr(cell) == "Conv2DGRUCell(3 -> 12, NCHW, kernel=(3, 3))"
    for call, line in (
        (lambda: cells.Conv2DLSTMCell((3, 6, 5), 4, 3, 2), r"\[Conv2DLSTMCell\] h2h_kernel: expected odd numbers, which keep the size of states, got 2"),
        (lambda: cells.Conv1DLSTMCell((3, 6, 5), 4, 3, 3), r"\[Conv1DLSTMCell\] input_shape: expected channels and 1 extents, got \(3, 6, 5\)"),
        (lambda: cells.Conv3DRNNCell((3, 6, 5, 4), 4, 3, 3, conv_layout="NDHWC"), "conv_layout: expected NCDHW, got 'NDHWC'"),
    ):
        with pytest.raises(MXNetError, match=line):
            call()
    masked = cells.VariationalDropoutCell(rnn.RNNCell(30), drop_inputs=0.3, drop_states=0.3, drop_outputs=0.5)
    masked.initialize()
    plain, _ = masked.unroll(3, mx.nd.ones((20, 3, 8)))
    assert (plain.asnumpy() != 0).all()
    for hybrid in (False, True):
        masked.hybridize(hybrid)
        with autograd.train_mode():
            outputs, _ = masked.unroll(3, mx.nd.ones((20, 3, 8)))
            again, _ = masked.unroll(3, mx.nd.ones((20, 3, 8)))
        dropped = outputs.asnumpy() == 0
        assert 0.3 < dropped.mean() < 0.7 and (dropped == dropped[:, :1]).all() and (dropped != (again.asnumpy() == 0)).any()


def test_a_layer_with_a_parameter_of_its_own(tmp_path):
    class Scaled(rnn.LSTM):
        def __init__(self, **kwargs):
            super().__init__(3, input_size=2, **kwargs)
            self.scale = self.params.get("scale", shape=(1,), init="ones")

        def hybrid_forward(self, F, inputs, states=None, scale=None, **params):  # noqa: N803
            return F.broadcast_mul(super().hybrid_forward(F, inputs, **params), F.reshape(scale, shape=(1, 1, 1)))

        def forward(self, inputs):
            return gluon.HybridBlock.forward(self, inputs)

    layer, file = Scaled(), str(tmp_path / "layer")
    layer.initialize()
    layer.save_parameters(file)
    assert set(mx.nd.load(file)) == {"scale", *(f"_unfused.0.{source}_{kind}" for source in ("i2h", "h2h") for kind in ("weight", "bias"))}
    layer.load_parameters(file)
    assert layer(x_of(4, 1, 2)).shape == (4, 1, 3)
