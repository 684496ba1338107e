"""Optimizers, schedules, metrics, initialisers and callbacks against numpy."""

import io
import math

import numpy as np
import pytest

import mixnet as mx

RNG = np.random.RandomState(4)


def run(optimizer, steps=3, dtype="float32"):
    """Weights after some steps, and the gradients that were used."""
    weight = mx.nd.array(np.linspace(-1, 1, 6), dtype=dtype)
    updater, grads = mx.optimizer.get_updater(optimizer), []
    for _ in range(steps):
        grads.append(RNG.randn(6).astype(dtype))
        updater(0, mx.nd.array(grads[-1], dtype=dtype), weight)
    return weight.asnumpy(), grads


def start():
    return np.linspace(-1, 1, 6)


def test_sgd():
    got, grads = run(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, wd=0.01, rescale_grad=0.5, clip_gradient=0.3))
    w, m = start(), 0
    for g in grads:
        m = 0.9 * m - 0.1 * (np.clip(0.5 * g, -0.3, 0.3) + 0.01 * w)
        w = w + m
    np.testing.assert_allclose(got, w, rtol=1e-5)


def test_adam():
    got, grads = run(mx.optimizer.Adam(learning_rate=0.1, wd=0.01))
    w, m, v = start(), 0, 0
    for t, g in enumerate(grads, 1):
        d = g + 0.01 * w
        m, v = 0.9 * m + 0.1 * d, 0.999 * v + 0.001 * d * d
        w = w - 0.1 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(got, w, rtol=1e-4)


def test_rmsprop_adagrad_adadelta():
    got, grads = run(mx.optimizer.RMSProp(learning_rate=0.1))
    w, n = start(), 0
    for g in grads:
        n = 0.1 * g * g + 0.9 * n
        w = w - 0.1 * g / np.sqrt(n + 1e-8)
    np.testing.assert_allclose(got, w, rtol=1e-4)
    got, grads = run(mx.optimizer.AdaGrad(learning_rate=0.1))
    w, n = start(), 0
    for g in grads:
        n = n + g * g
        w = w - 0.1 * g / np.sqrt(n + 1e-7)
    np.testing.assert_allclose(got, w, rtol=1e-4)
    got, grads = run(mx.optimizer.AdaDelta())
    w, n, d = start(), 0, 0
    for g in grads:
        n = 0.9 * n + 0.1 * g * g
        step = np.sqrt(d + 1e-5) / np.sqrt(n + 1e-5) * g
        d = 0.9 * d + 0.1 * step * step
        w = w - step
    np.testing.assert_allclose(got, w, rtol=1e-4)


@pytest.mark.parametrize(
    "name", ["sgd", "nag", "sgld", "adam", "adagrad", "rmsprop", "adadelta", "ftrl", "adamax", "nadam", "signum", "signsgd", "ftml", "dcasgd", "lamb", "lars"]
)
def test_every_optimizer_goes_downhill(name):
    mx.random.seed(1)
    rate = {"adadelta": {}, "lars": {"learning_rate": 5.0}}.get(name, {"learning_rate": 0.05})
    updater = mx.optimizer.get_updater(mx.optimizer.create(name, **rate))
    weight = mx.nd.array([3.0, -2.0])
    first = float((weight**2).sum())
    for _ in range(60):
        updater(0, 2 * weight, weight)
    assert float((weight**2).sum()) < first
    assert np.isfinite(weight.asnumpy()).all()


def test_multi_precision_follows_float32():
    full, grads = run(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9), 5)
    weight = mx.nd.array(start(), dtype="float16")
    updater = mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, multi_precision=True))
    for g in grads:
        updater(0, mx.nd.array(g, dtype="float16"), weight)
    np.testing.assert_allclose(weight.asnumpy(), full, rtol=3e-3, atol=3e-3)


def test_decay_and_multipliers_by_name():
    net = mx.sym.FullyConnected(mx.sym.Variable("x"), mx.sym.Variable("fc_weight", lr_mult=2), num_hidden=1, name="fc")
    opt = mx.optimizer.SGD(learning_rate=1, wd=0.1, sym=net, param_idx2name={0: "fc_weight", 1: "fc_bias"})
    assert (opt._get_lr(0), opt._get_lr(1), opt._get_wd(0), opt._get_wd(1)) == (2, 1, 0.1, 0)


def test_states_refuse_what_is_not_ours():
    updater = mx.optimizer.get_updater(mx.optimizer.SGD())
    for data in (b"", b"garbage", b"\x80\x04K\x01."):
        with pytest.raises(mx.MXNetError, match="set_states"):
            updater.set_states(data)
    with pytest.raises(mx.MXNetError, match="expected one of"):
        mx.optimizer.create("sdg")


def test_schedules():
    factor = mx.lr_scheduler.FactorScheduler(10, 0.5, base_lr=1)
    assert [factor(n) for n in (1, 10, 11, 21, 100)] == [1, 1, 0.5, 0.25, 0.5**9]
    multi = mx.lr_scheduler.MultiFactorScheduler([5, 8], 0.1, base_lr=1, warmup_steps=2)
    assert multi(1) == 0.5 and multi(6) == pytest.approx(0.1) and multi(9) == pytest.approx(0.01)
    assert mx.lr_scheduler.PolyScheduler(10, base_lr=1)(5) == 0.25
    assert mx.lr_scheduler.CosineScheduler(10, base_lr=1)(5) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="step"):
        mx.lr_scheduler.FactorScheduler(0)


