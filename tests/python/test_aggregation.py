"""Steps of several weights in one call: those of one by one, and what cannot go together."""

import numpy as np
import pytest

import mixnet as mx
from mixnet.optimizer import rules

SHAPES = ((3, 4), (1,), (7,), (2, 3, 5), (130,))
NAMES = ("a_weight", "b_bias", "c_gamma", "d_weight", "e_weight")


class Net:
    """Weights with their gradients, and an optimizer's updater."""

    def __init__(self, optimizer, dtypes=("float32",), ctx=None, **options):
        random = np.random.RandomState(0)
        self.optimizer = mx.optimizer.create(optimizer, param_idx2name=dict(enumerate(NAMES)), rescale_grad=0.5, wd=0.01, **options)
        self.updater = mx.optimizer.get_updater(self.optimizer)
        self.weights, self.grads = [], []
        for k, shape in enumerate(SHAPES):
            for arrays in (self.weights, self.grads):
                arrays.append(mx.nd.array(random.uniform(-1, 1, shape), dtype=dtypes[k % len(dtypes)], ctx=ctx))

    def train(self, together, steps=3):
        indices = list(range(len(SHAPES)))
        for _ in range(steps):
            if together:
                self.updater(indices, self.grads, self.weights)
            else:
                for index in indices:
                    self.updater(index, self.grads[index], self.weights[index])
        return [weight.asnumpy() for weight in self.weights]


def calls_of(monkeypatch, module, name):
    """The numbers of arrays in the calls of an operator from now on."""
    counts, call = [], getattr(module, name)

    def counted(*arrays, **options):
        counts.append(len(arrays))
        return call(*arrays, **options)

    monkeypatch.setattr(module, name, counted)
    return counts


@pytest.mark.parametrize("options", ({}, {"momentum": 0.9}, {"momentum": 0.9, "clip_gradient": 0.2}))
@pytest.mark.parametrize("dtypes", (("float32",), ("float16",), ("float32", "float16"), ("float64",)))
@pytest.mark.parametrize("multi_precision", (False, True))
def test_sgd_has_the_bits_of_steps_one_by_one(options, dtypes, multi_precision):
    options = {**options, "multi_precision": multi_precision, "learning_rate": 0.1}
    for got, want in zip(Net("sgd", dtypes, **options).train(True), Net("sgd", dtypes, **options).train(False)):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ("lamb", "lars"))
@pytest.mark.parametrize("options", ({}, {"clip_gradient": 0.2}))
@pytest.mark.parametrize("dtypes", (("float32",), ("float16",)))
def test_lamb_and_lars_agree_with_steps_one_by_one(name, options, dtypes):
    options = {**options, **({"momentum": 0.9} if name == "lars" else {}), "multi_precision": True, "learning_rate": 0.1}
    for got, want in zip(Net(name, dtypes, **options).train(True), Net(name, dtypes, **options).train(False)):
        np.testing.assert_allclose(got, want, rtol=1e-5 if dtypes == ("float32",) else 2e-3, atol=1e-6)


def test_lamb_takes_more_weights_than_a_shape_has_extents():
    weights, grads = ([mx.nd.ones((2,)) * (k + 1) for k in range(45)] for _ in range(2))
    updater = mx.optimizer.get_updater(mx.optimizer.create("lamb", learning_rate=0.1))
    updater(list(range(45)), grads, weights)
    alone = mx.nd.ones((2,)) * 45
    mx.optimizer.get_updater(mx.optimizer.create("lamb", learning_rate=0.1))(0, mx.nd.ones((2,)) * 45, alone)
    np.testing.assert_allclose(weights[44].asnumpy(), alone.asnumpy(), rtol=1e-6)


def test_lars_adapts_the_rates_of_weights_alone():
    net = Net("lars", learning_rate=0.1, momentum=0.0, eta=0.01)
    before = [weight.asnumpy() for weight in net.weights]
    after = net.train(True, steps=1)
    for name, old, new, grad in zip(NAMES, before, after, net.grads):
        # Weight decay counts for names that end in _weight or _gamma; rescale_grad is 0.5.
        slope, decay = 0.5 * grad.asnumpy(), 0.0 if name.endswith("bias") else 0.01
        norm, slope_norm = np.linalg.norm(old), np.linalg.norm(slope)
        rate = 0.1 * (0.01 * norm / (slope_norm + decay * norm + 1e-8) if name.endswith("weight") else 1)
        np.testing.assert_allclose(new, old - rate * (slope + decay * old), rtol=1e-5)


