"""mx.gluon: trainers, and what stands beside blocks."""

import numpy as np
import pytest

import mixnet as mx
from mixnet import autograd, gluon
from mixnet.base import MXNetError
from mixnet.gluon import nn

TWO = [mx.cpu(0), mx.cpu(1)]


def x_of(*shape):
    return mx.nd.array(np.random.RandomState(3).uniform(-1, 1, shape))


def steps(net, trainer, where, count=3, batch=8):
    """Steps on a batch that is cut over contexts; the losses."""
    x, y = x_of(batch, 5), mx.nd.array(np.arange(batch) % 3)
    loss, said = gluon.loss.SoftmaxCrossEntropyLoss(), []
    for _ in range(count):
        with autograd.record():
            parts = [loss(net(a), b) for a, b in zip(gluon.utils.split_and_load(x, where), gluon.utils.split_and_load(y, where))]
        autograd.backward(parts)
        trainer.step(batch)
        said.append(sum(part.sum().asscalar() for part in parts))
    return said


def dense_net():
    net = nn.HybridSequential()
    net.add(nn.Dense(6, activation="tanh", in_units=5), nn.Dense(3, in_units=6))
    return net


@pytest.mark.parametrize("options", [{}, {"update_on_kvstore": True}, {"kvstore": "local"}, {"kvstore": "a store", "update_on_kvstore": True}])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_contexts_train_as_one(tmp_path, optimizer, options):
    alone, both = dense_net(), dense_net()
    alone.initialize(mx.init.Xavier())
    alone.save_parameters(str(tmp_path / "first"))
    both.load_parameters(str(tmp_path / "first"), ctx=TWO)
    chosen = {"learning_rate": 0.1, "wd": 0.01}
    if options.get("kvstore") == "a store":
        options = {**options, "kvstore": mx.kv.create("local")}
        options["kvstore"].init(0, mx.nd.ones((2,)))
    expected = steps(alone, gluon.Trainer(alone.collect_params(), optimizer, chosen), [mx.cpu()])
    np.testing.assert_allclose(steps(both, gluon.Trainer(both.collect_params(), optimizer, chosen, **options), TWO), expected, rtol=1e-4)
    for a, b in zip(alone.collect_params().values(), both.collect_params().values()):
        for value in b.list_data():
            np.testing.assert_allclose(value.asnumpy(), a.data().asnumpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"update_on_kvstore": True}])
@pytest.mark.parametrize("where", [[mx.cpu()], TWO])
def test_states_of_trainers(tmp_path, where, options):
    net, file = dense_net(), str(tmp_path / "states")
    net.initialize(ctx=where)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.1}, **options)
    steps(net, trainer, where)
    trainer.save_states(file)
    net.save_parameters(str(tmp_path / "net"))
    expected = steps(net, trainer, where)
    net.load_parameters(str(tmp_path / "net"), ctx=where)
    again = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.1}, **options)
    again.load_states(file)
    np.testing.assert_allclose(steps(net, again, where), expected, rtol=1e-5)


def test_sums_before_the_step():
    net = dense_net()
    net.initialize(ctx=TWO)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.0}, update_on_kvstore=False)
    x = gluon.utils.split_and_load(x_of(4, 5), TWO)
    with autograd.record():
        parts = [net(part).sum() for part in x]
    autograd.backward(parts)
    apart = [g.asnumpy().copy() for g in net[0].weight.list_grad()]
    trainer.allreduce_grads()
    for gradient in net[0].weight.list_grad():
        np.testing.assert_allclose(gradient.asnumpy(), sum(apart), rtol=1e-5, atol=1e-6)
    trainer.update(4)
    stored = gluon.Trainer(net.collect_params(), "sgd", update_on_kvstore=True)
    for call in (stored.allreduce_grads, lambda: stored.update(4)):
        with pytest.raises(MXNetError, match="expected update_on_kvstore=False"):
            call()


