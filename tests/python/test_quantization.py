"""Models on 8-bit numbers: the operators' rules, the rewriting of graphs, calibration, joined layers, files."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import mixnet as mx
from mixnet.contrib import quantization as quantization

SHAPE = (8, 3, 16, 16)


def numbers(*values, dtype="float32"):
    return mx.nd.array(np.array(values, dtype), dtype=dtype)


def limits(low, high):
    return numbers(low), numbers(high)


def conv(data, filters, kernel, name, stride=1, **more):
    return mx.sym.Convolution(data, kernel=(kernel, kernel), num_filter=filters, stride=(stride, stride), pad=(kernel // 2, kernel // 2), name=name, **more)


def residual():
    """Convolutions with and without BatchNorm and bias, a block with a projected and one with a plain shortcut, both poolings."""
    relu = lambda net, name: mx.sym.Activation(net, act_type="relu", name=name)  # noqa: E731
    net = mx.sym.BatchNorm(conv(mx.sym.Variable("data"), 16, 3, "first", no_bias=True), fix_gamma=False, name="first_bn")
    net = mx.sym.Pooling(relu(net, "first_relu"), kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    inner = relu(mx.sym.BatchNorm(conv(net, 32, 3, "a", 2), name="a_bn"), "a_relu")
    inner = mx.sym.BatchNorm(conv(inner, 32, 3, "b", no_bias=True), fix_gamma=False, name="b_bn")
    net = relu(inner + conv(net, 32, 1, "short", 2), "sum_relu")
    net = relu(conv(net, 32, 3, "c", num_group=4) + net, "second_relu")
    net = mx.sym.Flatten(mx.sym.Pooling(net, global_pool=True, kernel=(1, 1), pool_type="avg", name="average"), name="flat")
    net = mx.sym.FullyConnected(relu(mx.sym.FullyConnected(net, num_hidden=24, name="full0"), "full_relu"), num_hidden=10, name="full1")
    return mx.sym.softmax(net, name="softmax")


@pytest.fixture(scope="module")
def model():
    net, random = residual(), np.random.RandomState(3)
    shapes, _, states = net.infer_shape(data=SHAPE)
    he = lambda s: random.randn(*s) * (2 / np.prod(s[1:])) ** 0.5 if len(s) > 1 else random.rand(*s) + 0.5  # noqa: E731
    args = {n: mx.nd.array(he(s)) for n, s in zip(net.list_arguments(), shapes) if n != "data"}
    aux = {n: mx.nd.array(random.rand(*s) + 0.5) for n, s in zip(net.list_auxiliary_states(), states)}
    return net, args, aux, random.randn(32, *SHAPE[1:]).astype("float32")


def predict(net, args, aux, data):
    executor = net.simple_bind(mx.cpu(), grad_req="null", data=SHAPE)
    executor.copy_params_from(args, aux)
    return np.concatenate([executor.forward(data=mx.nd.array(data[i : i + 8]))[0].asnumpy() for i in range(0, len(data), 8)])


def quantised(model, **options):
    net, args, aux, data = model
    options = {"calib_mode": "naive", "quantized_dtype": "auto", "quantize_granularity": "channel-wise", **options}
    return quantization.quantize_model(net, args, aux, calib_data=mx.io.NDArrayIter(data, batch_size=8), **options)


def operators(net):
    return [node["op"] for node in json.loads(net.tojson())["nodes"] if node["op"] != "null"]


# ---- operators: numbers by hand, or MXNet 1.9.1's ---------------------------------------------------------------------


def test_quantize_and_back():
    x = numbers(-1.3, -0.5, 0, 0.5, 0.51, 1, 2.7, 3)
    q, low, high = mx.nd._contrib_quantize(x, *limits(-1.3, 3), out_type="int8")
    assert q.asnumpy().tolist() == [-55, -21, 0, 21, 22, 42, 114, 127] and (low.asscalar(), high.asscalar()) == (-3, 3)
    q, low, high = mx.nd._contrib_quantize_v2(x, out_type="uint8", min_calib_range=0, max_calib_range=2)
    assert q.asnumpy().tolist() == [0, 0, 0, 64, 65, 128, 255, 255] and q.dtype == np.uint8
    assert mx.nd._contrib_quantize_v2(x, out_type="auto", min_calib_range=0, max_calib_range=2)[0].dtype == np.uint8
    assert mx.nd._contrib_quantize_v2(x, out_type="auto")[0].dtype == np.int8
    back = mx.nd._contrib_dequantize(numbers(-128, 0, 5, 127, dtype="int8"), *limits(-2, 3))
    np.testing.assert_allclose(back.asnumpy(), [-3.0236, 0, 0.11811, 3], rtol=1e-4)
    q, scale, shift = mx.nd._contrib_quantize_asym(numbers(-1, 0, 1, 3))
    np.testing.assert_allclose((q.asnumpy() - shift.asscalar()) / scale.asscalar(), [-1, 0, 1, 3], atol=0.01)


def test_requantize():
    x, r = numbers(-(2**31) + 1, -100000, 0, 12345678, 2**31 - 1, dtype="int32"), limits(-2, 3)
    q, low, high = mx.nd._contrib_requantize(x, *r, min_calib_range=-1, max_calib_range=0.5)
    assert q.asnumpy().tolist() == [-128, 0, 0, 2, 127] and (low.asscalar(), high.asscalar()) == (-1, 1)
    q, low, high = mx.nd._contrib_requantize(x, *r, min_calib_range=0, max_calib_range=0.5, out_type="uint8")
    assert q.asnumpy().tolist() == [0, 0, 0, 9, 255] and (low.asscalar(), high.asscalar()) == (0, 0.5)
    q, low, high = mx.nd._contrib_requantize(x, *r)
    assert q.asnumpy().tolist() == [-127, 0, 0, 1, 127] and high.asscalar() == 3


def test_sums_are_exact():
    random = np.random.RandomState(0)
    for dtype, low in (("int8", -128), ("uint8", 0)):
        x = random.randint(low, low + 256, (2, 6, 9, 8)).astype(dtype)
        w = random.randint(-128, 128, (4, 3, 3, 2)).astype("int8")
        options = {"kernel": (3, 2), "num_filter": 4, "num_group": 2, "pad": (1, 0), "stride": (2, 1), "no_bias": True}
        exact = mx.nd.Convolution(mx.nd.array(x, dtype="float64"), mx.nd.array(w, dtype="float64"), **options).asnumpy()
        inputs = [mx.nd.array(x, dtype=dtype), mx.nd.array(w, dtype="int8"), *limits(-1, 2), *limits(-0.5, 0.4)]
        sums, lowest, highest = mx.nd._contrib_quantized_conv(*inputs, **options)
        assert np.array_equal(sums.asnumpy(), exact) and sums.dtype == np.int32
        np.testing.assert_allclose(highest.asscalar(), 2 / (255 if dtype == "uint8" else 127) * 0.5 / 127 * (2**31 - 1), rtol=1e-5)
        x, w = x.reshape(12, -1), random.randint(-128, 128, (5, 72)).astype("int8")
        inputs = [mx.nd.array(x, dtype=dtype), mx.nd.array(w, dtype="int8"), *limits(-1, 2), *limits(-0.5, 0.4)]
        sums = mx.nd._contrib_quantized_fully_connected(*inputs, num_hidden=5, no_bias=True)[0]
        assert np.array_equal(sums.asnumpy(), x.astype("int64") @ w.T.astype("int64"))


def test_biases():
    x, w = mx.nd.array(np.ones((1, 2)), dtype="int8"), mx.nd.array([[1, 1], [2, 2]], dtype="int8")
    ranges = [*limits(-1.27, 1.27), *limits(-12.7, 12.7), *limits(-2.54, 2.54)]  # steps 0.01, 0.1 and 0.02
    sums = mx.nd._contrib_quantized_fully_connected(x, w, numbers(100, -5, dtype="int8"), *ranges, num_hidden=2)[0]
    assert sums.asnumpy().tolist() == [[2 + 2000, 4 - 100]]
    sums = mx.nd._contrib_quantized_fully_connected(x, w, numbers(0.5, -0.25), *ranges, num_hidden=2)[0]
    assert sums.asnumpy().tolist() == [[2 + 500, 4 - 250]]


def test_moving_operators():
    x = mx.nd.array(np.arange(-8, 8).reshape(1, 1, 4, 4), dtype="int8")
    window = {"kernel": (2, 2), "stride": (2, 2)}
    r = limits(-1, 2)
    assert mx.nd._contrib_quantized_pooling(x, *r, pool_type="max", **window)[0].asnumpy().ravel().tolist() == [-3, -1, 5, 7]
    assert mx.nd._contrib_quantized_pooling(x, *r, pool_type="avg", **window)[0].asnumpy().ravel().tolist() == [-6, -4, 2, 4]
    assert mx.nd._contrib_quantized_act(x, *r, act_type="relu")[0].asnumpy().min() == 0
    a, b = numbers(-128, -127, -3, 0, 5, 127, dtype="int8"), numbers(10, 20, 30, -40, 50, 127, dtype="int8")
    joined, low, high = mx.nd._contrib_quantized_concat(a, b, *limits(-2, 2), *limits(-1, 1), dim=0, num_args=2)
    assert joined.asnumpy().tolist()[6:] == [5, 10, 15, -20, 25, 64] and (low.asscalar(), high.asscalar()) == (-2, 2)
    total, low, high = mx.nd._contrib_quantized_elemwise_add(a, b, *limits(-2, 2), *limits(-1, 1))
    step = high.asscalar() / (2**31 - 1)
    np.testing.assert_allclose(total.asnumpy() * step, a.asnumpy() / 127 * 2 + b.asnumpy() / 127, rtol=1e-5)
    product = mx.nd._contrib_quantized_elemwise_mul(a, b, *limits(-2, 2), *limits(-1, 1))[0]
    assert product.asnumpy().tolist() == [-1280, -2540, -90, 0, 250, 127 * 127]


def test_entropy_limits_are_those_of_mxnet():
    """Thresholds and divergences that MXNet 1.9.1 gives for these histograms, within a bin and a percent."""
    random = np.random.RandomState(0)
    values = random.randn(100000)
    for bins, quantized, threshold, divergence in ((8001, 255, 4.014019, 0.0205648), (301, 31, 3.788198, 0.0029328)):
        reach = np.abs(values).max()
        counts, edges = np.histogram(values, bins=bins, range=(-reach, reach))
        found = mx.nd._contrib_calibrate_entropy(mx.nd.array(counts.astype("float32")), mx.nd.array(edges), num_quantized_bins=quantized)
        assert abs(found[0].asscalar() - threshold) <= 2 * reach / bins
        np.testing.assert_allclose(found[1].asscalar(), divergence, rtol=0.02)


def test_operators_refuse():
    x = mx.nd.ones((2, 2))
    with pytest.raises(mx.MXNetError, match="weight: expected int8 or uint8, got float32"):
        mx.nd._contrib_quantized_embedding(x, x, *limits(0, 1), input_dim=2, output_dim=2)
    with pytest.raises(mx.MXNetError, match="both limits or none"):
        mx.nd._contrib_quantize_v2(x, min_calib_range=0.0)
    with pytest.raises(mx.MXNetError, match="act_type"):
        mx.nd._contrib_quantized_act(x.astype("int8"), *limits(0, 1), act_type="tanh")
    with pytest.raises(mx.MXNetError, match=r"min_weight: expected \(1,\) or \(3,\)"):
        w = mx.nd.ones((3, 2), dtype="int8")
        mx.nd._contrib_quantized_fully_connected(x.astype("int8"), w, *limits(0, 1), mx.nd.ones(2), mx.nd.ones(2), num_hidden=3, no_bias=True)


# ---- graphs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype, mode, grain",
    [
        ("int8", "none", "tensor-wise"),
        ("auto", "none", "channel-wise"),
        ("int8", "naive", "tensor-wise"),
        ("auto", "naive", "tensor-wise"),
        ("int8", "naive", "channel-wise"),
        ("auto", "entropy", "channel-wise"),
    ],
)
def test_accuracy(model, dtype, mode, grain):
    exact = predict(*model)
    made = quantised(model, quantized_dtype=dtype, calib_mode=mode, quantize_granularity=grain)
    assert np.abs(predict(*made, model[3]) - exact).max() < 0.12
    assert {v.dtype for n, v in made[1].items() if n.endswith("weight_quantize")} == {np.dtype("int8").type}


def test_what_is_quantised(model):
    net = quantised(model)[0]
    used = operators(net)
    assert used.count("_contrib_quantized_conv") == 5 and used.count("_contrib_quantized_fully_connected") == 2
    assert used.count("_contrib_quantize_v2") == 1 and used.count("_contrib_dequantize") == 1
    assert not {"BatchNorm", "Convolution", "Pooling", "Flatten", "Activation"} & set(used)
    assert net.list_auxiliary_states() == []
    kept = operators(quantised(model, excluded_sym_names=["a"], excluded_op_names=["FullyConnected"])[0])
    assert kept.count("Convolution") == 1 and kept.count("FullyConnected") == 2 and kept.count("BatchNorm") == 1


CONFIGURED = """
import sys, numpy as np, mixnet as mx
net, saved, data, out = sys.argv[1:]
net, data = mx.sym.load(net), np.load(data)
executor = net.simple_bind(mx.cpu(), grad_req="null", data=data.shape)
executor.copy_params_from(mx.nd.load(saved))
np.save(out, executor.forward(data=mx.nd.array(data))[0].asnumpy())
"""


@pytest.mark.parametrize("setting", ["FOLD", "ONEDNN", "LAYOUTS", "FUSION"])
def test_ways_to_run_agree(model, tmp_path, setting):
    """Joined or operator by operator, on oneDNN or portable, in any layout: the same but for rounding."""
    made = quantised(model)
    paths = [str(tmp_path / n) for n in ("net.json", "net.params", "data.npy", "out.npy")]
    made[0].save(paths[0])
    mx.nd.save(paths[1], made[1])
    np.save(paths[2], model[3][:8])
    subprocess.run([sys.executable, "-c", CONFIGURED, *paths], check=True, env={**os.environ, f"MIXNET_{setting}": "0"})
    assert np.abs(np.load(paths[3]) - predict(*made, model[3])[:8]).max() < 0.03


def test_saved_and_loaded(model, tmp_path):
    net, args, aux = quantised(model)
    mx.model.save_checkpoint(str(tmp_path / "q"), 0, net, args, aux)
    loaded = mx.model.load_checkpoint(str(tmp_path / "q"), 0)
    assert np.array_equal(predict(*loaded, model[3]), predict(net, args, aux, model[3]))


def test_predictor(model, tmp_path):
    from mixnet.predictor import Predictor

    net, args, aux = quantised(model)
    mx.nd.save(str(tmp_path / "q.params"), {f"arg:{n}": v for n, v in args.items()})
    predictor = Predictor(net, str(tmp_path / "q.params"), {"data": SHAPE})
    np.testing.assert_allclose(predictor.forward(data=model[3][:8])[0], predict(net, args, aux, model[3])[:8], atol=0.03)


def test_module(model):
    net, args, aux = quantised(model)
    module = mx.mod.Module(net, label_names=None)
    module.bind([("data", SHAPE)], for_training=False)
    module.set_params(args, aux)
    found = module.predict(mx.io.NDArrayIter(model[3], batch_size=8)).asnumpy()
    assert np.array_equal(found, predict(net, args, aux, model[3]))


def test_steps_by_hand(model):
    """quantize_graph, a collector that is shown the values, calib_graph: what quantize_model does."""
    net, args, aux, data = model
    options = {"quantized_dtype": "auto", "quantize_mode": "smart", "quantize_granularity": "channel-wise"}
    qnet, qargs, qaux, collector = quantization.quantize_graph(net, args, aux, calib_mode="naive", **options)
    with pytest.raises(mx.MXNetError, match="expected a range of"):
        quantization.calib_graph(qnet, qargs, qaux, collector, "naive", "auto")
    group = mx.sym.Group([net.get_internals()[name] for name in collector.include_layers])
    executor = group.simple_bind(mx.cpu(), grad_req="null", data=data.shape)
    executor.copy_params_from(args, aux, allow_extra_params=True)
    for name, value in zip(collector.include_layers, executor.forward(data=mx.nd.array(data))):
        collector.collect(name, value)
    made = quantization.calib_graph(qnet, qargs, qaux, collector, "naive", "auto")
    np.testing.assert_allclose(predict(*made, data), predict(*quantised(model), data), atol=0.01)


def test_histograms_grow():
    """Whatever the order in which values are seen, nothing is lost and the middle stays the middle."""
    collector = quantization.HistogramCollector(511)
    random = np.random.RandomState(0)
    for scale in (0.1, 1, 3, 0.5):
        collector.collect("x", random.randn(1000).astype("float32") * scale)
    counts, reach = collector.histograms["x"]
    assert counts.sum() == 4000 and len(counts) % 2 == 1 and reach >= max(map(abs, collector.ranges["x"]))
    low, high = collector.limits()["x"]
    assert collector.ranges["x"][0] <= low < 0 < high <= collector.ranges["x"][1]


def test_mistakes(model):
    net, args, aux, _ = model
    with pytest.raises(mx.MXNetError, match="calib_mode: expected one of none, naive, entropy, got 'best'"):
        quantization.quantize_model(net, args, aux, calib_mode="best")
    with pytest.raises(mx.MXNetError, match="calib_data: expected an iterator"):
        quantization.quantize_model(net, args, aux)
    with pytest.raises(mx.MXNetError, match="quantized_dtype: expected 'int8', 'uint8' or 'auto'"):
        quantization.quantize_model(net, args, aux, calib_mode="none", quantized_dtype="int4")
    with pytest.raises(mx.MXNetError, match="expected a value for full1_weight"):
        quantization.quantize_model(net, {n: v for n, v in args.items() if n != "full1_weight"}, aux, calib_mode="none")
    with pytest.raises(mx.MXNetError, match="finite"):
        quantization.RangeCollector().collect("x", np.array([1, np.nan]))


def test_layers_are_joined(model):
    """What a bound model runs: no sums, no shortcut and no relu by themselves, and no ranges."""
    net, args, aux = quantised(model)
    executor = net.simple_bind(mx.cpu(), grad_req="null", data=SHAPE)
    executor.copy_params_from(args, aux)
    executor.forward()[0].wait_to_read()
    mx.profiler.set_config(profile_all=True, aggregate_stats=True)
    mx.profiler.set_state("run")
    executor.forward()[0].wait_to_read()
    mx.profiler.set_state("stop")
    ran = {line.split()[0]: int(line.split()[1]) for line in mx.profiler.dumps(reset=True).splitlines() if line.startswith("_")}
    assert ran["_int8_convolution"] == 5 and ran["_int8_fully_connected"] == 2
    assert set(ran) == {"_int8_convolution", "_int8_fully_connected", "_contrib_quantize_v2", "_contrib_quantized_pooling"}