def test_lars_without_gradient_or_weight_keeps_the_rate():
    updater = mx.optimizer.get_updater(mx.optimizer.create("lars", learning_rate=0.1, param_idx2name={0: "a_weight", 1: "b_weight"}))
    weights = [mx.nd.ones((2,)), mx.nd.zeros((2,))]
    updater([0, 1], [mx.nd.zeros((2,)), mx.nd.ones((2,))], weights)
    np.testing.assert_allclose(weights[0].asnumpy(), [1, 1])
    np.testing.assert_allclose(weights[1].asnumpy(), [-0.1, -0.1], rtol=1e-6)


def test_how_many_go_together(monkeypatch):
    counts = calls_of(monkeypatch, mx.nd, "_multi_lamb_update")
    Net("lamb").train(True, steps=1)
    Net("lamb", aggregate_num=2).train(True, steps=1)
    assert counts == [4 * 5, 4 * 2, 4 * 2]  # four arrays a weight; the last one goes alone
    monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", "3")
    counts.clear()
    Net("lamb").train(True, steps=1)
    assert counts == [4 * 3, 4 * 2]
    monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", "0")
    counts.clear()
    Net("lamb").train(True, steps=1)
    assert counts == []
    monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", "many")
    with pytest.raises(mx.base.MXNetError, match=r"MXNET_OPTIMIZER_AGGREGATION_SIZE: expected a whole number, got 'many'"):
        mx.optimizer.create("sgd")


def test_rates_of_a_schedule_and_of_names():
    def make():
        schedule = mx.lr_scheduler.FactorScheduler(step=1, factor=0.5)
        net = Net("sgd", learning_rate=0.1, lr_scheduler=schedule)
        net.optimizer.set_lr_mult({"a_weight": 0.0, "d_weight": 3.0})
        return net

    together, alone = make(), make()
    for got, want in zip(together.train(True), alone.train(False)):
        np.testing.assert_array_equal(got, want)
    assert together.optimizer.num_update == alone.optimizer.num_update == 3


def test_sparse_gradients_go_alone():
    weights = [mx.nd.ones((4, 2)) for _ in range(3)]
    rows = mx.nd.sparse.row_sparse_array((np.ones((1, 2), "float32"), [2]), shape=(4, 2))
    updater = mx.optimizer.get_updater(mx.optimizer.create("sgd", learning_rate=0.5))
    updater([0, 1, 2], [mx.nd.ones((4, 2)), rows, mx.nd.ones((4, 2))], weights)
    assert [weight.asnumpy().sum() for weight in weights] == [4, 7, 4]


def test_a_subclass_that_knows_single_weights_gets_single_ones():
    class Mine(mx.optimizer.SGD):
        def update(self, index, weight, grad, state):
            assert isinstance(index, int)
            weight[:] = 7

    assert rules.SGD().aggregate_num == 45 and Mine().aggregate_num == 0
    weights = [mx.nd.ones((2,)) for _ in range(3)]
    mx.optimizer.get_updater(Mine())([0, 1, 2], weights, weights)
    assert all((weight.asnumpy() == 7).all() for weight in weights)


def test_an_optimizer_of_the_user_may_ask_for_lists():
    class Mine(mx.optimizer.Optimizer):
        def update(self, index, weight, grad, state):
            seen.append(index)

        update_multi_precision = update

    seen = []
    weights = [mx.nd.ones((2,)) for _ in range(5)]
    mx.optimizer.get_updater(Mine(aggregate_num=2))([0, 1, 2, 3, 4], weights, weights)
    assert seen == [[0, 1], [2, 3], 4]


def test_module_steps_its_weights_together(monkeypatch):
    data = mx.io.NDArrayIter(np.random.RandomState(0).rand(8, 5).astype("float32"), np.arange(8) % 3, batch_size=4)
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=4), num_hidden=3), name="softmax")

    def trained(**options):
        mx.random.seed(5)
        module = mx.mod.Module(net, context=[mx.cpu(0), mx.cpu(1)])
        data.reset()
        module.fit(data, num_epoch=2, kvstore="local", optimizer="sgd", optimizer_params={"momentum": 0.9, "learning_rate": 0.1, **options})
        return module.get_params()[0]

    monkeypatch.setattr(mx.module.parameter_sync, "LARGE_PARAMETER", 0)  # the store sums, devices step
    together = trained()
    monkeypatch.setenv("MXNET_OPTIMIZER_AGGREGATION_SIZE", "0")
    for name, value in trained().items():
        np.testing.assert_array_equal(value.asnumpy(), together[name].asnumpy())