def test_learning_rates_and_multipliers():
    net = dense_net()
    net.initialize("ones")
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    assert trainer.learning_rate == 1.0 and trainer.optimizer.lr == 1.0
    trainer.set_learning_rate(0.5)
    net[0].weight.lr_mult = 0.0
    before = net[0].weight.data().asnumpy(), net[1].bias.data().asnumpy()
    steps(net, trainer, [mx.cpu()], 1)
    assert (net[0].weight.data().asnumpy() == before[0]).all() and (net[1].bias.data().asnumpy() != before[1]).any()
    rate = gluon.Trainer(net.collect_params(), "sgd", {"lr_scheduler": mx.lr_scheduler.FactorScheduler(1, 0.5), "learning_rate": 1.0})
    steps(net, rate, [mx.cpu()], 3)
    assert rate.learning_rate == 0.25
    with pytest.raises(UserWarning, match="follows the lr_scheduler"):
        rate.set_learning_rate(1)


@pytest.mark.parametrize("options", [{}, {"update_on_kvstore": True}])
def test_rates_and_batch_sizes_that_change_count_from_their_step_on(options):
    alone, both = nn.Dense(1, use_bias=False, in_units=300), nn.Dense(1, use_bias=False, in_units=300)
    for net, where in ((alone, [mx.cpu()]), (both, TWO)):
        net.initialize("zeros", ctx=where)
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0}, **(options if len(where) > 1 else {}))
        for step in range(60):
            with autograd.record():
                parts = [net(mx.nd.ones((2 // len(where), 300), ctx=context)) for context in where]
            autograd.backward(parts)
            trainer.set_learning_rate(1 + step % 3)
            trainer.step(1 + step % 2)
    expected = -sum(2 * (1 + step % 3) / (1 + step % 2) for step in range(60))
    for value in (alone.weight.data(), *both.weight.list_data()):
        np.testing.assert_allclose(value.asnumpy(), expected, rtol=1e-6)


def test_mistakes_with_trainers():
    net = dense_net()
    net.initialize()
    params = net.collect_params()
    for call, kind, line in (
        (lambda: gluon.Trainer([1], "sgd"), ValueError, r"\[Trainer\] params: expected a ParameterDict, or a list or dict of Parameters, got list"),
        (lambda: gluon.Trainer(params, mx.optimizer.SGD(), {"wd": 1}), MXNetError, "optimizer_params: expected None beside an Optimizer"),
        (lambda: gluon.Trainer(params, "sgd", kvstore=3), TypeError, "kvstore: expected a KVStore, a text or None, got int"),
        (lambda: gluon.Trainer(params, "sgd", kvstore=None, update_on_kvstore=True).step(1), ValueError, "expected False without a kvstore, got True"),
        (lambda: gluon.Trainer(params, "nothing"), MXNetError, "nothing"),
    ):
        with pytest.raises(kind, match=line):
            call()
    mixed = dense_net()
    mixed[0].initialize(ctx=mx.cpu(0))
    mixed[1].initialize(ctx=mx.cpu(1))
    with pytest.raises(MXNetError, match=r"expected all parameters on \[cpu\(0\)\], got .* on \[cpu\(1\)\]"):
        gluon.Trainer(mixed.collect_params(), "sgd").step(1)
    unmade = dense_net()
    with pytest.raises(MXNetError, match="expected a parameter after initialize"):
        gluon.Trainer(unmade.collect_params(), "sgd").step(1)


def test_parameters_that_get_values_after_the_first_step():
    net = nn.Sequential()
    net.add(nn.Dense(4, in_units=5), nn.Dense(3))
    for where in ([mx.cpu()], TWO):
        net.initialize(ctx=where, force_reinit=True)
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
        with autograd.record():
            parts = [net[0](part).sum() for part in gluon.utils.split_and_load(x_of(4, 5), where)]
        autograd.backward(parts)
        trainer.step(4)
        said = steps(net, trainer, where)
        assert said[-1] < said[0]


@pytest.mark.parametrize("hybrid", [False, True])
def test_sparse_gradients_of_embeddings(hybrid):
    block = nn.Embedding(50, 4, sparse_grad=True)
    block.initialize("ones")
    block.hybridize(hybrid)
    trainer = gluon.Trainer(block.collect_params(), "sgd", {"learning_rate": 1.0})
    with autograd.record():
        y = block(mx.nd.array([3, 7, 3])).sum()
    y.backward()
    assert block.weight.grad().stype == "row_sparse"
    trainer.step(1)
    weight = block.weight.data().asnumpy()
    assert weight[3, 0] == -1 and weight[7, 0] == 0 and (np.delete(weight, [3, 7], axis=0) == 1).all()
    assert block.weight.row_sparse_data(mx.nd.array([3, 9])).asnumpy()[3, 0] == -1
    block.weight.zero_grad()
    assert block.weight.grad().asnumpy().any() == 0


@pytest.mark.parametrize("options", [{}, {"update_on_kvstore": True}])
def test_sparse_gradients_of_several_contexts(options):
    block = nn.Embedding(50, 4, sparse_grad=True)
    block.initialize("ones", ctx=TWO)
    trainer = gluon.Trainer(block.collect_params(), "sgd", {"learning_rate": 1.0}, **options)
    for _ in range(2):
        with autograd.record():
            sums = [block(mx.nd.array(rows, ctx=context)).sum() for rows, context in zip(([3, 7, 3], [7, 9]), TWO)]
        autograd.backward(sums)
        trainer.step(1)
    for weight in block.weight.list_data():
        assert weight.asnumpy()[[3, 7, 9, 1], 0].tolist() == [-3, -3, -1, 1]


# ---- mixed precision ------------------------------------------------------------------------------------------------


@pytest.fixture
def half():
    mx.amp.init("float16")
    yield
    mx.amp.stop()


@pytest.mark.parametrize("where,options", [([mx.cpu()], {}), (TWO, {}), (TWO, {"update_on_kvstore": True})])
def test_scaled_losses(half, where, options):
    net, loss = dense_net(), gluon.loss.SoftmaxCrossEntropyLoss()
    net.initialize(mx.init.Xavier(), ctx=where)
    net.hybridize()
    loss.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.05}, **options)
    mx.amp.init_trainer(trainer)
    trainer._amp_loss_scaler._loss_scale = 1024.0
    x, y = (gluon.utils.split_and_load(a, where) for a in (x_of(8, 5), np.arange(8) % 3))
    said = []
    for step in range(30):
        with autograd.record():
            parts = [loss(net(a), b) for a, b in zip(x, y)]
            with mx.amp.scale_loss(parts, trainer) as scaled:
                autograd.backward(scaled)
        if step == 3:
            mx.amp.unscale(trainer)
            assert max(np.abs(g.asnumpy()).max() for g in trainer.gradients()) < 10
        if step == 5:
            before = net[0].weight.data(where[0]).asnumpy().copy()
            net[1].bias.grad(where[0])[:] = np.inf
        trainer.step(8)
        if step == 5:
            np.testing.assert_array_equal(net[0].weight.data(where[0]).asnumpy(), before)
            assert trainer._amp_loss_scaler.loss_scale == 512
        said.append(sum(part.sum().asscalar() for part in parts))
    assert net(x[0]).dtype == np.float16 and net[0].weight.data(where[0]).dtype == np.float32
    assert said[-1] < 0.5 * said[0]


def test_blocks_converted_to_16_bits():
    net = dense_net()
    net.initialize(mx.init.Xavier())
    x = x_of(4, 5)
    with pytest.raises(MXNetError, match="expected a HybridBlock that was called after hybridize"):
        mx.amp.convert_hybrid_block(net)
    net.hybridize()
    expected = net(x).asnumpy()
    for dtype in ("bfloat16", "float16"):
        made = mx.amp.convert_hybrid_block(net, dtype, cast_optional_params=True)
        weights = {str(p.dtype) for p in made.params.values()}
        assert weights == {"bfloat16"} if dtype == "bfloat16" else weights == {"<class 'numpy.float16'>"}
        np.testing.assert_allclose(made(x).astype("float32").asnumpy(), expected, atol=0.03)
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    for call in (lambda: mx.amp.scale_loss(x, trainer).__enter__(), lambda: mx.amp.unscale(trainer)):
        with pytest.raises(MXNetError, match="expected an Optimizer or a Trainer after amp.init_trainer, got one before"):
            call()
