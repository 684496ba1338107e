"""mx.gluon: blocks, parameters, trainers. What they compute is compared in test_gluon_golden.py."""

import gc
import copy
import pickle
import re
import warnings
import weakref

import numpy as np
import pytest

import mixnet as mx
from mixnet import autograd, gluon
from mixnet.base import MXNetError
from mixnet.gluon import nn, rnn

TWO = [mx.cpu(0), mx.cpu(1)]


def x_of(*shape):
    return mx.nd.array(np.random.RandomState(3).uniform(-1, 1, shape))


def small(**kwargs):
    net = nn.HybridSequential(**kwargs)
    with net.name_scope():
        net.add(nn.Dense(4, activation="relu"), nn.BatchNorm(), nn.Dense(3))
    return net


def ready(net, *shape, **kwargs):
    net.initialize(mx.init.Xavier(), **kwargs)
    net(x_of(*(shape or (2, 5))))
    return net


# ---- parameters -----------------------------------------------------------------------------------------------------


def test_a_parameter_has_values_and_gradients_where_it_is_initialized():
    weight = gluon.Parameter("weight", shape=(2, 3))
    weight.initialize(mx.init.One(), ctx=TWO)
    assert weight.list_ctx() == TWO and [v.context for v in weight.list_data()] == TWO and len(weight.list_grad()) == 2
    assert weight.data(mx.cpu(1)).context == mx.cpu(1) and weight.data().context == mx.cpu(0)
    weight.set_data(mx.nd.ones((2, 3)) * 4)
    assert [v.asnumpy().max() for v in weight.list_data()] == [4, 4]
    weight.grad()[:] = 3
    weight.zero_grad()
    assert weight.grad().asnumpy().max() == 0
    weight.reset_ctx(mx.cpu(1))
    assert weight.list_ctx() == [mx.cpu(1)] and weight.data().asnumpy().max() == 4
    weight.cast("float64")
    assert weight.dtype == np.float64 and weight.data().dtype == np.float64 and weight.grad().dtype == np.float64
    assert repr(weight) == "Parameter weight (shape=(2, 3), dtype=float64)"


def test_initializers_go_before_each_other():
    for own, given, default, value in (("ones", None, mx.init.Constant(7), 1), ("ones", "zeros", None, 0), (None, None, mx.init.Constant(7), 7)):
        weight = gluon.Parameter("bias", shape=(3,), init=own)
        weight.initialize(given, default_init=default)
        assert weight.data().asnumpy().tolist() == [value] * 3
    with pytest.warns(UserWarning, match=r"\[Parameter\] bias: keeps its value; expected force_reinit=True"):
        weight.initialize(mx.init.Constant(9))
    assert weight.data().asnumpy()[0] == 7
    weight.initialize(mx.init.Constant(9), force_reinit=True)
    assert weight.data().asnumpy()[0] == 9
    mixed = gluon.Parameter("net_bias", shape=(3,))
    mixed.initialize(mx.init.Mixed([".*bias", ".*"], [mx.init.Constant(2), mx.init.Zero()]))
    assert mixed.data().asnumpy()[0] == 2


def test_requests_of_gradients():
    x, weight = x_of(4, 2), gluon.Parameter("weight", shape=(2,), grad_req="add")
    weight.initialize("ones")

    def backward():
        with autograd.record():
            y = (x * weight.data()).sum()
        y.backward()

    backward()
    once = weight.grad().asnumpy().copy()
    backward()
    np.testing.assert_allclose(weight.grad().asnumpy(), 2 * once, rtol=1e-6)
    weight.grad_req = "write"
    backward()
    np.testing.assert_allclose(weight.grad().asnumpy(), once, rtol=1e-6)
    weight.grad_req = "null"
    with pytest.raises(MXNetError, match="grad_req is 'null'"):
        weight.grad()
    weight.grad_req = "write"
    backward()
    np.testing.assert_allclose(weight.grad().asnumpy(), once, rtol=1e-6)


