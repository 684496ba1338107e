"""Convolutions of many channels, which take Winograd's way, against the same in float64, which does not."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import mixnet as mx

CASES = [  # images, channels, height, width, filters, pad, bias, tail
    (1, 32, 10, 10, 48, 1, True, "sum relu"),
    (2, 16, 13, 9, 16, 1, False, ""),
    (3, 64, 14, 14, 32, 0, True, "relu"),
    (2, 48, 28, 28, 64, 1, True, "scale"),
    (1, 16, 30, 31, 80, 2, True, ""),
    (16, 64, 7, 7, 64, 1, False, "sum"),
]


def net(filters, pad, bias, tail):
    symbol = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), pad=(pad, pad), num_filter=filters, no_bias=not bias, name="conv")
    if "scale" in tail:
        symbol = symbol * 0.5 + 2
    if "sum" in tail:
        symbol = symbol + mx.sym.Variable("other")
    return mx.sym.Activation(symbol, act_type="relu") if "relu" in tail else symbol


def results(symbol, values, head, dtype):
    """Prediction, outputs of training and gradients by argument, all as float64."""
    arrays = {k: mx.nd.array(values[k], dtype=dtype) for k in symbol.list_arguments()}
    predicted = symbol.bind(mx.cpu(), arrays, grad_req="null").forward()[0].asnumpy()
    gradients = {k: mx.nd.zeros(a.shape, dtype=dtype) for k, a in arrays.items()}
    executor = symbol.bind(mx.cpu(), arrays, gradients)
    trained = executor.forward(is_train=True)[0].asnumpy()
    executor.backward(mx.nd.array(head, dtype=dtype))
    return {"predicted": predicted, "trained": trained, **{k: g.asnumpy() for k, g in gradients.items()}}


def inputs(case, seed):
    images, channels, height, width, filters, pad, _, _ = case
    random = np.random.RandomState(seed)
    out = (images, filters, height + 2 * pad - 2, width + 2 * pad - 2)
    shapes = {"data": (images, channels, height, width), "conv_weight": (filters, channels, 3, 3), "conv_bias": (filters,), "other": out}
    values = {k: random.uniform(-1, 1, s).astype("float32") for k, s in shapes.items()}
    return values, random.uniform(-1, 1, out).astype("float32")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_convolution_is_as_exact_as_float32_allows(case):
    values, head = inputs(case, 5)
    if "relu" in case[-1]:
        values["conv_weight"] = np.abs(values["conv_weight"])  # no result is near 0, where rounding decides about the gradient
        values["data"] = np.abs(values["data"]) + 0.1
    symbol = net(case[4], case[5], case[6], case[7])
    ours, exact = (results(symbol, values, head, dtype) for dtype in ("float32", "float64"))
    for name, value in exact.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=5e-6 * np.abs(value).max(), err_msg=name)


@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_bfloat16_is_rounded_where_it_is_stored(case):
    values, head = inputs(case, 6)
    values = {k: mx.nd.array(np.abs(v), dtype="bfloat16").astype("float32").asnumpy() for k, v in values.items()}
    head = mx.nd.array(head, dtype="bfloat16").astype("float32").asnumpy()
    symbol = net(case[4], case[5], case[6], "")
    exact = results(symbol, values, head, "float64")
    for name, value in results(symbol, values, head, "bfloat16").items():
        got = value if value.dtype == np.float32 else np.asarray(mx.nd.array(value, dtype="float32").asnumpy())
        np.testing.assert_allclose(got, exact[name], rtol=2.0**-8, atol=2.0**-9 * np.abs(exact[name]).max(), err_msg=name)


def test_relu_after_a_convolution_keeps_nan():
    # Winograd's way spreads it over the tile of 4 x 4 results; beyond that nothing is touched.
    values, _ = inputs(CASES[0], 1)
    values["data"][0, 3, 5, 5] = np.nan
    symbol = net(48, 1, True, "relu")
    arrays = {k: mx.nd.array(values[k]) for k in symbol.list_arguments()}
    out = symbol.bind(mx.cpu(), arrays, grad_req="null").forward()[0].asnumpy()
    assert np.isnan(out[0, :, 5, 5]).all()
    assert not np.isnan(out[0, :, :, 8:]).any()


def test_a_net_is_as_exact_as_float32_allows():
    here = pathlib.Path(__file__).parents[2] / "benchmarks" / "nets.py"
    spec = importlib.util.spec_from_file_location("benchmark_nets", here)
    nets = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nets)
    symbol, random = nets.ALL["GoogLeNet"].make(), np.random.RandomState(5)
    shapes, _, _ = symbol.infer_shape(data=(2, 3, 64, 64))
    values = {k: random.randn(*s) for k, s in zip(symbol.list_arguments(), shapes)}
    for name, value in values.items():
        if name.endswith("weight"):
            value *= np.sqrt(2 / np.prod(value.shape[1:]))
    values["softmax_label"] = np.array([3.0, 700.0])

    def step(dtype):
        executor = symbol.simple_bind(mx.cpu(), data=(2, 3, 64, 64), type_dict=dict.fromkeys(values, dtype))
        for name, array in executor.arg_dict.items():
            array[:] = values[name].astype("float32")
        mx.random.seed(1)
        executor.forward(is_train=True)
        executor.backward()
        return {"out": executor.outputs[0].asnumpy(), **{k: g.asnumpy() for k, g in executor.grad_dict.items() if g is not None}}

    ours, exact = step("float32"), step("float64")
    for name, value in exact.items():
        np.testing.assert_allclose(ours[name], value, rtol=0, atol=2e-5 * np.abs(value).max(), err_msg=name)


def digest(**environment):
    """The bits of all results of one case, in a process with other settings."""
    here = pathlib.Path(__file__)
    code = (
        f"import sys, zlib; sys.path.insert(0, {str(here.parent)!r}); import test_convolution as t; case = (6, 64, 28, 28, 64, 1, True, 'sum')\n"
        "values, head = t.inputs(case, 3); got = t.results(t.net(64, 1, True, 'sum'), values, head, 'float32')\n"
        "print({k: zlib.crc32(v.tobytes()) for k, v in sorted(got.items())})"
    )
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_number_of_threads_does_not_change_a_bit():
    assert digest(OMP_NUM_THREADS="1", MIXNET_CPU_NTHREADS="1") == digest(OMP_NUM_THREADS="3", MIXNET_CPU_NTHREADS="3")


@pytest.mark.skipif(os.environ.get("MIXNET_ONEDNN") == "0", reason="portable kernels only")
def test_winograd_can_be_switched_off():
    assert digest(MIXNET_WINOGRAD="0") != digest(MIXNET_WINOGRAD="1")
