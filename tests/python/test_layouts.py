"""Joins that move nothing and channels-last data, from Python."""

import numpy as np
import pytest

import mixnet as mx

sym = mx.sym


def bound(net, training=False, **shapes):
    e = net.simple_bind(mx.cpu(), grad_req="write" if training else "null", **shapes)
    random = np.random.RandomState(0)
    for name in sorted(e.arg_dict):
        array = e.arg_dict[name]
        array[:] = random.uniform(-1, 1, array.shape)
    return e


def run(e, training=False):
    e.forward(is_train=training)
    if training:
        e.backward([mx.nd.ones(o.shape) for o in e.outputs])
    return e.outputs[0].asnumpy()


def conv(x, filters, kernel, name, **more):
    return sym.Convolution(x, num_filter=filters, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), name=name, **more)


def test_dense_block_is_joined_in_place(monkeypatch):
    x = conv(sym.Variable("data"), 16, 3, "stem")
    for i in range(4):
        x = sym.Concat(x, conv(sym.relu(x), 16, 3, f"layer{i}"), dim=1)
    net = sym.square(sym.Pooling(x, global_pool=True, pool_type="avg"))
    monkeypatch.setenv("MIXNET_LAYOUTS", "0")
    joined = bound(net, data=(1, 3, 16, 16))
    assert "Concat" not in joined.debug_str()
    estimate = net.memory_estimate(training=False, data=(1, 3, 16, 16))
    assert joined.memory(training=False)["planned"] == estimate["planned"]
    monkeypatch.setenv("MIXNET_PLAN_INPLACE", "0")
    copied = bound(net, data=(1, 3, 16, 16))
    assert copied.debug_str().count("Concat") == 4
    np.testing.assert_allclose(run(joined), run(copied), rtol=1e-5)


def test_estimate_knows_what_is_joined_in_place(monkeypatch):
    data = sym.Variable("data")
    net = sym.sum(sym.Concat(*[sym.FullyConnected(data, num_hidden=512, name=f"part{i}") for i in range(8)], dim=1))
    joined = net.memory_estimate(training=False, data=(1, 16))
    assert bound(net, data=(1, 16)).memory(training=False)["planned"] == joined["planned"]
    monkeypatch.setenv("MIXNET_PLAN_INPLACE", "0")
    assert joined["planned"] < net.memory_estimate(training=False, data=(1, 16))["planned"]


@pytest.mark.parametrize("training", [False, True])
def test_transposed_channels_last_moves_nothing(training):
    data = sym.Variable("data")
    x = conv(sym.transpose(data, axes=(0, 3, 1, 2)), 32, 3, "first")
    x = conv(sym.relu(x), 32, 1, "second")
    net = sym.transpose(x, axes=(0, 2, 3, 1))
    e = bound(net, training, data=(1, 20, 20, 16))
    plain = bound(x, training, data=(1, 20, 20, 16))
    for name in plain.arg_dict:
        plain.arg_dict[name][:] = e.arg_dict[name]
    y, expected = run(e, training), run(plain, training)
    np.testing.assert_allclose(y, expected.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5)
    if training:
        for name in e.grad_dict:
            np.testing.assert_allclose(e.grad_dict[name].asnumpy(), plain.grad_dict[name].asnumpy(), rtol=1e-3, atol=1e-4)


def layer(kind, layout, **more):
    data = sym.Variable("data")
    if kind == "Pooling":
        return sym.Pooling(data, kernel=(3, 2), stride=(2, 2), pad=(1, 1), layout=layout, **more)
    return getattr(sym, kind)(data, kernel=(3, 3), stride=(2, 1), pad=(1, 1), num_filter=32, layout=layout, name="layer", **more)


@pytest.mark.parametrize(
    "kind,more",
    [
        ("Convolution", {}),
        ("Convolution", {"num_group": 4, "no_bias": True}),
        ("Deconvolution", {}),
        ("Deconvolution", {"num_group": 4, "adj": (1, 0)}),
        ("Pooling", {"pool_type": "max"}),
        ("Pooling", {"pool_type": "avg", "count_include_pad": False}),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_channels_last_layers_agree_with_channels_first(kind, more, training):
    first = bound(layer(kind, "NCHW", **more), training, data=(2, 32, 12, 14))
    last = bound(layer(kind, "NHWC", **more), training, data=(2, 12, 14, 32))
    for name, array in first.arg_dict.items():
        value = array.asnumpy()
        last.arg_dict[name][:] = np.moveaxis(value, 1, -1) if value.ndim == 4 else value
    y, expected = run(last, training), run(first, training)
    np.testing.assert_allclose(y, np.moveaxis(expected, 1, -1), rtol=1e-3, atol=1e-4)
    for name, array in first.grad_dict.items() if training else ():
        value = array.asnumpy()
        value = np.moveaxis(value, 1, -1) if value.ndim == 4 else value
        np.testing.assert_allclose(last.grad_dict[name].asnumpy(), value, rtol=1e-3, atol=1e-3)


def test_batch_norm_folds_into_a_channels_last_layer():
    x = conv(sym.Variable("data"), 16, 3, "c", layout="NHWC", no_bias=True)
    net = sym.relu(sym.BatchNorm(x, axis=3, fix_gamma=False, name="bn"))
    e = bound(net, data=(1, 10, 10, 16))
    assert "BatchNorm" not in e.debug_str()
    got = run(e)
    wrong_axis = bound(sym.BatchNorm(x, axis=1, fix_gamma=False, name="bn"), data=(1, 10, 10, 16))
    assert "BatchNorm" in wrong_axis.debug_str()
    weight, data = e.arg_dict["c_weight"].asnumpy(), e.arg_dict["data"].asnumpy()
    padded = np.pad(data, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros((1, 10, 10, 16))
    for i in range(3):
        for j in range(3):
            expected += padded[:, i : i + 10, j : j + 10] @ weight[:, i, j].T
    mean, variance = (e.aux_dict[f"bn_moving_{name}"].asnumpy() for name in ("mean", "var"))
    expected = (expected - mean) / np.sqrt(variance + 1e-3) * e.arg_dict["bn_gamma"].asnumpy() + e.arg_dict["bn_beta"].asnumpy()
    np.testing.assert_allclose(got, np.maximum(expected, 0), rtol=1e-3, atol=1e-3)


def test_channels_last_needs_as_many_axes():
    with pytest.raises(mx.MXNetError, match="layout"):
        sym.Convolution(sym.Variable("data"), kernel=(3,), num_filter=2, layout="NHWC")