def test_mistakes_with_parameters_have_one_clear_line():
    weight = gluon.Parameter("w", shape=(2, 0))
    cases = [
        (lambda: weight.data(), r"\[Parameter\] w: expected a parameter after initialize, got one before"),
        (lambda: weight.initialize(), r"\[Parameter\] w: expected a known shape before initialize, got \(2, 0\)"),
        (lambda: weight.set_data(mx.nd.ones((2, 2))), "set_data: expected a parameter after initialize"),
        (lambda: setattr(weight, "shape", (3, 4)), r"expected a shape that fits \(2, 0\), got \(3, 4\)"),
        (lambda: setattr(weight, "grad_req", "wrong"), "grad_req: expected one of write, add, null, got 'wrong'"),
        (lambda: gluon.Parameter("w", grad_stype="csr"), "grad_stype: expected 'default' or 'row_sparse', got 'csr'"),
        (lambda: weight.reset_ctx(mx.cpu()), "reset_ctx: expected a parameter after initialize"),
        (lambda: weight.initialize(ctx=[]), r"\[gluon\] ctx: expected a context or a list of different ones"),
        (lambda: weight.initialize(ctx=[mx.cpu(), mx.cpu()]), r"\[gluon\] ctx: expected a context or a list of different ones"),
    ]
    for call, line in cases:
        with pytest.raises((MXNetError, ValueError), match=line) as said:
            call()
        assert "\n" not in str(said.value)
    good = gluon.Parameter("w", shape=(2, 2))
    good.initialize(ctx=mx.cpu())
    with pytest.raises(MXNetError, match=r"expected one of cpu\(0\), where it was initialized, got cpu\(3\)"):
        good.data(mx.cpu(3))
    with pytest.raises(MXNetError, match=r"expected a shape that fits \(2, 2\), got \(3,\)"):
        good.set_data(mx.nd.ones((3,)))