def metric(spec, label, pred, **kwargs):
    m = mx.metric.create(spec, **kwargs)
    m.update([mx.nd.array(label)], [mx.nd.array(pred)])
    return m.get()[1]


def test_metrics():
    label, pred = [0, 1, 1, 0], [[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.9, 0.1]]
    p = [0.8, 0.7, 0.4, 0.9]
    assert metric("acc", label, pred) == 0.75
    assert metric("ce", label, pred) == pytest.approx(-np.log(p).mean(), rel=1e-5)
    assert metric("perplexity", label, pred) == pytest.approx(np.exp(-np.log(p).mean()), rel=1e-5)
    assert metric("f1", label, pred) == pytest.approx(2 / 3)
    assert metric("mcc", label, pred) == pytest.approx((1 * 2 - 0 * 1) / math.sqrt(1 * 2 * 2 * 3))
    assert metric("pcc", label, pred) == pytest.approx(metric("mcc", label, pred))
    assert metric("top_k_accuracy", [2, 0], [[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]], top_k=2) == 0.5
    assert metric("mse", [1.0, 2], [[1.5], [2]]) == pytest.approx(0.125)
    assert metric("rmse", [1.0, 2], [[1.5], [2]]) == pytest.approx(math.sqrt(0.125))
    assert metric("mae", [1.0, 2], [[1.5], [2]]) == pytest.approx(0.25)
    assert metric("pearsonr", [1.0, 2, 3], [[1], [2], [3]]) == pytest.approx(1)
    assert metric(lambda a, b: float(np.abs(a - b[:, 0]).max()), [1.0], [[3.0]]) == 2
    both = mx.metric.create(["acc", "ce"])
    both.update([mx.nd.array(label)], [mx.nd.array(pred)])
    assert both.get()[0] == ["accuracy", "cross-entropy"]
    assert math.isnan(mx.metric.create("acc").get()[1])
    with pytest.raises(mx.MXNetError, match="expected one of"):
        mx.metric.create("accuracyy")


def test_initialisers():
    mx.random.seed(2)
    array = mx.nd.zeros((200, 300))
    mx.init.Xavier()("fc_weight", array)
    assert abs(array.asnumpy()).max() <= math.sqrt(3 / 250) and array.asnumpy().std() == pytest.approx(math.sqrt(1 / 250), rel=0.02)
    mx.init.Orthogonal(scale=1)("fc_weight", array)
    product = array.asnumpy() @ array.asnumpy().T
    np.testing.assert_allclose(product, np.eye(200), atol=1e-4)
    for name, value in (("bn_gamma", 1), ("bn_beta", 0), ("fc_bias", 0), ("bn_moving_var", 1), ("bn_moving_mean", 0)):
        mx.init.Normal()(name, array)
        assert (array.asnumpy() == value).all()
    described = mx.init.InitDesc("fc_weight", {"__init__": mx.init.Constant(4).dumps()})
    mx.init.Xavier()(described, array)
    assert (array.asnumpy() == 4).all()
    bias = mx.nd.zeros((8,))
    mx.init.LSTMBias(2)("x_bias", bias)
    assert bias.asnumpy().tolist() == [0, 0, 2, 2, 0, 0, 0, 0]
    mx.init.Mixed([".*bias", ".*"], [mx.init.Zero(), mx.init.One()])("x", bias)
    assert (bias.asnumpy() == 1).all()
    with pytest.raises(ValueError, match="no rule"):
        mx.init.Xavier()("mystery", array)


def test_progress_bar_writes_plain_lines_where_there_is_no_terminal():
    stream = io.StringIO()
    bar = mx.callback.ProgressBar(10, batch_size=5, stream=stream)
    accuracy = mx.metric.create("acc")
    accuracy.update([mx.nd.array([1])], [mx.nd.array([[0, 1]])])
    for i in range(10):
        bar(mx.model.BatchEndParam(0, i, accuracy, None))
    lines = stream.getvalue().splitlines()
    assert 2 <= len(lines) <= 10 and "10/10" in lines[-1] and "accuracy 1.0" in lines[-1] and "images/s" in lines[-1]


def test_feed_forward_and_checkpoints(tmp_path):
    x = RNG.randn(100, 4).astype("float32")
    y = (x[:, 0] > 0).astype("float32")
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2, name="fc"), name="softmax")
    model = mx.model.FeedForward.create(net, x, y, num_epoch=10, learning_rate=0.5, numpy_batch_size=20)
    assert model.score(x, y=y) > 0.9
    model.save(str(tmp_path / "m"))
    again = mx.model.FeedForward.load(str(tmp_path / "m"), 10)
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)
    (tmp_path / "m-0010.params").write_bytes(b"broken")
    with pytest.raises(mx.MXNetError):
        mx.model.FeedForward.load(str(tmp_path / "m"), 10)
