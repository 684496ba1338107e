"""The classic nets with every graph pass on and off: outputs, gradients and auxiliary states are the same.

Bit for bit where kernels see values in the same layouts. Where recomputation lets more values stay in oneDNN's, some sums are taken in
another order, and normalising over a few values makes the difference larger with every layer: then within a share of the largest number,
and without Winograd's convolutions, whose use depends on the layout.
"""

import importlib.util
import pathlib

import numpy as np
import pytest

import mixnet as mx

SOURCE = pathlib.Path(__file__).parents[2] / "benchmarks" / "nets.py"
spec = importlib.util.spec_from_file_location("benchmark_nets", SOURCE)
nets = importlib.util.module_from_spec(spec)
spec.loader.exec_module(nets)

SIZES = {"AlexNet": 67, "VGG-16": 32, "GoogLeNet": 64, "Inception-BN": 64, "ResNet-50": 64}
OFF = {"MIXNET_CANCEL": "0", "MIXNET_MERGE": "0", "MIXNET_BACKWARD_DO_MIRROR": "0"}
DEFAULTS = {**dict.fromkeys(OFF, ""), "MIXNET_LAYOUTS": "", "MIXNET_FUSION": "", "MIXNET_WINOGRAD": ""}
# Settings, and whether kernels may see values in other layouts than without them.
SETTINGS = [
    ({}, False),
    ({"MIXNET_BACKWARD_DO_MIRROR": "1"}, True),
    ({"MIXNET_BACKWARD_DO_MIRROR": "sqrt"}, True),
]
DIRECT = {"MIXNET_WINOGRAD": "0"}


def bind(net, size, settings, monkeypatch):
    for key, value in {**DEFAULTS, **settings}.items():
        monkeypatch.setenv(key, value)
    return net.simple_bind(mx.cpu(), data=(2, 3, size, size), softmax_label=(2,))


def train_step(net, size, settings, monkeypatch):
    """Everything a step leaves behind, by name, and the bytes planned for it."""
    executor = bind(net, size, settings, monkeypatch)
    random = np.random.RandomState(5)
    for name, array in executor.arg_dict.items():
        values = random.randn(*array.shape)
        if name == "softmax_label":
            values = random.randint(0, 1000, array.shape)
        elif name.endswith("weight"):
            values *= np.sqrt(2 / np.prod(array.shape[1:]))
        elif name.endswith(("gamma", "beta", "bias")):
            values = 0.1 * values + name.endswith("gamma")
        array[:] = values
    for array in executor.aux_dict.values():
        array[:] = random.rand(*array.shape) + 0.5
    mx.random.seed(11)
    executor.forward(is_train=True)
    executor.backward()
    values = {"output": executor.outputs[0].asnumpy()}
    values.update({f"gradient of {name}": a.asnumpy() for name, a in executor.grad_dict.items() if a is not None})
    values.update({name: a.asnumpy() for name, a in executor.aux_dict.items()})
    return values, executor.memory(training=True)["planned"]


@pytest.mark.parametrize("name", SIZES)
def test_nets_do_not_change(name, monkeypatch):
    net = nets.ALL[name].make()
    same_kernels, bytes_off = train_step(net, SIZES[name], OFF, monkeypatch)
    assert all(np.isfinite(value).all() for value in same_kernels.values())
    direct, _ = train_step(net, SIZES[name], {**OFF, **DIRECT}, monkeypatch)
    for settings, loose in SETTINGS:
        want = direct if loose else same_kernels
        for layouts in ({}, {"MIXNET_LAYOUTS": "0", "MIXNET_FUSION": "0"}):
            if layouts:
                reference, _ = train_step(net, SIZES[name], {**OFF, **layouts}, monkeypatch)
            else:
                reference = want
            got, planned = train_step(net, SIZES[name], {**settings, **layouts, **(DIRECT if loose and not layouts else {})}, monkeypatch)
            assert got.keys() == reference.keys()
            for key, value in reference.items():
                if layouts or not loose:
                    np.testing.assert_array_equal(got[key], value, err_msg=f"{key} with {settings} {layouts}")
                else:
                    np.testing.assert_allclose(got[key], value, rtol=0, atol=5e-4 * max(1e-3, abs(value).max()), err_msg=key)
            if settings and not layouts:
                # Workspaces of kernels are not weighed, and these images are small.
                assert planned <= 1.01 * bytes_off


@pytest.mark.parametrize("name,cheap,least", [("ResNet-50", 0.65, 0.35), ("Inception-BN", 0.5, 0.4), ("GoogLeNet", 0.7, 0.45)])
def test_recomputation_saves_memory(name, cheap, least, monkeypatch):
    net = nets.ALL[name].make()
    planned = []
    for mode in ("0", "1", "sqrt"):
        monkeypatch.setenv("MIXNET_BACKWARD_DO_MIRROR", mode)
        planned.append(net.memory_estimate(data=(16, 3, 224, 224))["planned"])
    assert planned[1] < cheap * planned[0]
    assert planned[2] < least * planned[0]