def test_constants_do_not_change():
    class Scaled(gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.factor = self.params.get_constant("factor", [[1.0, 2.0], [3.0, 4.0]])

        def hybrid_forward(self, F, x, factor):  # noqa: N803
            return F.broadcast_mul(x, factor)

    block = Scaled()
    block.initialize()
    for _ in range(2):
        assert block(mx.nd.ones((2, 2))).asnumpy().tolist() == [[1, 2], [3, 4]]
        block.hybridize()
    trainer = gluon.Trainer(block.collect_params(), "sgd", {"learning_rate": 1})
    x = mx.nd.ones((2, 2))
    x.attach_grad()
    with autograd.record():
        y = block(x).sum()
    y.backward()
    trainer.step(1)
    assert x.grad.asnumpy().tolist() == [[1, 2], [3, 4]]
    assert block.factor.data().asnumpy().tolist() == [[1, 2], [3, 4]]
    with pytest.raises(KeyError, match="there is no such constant"):
        block.params.get_constant("other")


def test_dicts_of_parameters():
    params = gluon.ParameterDict("net_")
    weight = params.get("weight", shape=(3, 0), allow_deferred_init=True)
    assert params.get("weight", shape=(0, 4)) is weight and weight.shape == (3, 4)
    shared = gluon.ParameterDict("net_", shared=params)
    assert shared.get("weight") is weight and list(shared) == ["net_weight"] and len(shared) == 1 and "net_weight" in shared
    for call, line in (
        (lambda: params.get("weight", shape=(5, 4)), r"expected a shape that fits \(3, 4\), got \(5, 4\)"),
        (lambda: params.get("weight", dtype="float16"), "dtype: expected float32 as before, got float16"),
        (lambda: params.get("weight", lr_mult=3.0), "lr_mult: expected 1.0 as before, got 3.0"),
        (lambda: params.get_constant("weight"), "expected a Constant, got a Parameter"),
    ):
        with pytest.raises(MXNetError, match=line):
            call()
    other = gluon.ParameterDict("net_")
    other.get("weight", shape=(1,))
    with pytest.raises(MXNetError, match="update: net_weight names two parameters"):
        params.update(other)
    params.setattr("lr_mult", 0.25)
    assert weight.lr_mult == 0.25
    assert re.match(r"net_ \(\n  Parameter net_weight", repr(params))


# ---- names ----------------------------------------------------------------------------------------------------------


def test_names_of_blocks_and_parameters():
    with mx.name.NameManager():
        net, other = small(), small(prefix="mine_")
        assert list(net.collect_params())[:3] == ["hybridsequential0_dense0_weight", "hybridsequential0_dense0_bias", "hybridsequential0_batchnorm0_gamma"]
        assert list(other.collect_params())[-1] == "mine_dense1_bias" and other.name == "mine" and other.prefix == "mine_"
        assert nn.Dense(1).name == "dense0" and nn.Dense(1).name == "dense1" and nn.Conv3D(1, 1).name == "conv0" and nn.MaxPool1D().name == "pool0"
    assert list(other._collect_params_with_prefix())[:2] == ["0.weight", "0.bias"]
    assert list(other.collect_params(".*dense1|.*gamma")) == ["mine_batchnorm0_gamma", "mine_dense1_weight", "mine_dense1_bias"]


def test_blocks_share_parameters():
    first = nn.Dense(3, in_units=3, prefix="a_")
    second = nn.Dense(3, in_units=3, params=first.params)
    first.initialize()
    assert second.weight is first.weight and second(x_of(2, 3)).shape == (2, 3)
    net = nn.Sequential()
    net.add(first, first)
    assert list(net.collect_params()) == ["a_weight", "a_bias"] and len(net) == 2 and net[1] is first and len(net[:1]) == 1
    with autograd.record():
        y = net(x_of(2, 3)).sum()
    y.backward()
    assert first.weight.grad().asnumpy().any()


def test_attributes_of_blocks():
    net = small()
    net.head = nn.Dense(2)
    assert list(net._children) == ["0", "1", "2", "head"]
    net.head = nn.Dense(5)
    assert net._children["head"]._units == 5
    with pytest.raises(TypeError, match=r"\[HybridSequential\] head: expected a Dense, as before, got int"):
        net.head = 3
    with pytest.raises(ValueError, match="children: expected HybridBlocks, got a Lambda"):
        net.add(nn.Lambda("relu"))
    with pytest.raises(NotImplementedError, match=r"\[Block\] expected a forward method"):
        gluon.Block()(1)
    with pytest.raises(NotImplementedError, match=r"\[HybridBlock\] expected a hybrid_forward method"):
        gluon.HybridBlock()(x_of(1))


def test_blocks_in_lists_are_told():
    net = nn.Sequential(prefix="net_")
    net.layers = [nn.Dense(2)]
    with pytest.warns(UserWarning, match=r"\[net\] layers: expected blocks in Sequential or registered by register_child"):
        net.collect_params()
    net.add(net.layers[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(net.collect_params()) == 2


def test_blocks_are_freed():
    net = ready(small())
    net.hybridize()
    net(x_of(2, 5))
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


# ---- calls ----------------------------------------------------------------------------------------------------------


def test_hooks_see_calls():
    net, seen = ready(small()), []
    before = net.register_forward_pre_hook(lambda block, inputs: seen.append(("before", inputs[0].shape)))
    with net[0].register_forward_hook(lambda block, inputs, output: seen.append(("after", output.shape))):
        net(x_of(2, 5))
    before.detach()
    net(x_of(2, 5))
    assert seen == [("before", (2, 5)), ("after", (2, 4))]
    names = []
    assert net.apply(lambda block: names.append(type(block).__name__)) is net
    assert names == ["Activation", "Dense", "BatchNorm", "Dense", "HybridSequential"]


def test_summary(capsys):
    net = ready(small(prefix="net_"))
    net.summary(x_of(2, 5))
    said = capsys.readouterr().out
    assert re.search(r"net.0 \(Dense\) +\(2, 4\) +24\n", said) and "Parameters in total: 55\nwith gradients: 47" in said
    net.hybridize()
    with pytest.raises(MXNetError, match="expected a block that is not hybridized, got net"):
        net.summary(x_of(2, 5))


class Several(gluon.HybridBlock):
    """Several inputs, some in lists, and several outputs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.weight = self.params.get("weight", shape=(2, 0), allow_deferred_init=True)

    def hybrid_forward(self, F, x, pair, scale=None, times=1, *, weight):  # noqa: N803
        y = F.FullyConnected(x, weight, num_hidden=2, no_bias=True) * times
        y = y if scale is None else F.broadcast_mul(y, scale)
        return y, [pair[0] + pair[1], {"sum": F.sum(y)}]


@pytest.mark.parametrize("hybrid", [False, True])
def test_nested_inputs_and_outputs(hybrid):
    block = Several()
    block.initialize("ones")
    if hybrid:
        block.hybridize()
    x = mx.nd.array([[1, 2, 3]])
    y, (added, more) = block(x, [x, x * 2])
    assert y.asnumpy().tolist() == [[6, 6]] and added.asnumpy().tolist() == [[3, 6, 9]] and more["sum"].asscalar() == 12
    y, _ = block(x, (x, x), mx.nd.array([10]), 2)
    assert y.asnumpy().tolist() == [[120, 120]]
    assert block.weight.shape == (2, 3)
    with pytest.raises(TypeError, match="expected arrays or symbols, got int"):
        block(3)


def test_hybridized_blocks_compute_and_learn_the_same():
    net = ready(small(), ctx=TWO)
    x = x_of(6, 5)

    def run(context):
        at = x.as_in_context(context)
        with autograd.record():
            y = net(at)
            loss = (y * y).sum()
        loss.backward()
        return [y.asnumpy(), net(at).asnumpy()] + [p.grad(context).asnumpy() for p in net.collect_params().values() if p.grad_req != "null"]

    plain = [run(context) for context in TWO]
    for p in net.collect_params(".*running_(mean|var)").values():
        p.initialize(force_reinit=True, ctx=TWO)
    net.hybridize(static_alloc=True, static_shape=True)
    for context, expected in zip(TWO, plain):
        for a, b in zip(run(context), expected):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert (net[1].running_mean.data(mx.cpu(0)).asnumpy() != 0).any()
    # Other shapes, and parameters that change after the graph was made.
    assert net(x_of(3, 5)).shape == (3, 3)
    net[2].bias.set_data(mx.nd.ones((3,)) * 100)
    assert net(x_of(3, 5)).asnumpy().min() > 50
    net.initialize(mx.init.Zero(), force_reinit=True)
    assert net(x_of(3, 5)).asnumpy().any() == 0
    with pytest.raises(MXNetError, match="backend: expected None"):
        net.hybridize(backend="TensorRT")
    with pytest.raises(MXNetError, match="expected static_alloc, .*, got static_alloca"):
        net.hybridize(static_alloca=True)


def test_layers_tell_shapes_that_symbols_do_not():
    class Net(gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            with self.name_scope():
                self.embedding, self.lstm, self.out = nn.Embedding(10, 6), rnn.LSTM(5, bidirectional=True, layout="NTC"), nn.Dense(3)

        def hybrid_forward(self, F, x):  # noqa: N803
            return self.out(F.mean(self.lstm(self.embedding(x)), axis=1))

    net = Net()
    net.initialize()
    net.hybridize()
    x = mx.nd.array([[1, 2, 3], [3, 4, 5]])
    first = net(x)
    assert net.lstm.l0_i2h_weight.shape == (20, 6) and net.lstm.r0_i2h_weight.shape == (20, 6)
    net.hybridize(False)
    np.testing.assert_allclose(net(x).asnumpy(), first.asnumpy(), rtol=1e-5, atol=1e-6)


def test_a_shape_that_nobody_tells():
    class Lost(gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.weight = self.params.get("weight", shape=(0,), allow_deferred_init=True)

        def hybrid_forward(self, F, x, weight):  # noqa: N803
            return F.broadcast_add(x, F.sum(weight))

    for hybrid in (False, True):
        block = Lost(prefix="lost_")
        block.initialize()
        block.hybridize(hybrid)
        with pytest.raises(gluon.DeferredInitializationError, match=r"lost_weight: .* its shape, \(0,\)"):
            block(x_of(2))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_of_blocks(copied):
    net, x = ready(small()), x_of(2, 5)
    net.hybridize()
    expected = net(x).asnumpy()
    other = copied(net)
    np.testing.assert_array_equal(other(x).asnumpy(), expected)
    trainer = gluon.Trainer(other.collect_params(), "sgd", {"learning_rate": 1.0})
    with autograd.record():
        y = other(x).sum()
    y.backward()
    trainer.step(1)
    assert (other(x).asnumpy() != expected).any() and list(other.collect_params()) == list(net.collect_params())
    np.testing.assert_array_equal(net(x).asnumpy(), expected)
    assert not net[2].bias.grad().asnumpy().any() and other[2].bias.grad().asnumpy().any()
    data = mx.sym.var("data")
    block = gluon.SymbolBlock(mx.sym.FullyConnected(data, num_hidden=2, name="fc"), data)
    block.initialize()
    block(x)
    block.params["fc_bias"].set_data(mx.nd.zeros((2,)))
    expected = block(x).asnumpy()
    other = copied(block)
    other.params["fc_bias"].set_data(mx.nd.ones((2,)))
    np.testing.assert_allclose(other(x).asnumpy(), expected + 1, rtol=1e-5)
    np.testing.assert_array_equal(block(x).asnumpy(), expected)


def test_blocks_as_symbols_and_in_jit():
    net = ready(small(prefix="net_"))
    x = x_of(2, 5)
    symbol = net(mx.sym.var("input"))
    assert (
        symbol.list_arguments()[:3] == ["input", "net_dense0_weight", "net_dense0_bias"] and symbol.list_auxiliary_states()[0] == "net_batchnorm0_running_mean"
    )
    np.testing.assert_allclose(mx.jit(net)(x).asnumpy(), net(x).asnumpy(), rtol=1e-5, atol=1e-6)


def test_dtypes_of_blocks():
    net = ready(small())
    x, expected = x_of(2, 5), net(x_of(2, 5)).asnumpy()
    for dtype, tolerance in (("float64", 1e-5), ("float16", 2e-2), ("float32", 2e-2)):
        net.cast(dtype)
        assert net[0].weight.dtype == np.dtype(dtype).type
        assert net[1].running_mean.dtype == (np.float32 if dtype == "float16" else np.dtype(dtype).type)
        for hybrid in (False, True):
            net.hybridize(hybrid)
            np.testing.assert_allclose(net(x.astype(dtype)).asnumpy(), expected, rtol=tolerance, atol=tolerance)


# ---- files ----------------------------------------------------------------------------------------------------------


def test_files_of_parameters(tmp_path):
    net, file = ready(small()), str(tmp_path / "net.params")
    net.save_parameters(file)
    assert list(mx.nd.load(file))[:2] == ["0.weight", "0.bias"]
    other = small()
    other.load_parameters(file, ctx=TWO)
    assert other[0].weight.list_ctx() == TWO
    np.testing.assert_array_equal(other(x_of(2, 5)).asnumpy(), net(x_of(2, 5)).asnumpy())
    net.collect_params().save(file, strip_prefix=net.prefix)
    again = small()
    again.load_parameters(file)
    again.load_params(file)
    np.testing.assert_array_equal(again(x_of(2, 5)).asnumpy(), net(x_of(2, 5)).asnumpy())
    third = small()
    third.collect_params().load(file, restore_prefix=third.prefix)
    np.testing.assert_array_equal(third[0].weight.data().asnumpy(), net[0].weight.data().asnumpy())


def test_files_that_do_not_fit(tmp_path):
    net, file = ready(small()), str(tmp_path / "net.params")
    net.save_parameters(file)
    wide = nn.HybridSequential()
    wide.add(nn.Dense(4), nn.BatchNorm(), nn.Dense(3), nn.Dense(7))
    with pytest.raises(MXNetError, match=r"net.params: expected 3.weight, 3.bias too, or allow_missing=True, got only 0.weight"):
        wide.load_parameters(file)
    wide.load_parameters(file, allow_missing=True)
    wide[3].initialize()
    assert wide(x_of(2, 5)).shape == (2, 7)
    wide.save_parameters(file)
    with pytest.raises(MXNetError, match="expected only 0.weight, .*, or ignore_extra=True, got 3.weight, 3.bias too"):
        net.load_parameters(file)
    net.load_parameters(file, ignore_extra=True)
    other = nn.HybridSequential()
    other.add(nn.Dense(8, in_units=5), nn.BatchNorm(), nn.Dense(3))
    with pytest.raises(MXNetError, match=r"load: expected shape \(8, 5\), got \(4, 5\)"):
        other.load_parameters(file, ignore_extra=True)
    net.cast("float64")
    with pytest.raises(MXNetError, match="load: expected float64, or cast_dtype=True, got float32"):
        net.load_parameters(file, ignore_extra=True)
    net.load_parameters(file, ignore_extra=True, cast_dtype=True)
    assert net[0].weight.dtype == np.float64
    net.load_parameters(file, ignore_extra=True, cast_dtype=True, dtype_source="saved")
    assert net[0].weight.dtype == np.float32 and net[0].weight.data().dtype == np.float32
    mx.nd.save(file, [mx.nd.ones((1,))])
    with pytest.raises(MXNetError, match="expected arrays with names, got a list of arrays"):
        net.load_parameters(file)


def test_files_have_the_mean_of_statistics_over_contexts(tmp_path):
    norm, file = nn.BatchNorm(in_channels=3), str(tmp_path / "norm")
    norm.initialize(ctx=TWO)
    for context, value in zip(TWO, (1, 3)):
        norm.running_mean.data(context)[:] = value
    norm.save_parameters(file)
    assert mx.nd.load(file)["running_mean"].asnumpy().tolist() == [2, 2, 2]
    norm.collect_params().save(file)
    assert mx.nd.load(file)[norm.running_mean.name].asnumpy().tolist() == [2, 2, 2]
    norm.collect_params().reset_ctx(mx.cpu(0))
    assert norm.running_mean.data().asnumpy().tolist() == [2, 2, 2]


def test_shared_parameters_are_saved_once(tmp_path):
    first = nn.Dense(3, in_units=3)
    net = nn.Sequential()
    net.add(first, first)
    net.initialize()
    file = str(tmp_path / "net.params")
    net.save_parameters(file, deduplicate=True)
    assert list(mx.nd.load(file)) == ["0.weight", "0.bias"]
    net.load_parameters(file)
    net.save_parameters(file)
    assert len(mx.nd.load(file)) == 4


def test_exported_models(tmp_path):
    net, x = ready(small(prefix="net_")), x_of(2, 5)
    with pytest.raises(MXNetError, match="expected a block that was called after hybridize"):
        net.export(str(tmp_path / "model"))
    net.hybridize()
    expected = net(x).asnumpy()
    symbol_file, params_file = net.export(str(tmp_path / "model"), epoch=7)
    assert params_file.endswith("model-0007.params") and "aux:net_batchnorm0_running_var" in mx.nd.load(params_file)
    block = gluon.SymbolBlock.imports(symbol_file, ["data"], params_file, ctx=TWO)
    np.testing.assert_array_equal(block(x).asnumpy(), expected)
    module = mx.mod.Module.load(str(tmp_path / "model"), 7, label_names=None)
    module.bind([("data", (2, 5))], for_training=False)
    module.forward(mx.io.DataBatch([x]), is_train=False)
    np.testing.assert_allclose(module.get_outputs()[0].asnumpy(), expected, rtol=1e-6)
    with pytest.raises(MXNetError, match="input_names: expected inputs of .*, got wrong"):
        gluon.SymbolBlock.imports(symbol_file, ["wrong"], params_file)


def test_symbols_as_blocks():
    data = mx.sym.var("data")
    hidden = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=4, name="fc1"), act_type="relu")
    block = gluon.SymbolBlock([hidden, mx.sym.FullyConnected(hidden, num_hidden=2, name="fc2")], data)
    block.initialize()
    x = x_of(3, 5)
    with autograd.record():
        first, second = block(x)
        second.sum().backward()
    assert first.shape == (3, 4) and second.shape == (3, 2) and block.params["fc1_weight"].shape == (4, 5)
    assert block.params["fc1_weight"].grad().asnumpy().any()
    net = nn.HybridSequential()
    net.add(gluon.SymbolBlock(hidden, data, params=block.params), nn.Dense(2))
    net[1].initialize()
    plain = net(x).asnumpy()
    net.hybridize()
    np.testing.assert_allclose(net(x).asnumpy(), plain, rtol=1e-6)
    assert net[0].params["fc1_weight"] is block.params["fc1_weight"]
    with pytest.raises(MXNetError, match="inputs: expected variables"):
        gluon.SymbolBlock(hidden, hidden)
    with pytest.raises(MXNetError, match="expected 1 arrays, got 2"):
        block(x, x)
