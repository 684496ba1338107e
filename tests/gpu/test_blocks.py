"""Blocks of gluon on GPUs compute and learn what they do on the CPU."""

import numpy as np
import pytest

import mixnet as mx
from mixnet import autograd, gluon
from mixnet.gluon import nn, rnn


def tagger():
    class Net(gluon.HybridBlock):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            with self.name_scope():
                self.embedding, self.lstm, self.out = nn.Embedding(20, 6), rnn.LSTM(5, bidirectional=True, layout="NTC"), nn.Dense(3)

        def hybrid_forward(self, F, x):  # noqa: N803
            return self.out(F.mean(self.lstm(self.embedding(x)), axis=1))

    return Net()


def pictures():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool2D(), nn.Conv2DTranspose(3, 2, 2))
    net.add(nn.LayerNorm(), nn.PReLU(), nn.GlobalAvgPool2D(), nn.Dense(6, activation="sigmoid"), nn.Dense(3))
    return net


CASES = {
    "pictures": (pictures, np.random.RandomState(1).uniform(-1, 1, (8, 2, 6, 6))),
    "words": (tagger, np.random.RandomState(1).randint(0, 20, (8, 7))),
}


def trained(make, values, where, file, hybrid, **options):
    net = make()
    net.load_parameters(file, ctx=where)
    net.hybridize(hybrid)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize(hybrid)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01}, **options)
    said = []
    for _ in range(4):
        parts = [gluon.utils.split_and_load(mx.nd.array(a), where) for a in (values, np.arange(8) % 3)]
        with autograd.record():
            losses = [loss(net(x), y) for x, y in zip(*parts)]
        autograd.backward(losses)
        gluon.utils.clip_global_norm([p.grad(where[0]) for p in net.collect_params().values() if p.grad_req != "null"], 1e6)
        trainer.step(8)
        said.append(sum(value.sum().asscalar() for value in losses))
    net.save_parameters(file + ".after")
    return said, mx.nd.load(file + ".after")


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_one_gpu_learns_what_the_cpu_does(tmp_path, name, hybrid):
    make, values = CASES[name]
    file, net = str(tmp_path / "net"), make()
    net.initialize(mx.init.Xavier())
    net(mx.nd.array(values))
    net.save_parameters(file)
    expected, weights = trained(make, values, [mx.cpu()], file, hybrid)
    losses, found = trained(make, values, [mx.gpu()], file, hybrid)
    np.testing.assert_allclose(losses, expected, rtol=1e-3)
    for place, value in weights.items():
        np.testing.assert_allclose(found[place].asnumpy(), value.asnumpy(), rtol=1e-2, atol=2e-3, err_msg=place)


@pytest.mark.skipif(mx.num_gpus() < 2, reason="needs GPU")
@pytest.mark.parametrize("options", [{}, {"update_on_kvstore": True}])
def test_two_gpus_share_a_batch(tmp_path, options):
    make, values = CASES["words"]
    file, net = str(tmp_path / "net"), make()
    net.initialize(mx.init.Xavier())
    net(mx.nd.array(values))
    net.save_parameters(file)
    expected, _ = trained(make, values, [mx.cpu()], file, True)
    losses, _ = trained(make, values, [mx.gpu(0), mx.gpu(1)], file, True, **options)
    np.testing.assert_allclose(losses, expected, rtol=1e-3)


@pytest.mark.skipif(mx.num_gpus() < 2, reason="needs GPU")
def test_a_graph_serves_several_gpus_but_not_in_one_call():
    block = nn.HybridLambda(lambda F, x, y: F.exp(x) * y)
    block.hybridize()
    x = mx.nd.array(np.linspace(-1, 1, 1000))
    for index in (0, 1, 0):
        here = x.as_in_context(mx.gpu(index))
        result = block(here, here)
        assert result.context == mx.gpu(index)
        np.testing.assert_allclose(result.asnumpy(), np.exp(x.asnumpy()) * x.asnumpy(), rtol=1e-5)
    for other in (mx.gpu(1), mx.cpu()):
        with pytest.raises(mx.MXNetError, match=r"\[cached_op\] data1: expected an array on gpu\(0\), got"):
            block(x.as_in_context(mx.gpu(0)), x.as_in_context(other))


@pytest.mark.skipif(mx.num_gpus() < 2, reason="needs GPU")
def test_losses_are_scaled_on_two_gpus():
    net = nn.Dense(3, in_units=4)
    net.initialize("ones", ctx=[mx.gpu(0), mx.gpu(1)])
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    mx.amp.init_trainer(trainer)
    for value, expected in ((1.0, -7), (np.inf, -7)):
        with autograd.record():
            sums = [net(mx.nd.full((4, 4), value, ctx=context)).sum() for context in net.weight.list_ctx()]
            with mx.amp.scale_loss(sums, trainer) as scaled:
                autograd.backward(scaled)
        trainer.step(1)
        for weight in net.weight.list_data():
            assert (weight.asnumpy() == expected).all()
    assert trainer._amp_loss_scaler.loss_scale == 2.0**15