def test_force_mirroring_reaches_the_plan():
    def net(**attributes):
        x = mx.sym.Variable("data")
        for i in range(4):
            x = mx.sym.FullyConnected(x, num_hidden=32, name=f"full{i}")
            with mx.AttrScope(**attributes):
                x = mx.sym.Activation(mx.sym.LayerNorm(x, name=f"norm{i}"), act_type="tanh", name=f"tanh{i}")
        return x

    plain = net().simple_bind(mx.cpu(), data=(8, 32))
    forced = net(force_mirroring="true").simple_bind(mx.cpu(), data=(8, 32))
    assert "_again" not in plain.debug_str()
    assert "tanh2_again" in forced.debug_str()


def test_a_monitor_sees_the_graph_as_it_was_written(monkeypatch):
    monkeypatch.setenv("MIXNET_BACKWARD_DO_MIRROR", "sqrt")
    x = mx.sym.Variable("data")
    y = mx.sym.transpose(mx.sym.transpose(x, name="there"), name="back")
    executor = mx.sym.tanh(y, name="out").simple_bind(mx.cpu(), data=(2, 3))
    assert "transpose" not in executor.debug_str()
    seen = []
    executor.set_monitor_callback(lambda name, array: seen.append(name))
    executor.forward(is_train=True)
    assert [name for name in seen if "head" not in name] == ["there_output", "back_output", "out_output"]


def vgg_like():
    """Values large at first, small at last; an average with padding, a window that is cut off."""
    net = mx.sym.Variable("data")
    for i, filters in enumerate((8, 8, 16)):
        net = mx.sym.Convolution(net, kernel=(3, 3), pad=(1, 1), num_filter=filters, name=f"strip{i}")
        net = mx.sym.LeakyReLU(net, slope=0.1) if i == 1 else mx.sym.Activation(net, act_type="relu")
        pad, kind = ((1, 1), "avg") if i == 1 else ((0, 0), "max")
        net = mx.sym.Pooling(net, kernel=(3, 3), stride=(2, 2), pad=pad, pool_type=kind, pooling_convention="full" if i else "valid")
    return mx.sym.FullyConnected(net, num_hidden=5, name="full")


@pytest.mark.parametrize("shape", [(1, 3, 67, 53), (2, 3, 96, 40)])
def test_strips_change_memory_and_nothing_else(shape, monkeypatch):
    net, random = vgg_like(), np.random.RandomState(3)
    values = {n: mx.nd.array(random.uniform(-1, 1, s)) for n, s in zip(net.list_arguments(), net.infer_shape(data=shape)[0])}
    results, sizes = [], []
    for setting in ("0", "1"):
        monkeypatch.setenv("MIXNET_STRIPS", setting)
        estimate = net.memory_estimate(training=False, data=shape)
        executor = net.bind(mx.cpu(), values, grad_req="null")
        assert executor.memory(training=False) == estimate
        assert ("strips of" in executor.debug_str()) == (setting == "1")
        results.append(executor.forward(is_train=False)[0].asnumpy())
        sizes.append(estimate)
        smaller = executor.reshape(data=(1, 3, 41, 33), partial_shaping=True, allow_up_sizing=True)
        smaller.arg_dict["data"][:] = 0.25
        results.append(smaller.forward(is_train=False)[0].asnumpy())
    assert sizes[1]["planned"] < sizes[0]["lower_bound"]
    for got, want in zip(results[2:], results[:2]):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * abs(want).max())


@pytest.mark.parametrize("include", [False, True])
def test_averages_at_the_edges_of_strips_over_one_axis(include, monkeypatch):
    x = mx.sym.tanh(mx.sym.tanh(mx.sym.Variable("data")))
    net = mx.sym.Pooling(x, kernel=(5,), stride=(2,), pad=(2,), pool_type="avg", count_include_pad=include)
    results = []
    for setting in ("0", "1"):
        monkeypatch.setenv("MIXNET_STRIPS", setting)
        executor = net.bind(mx.cpu(), [mx.nd.ones((1, 1, 38))], grad_req="null")
        assert ("strips of" in executor.debug_str()) == (setting == "1")
        results.append(executor.forward()[0].asnumpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)


def test_vgg_fits_below_the_bound_of_whole_values(monkeypatch):
    net, shape = nets.ALL["VGG-16"].make(), nets.shape("VGG-16", 1)
    whole = net.memory_estimate(training=False, data=shape)
    monkeypatch.setenv("MIXNET_STRIPS", "16000000")
    strips = net.memory_estimate(training=False, data=shape)
    assert whole["lower_bound"] > 25_000_000 and strips["planned"] < 16_000_000
    assert strips["kept"] == whole["kept"]  # one copy of every weight, whatever the strips


def test_the_number_of_bytes_is_checked(monkeypatch):
    for wrong in ("-5", "few"):
        monkeypatch.setenv("MIXNET_STRIPS", wrong)
        with pytest.raises(mx.MXNetError, match="MIXNET_STRIPS"):
            vgg_like().memory_estimate(training=False, data=(1, 3, 32, 32))
