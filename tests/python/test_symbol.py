"""Symbols and executors from Python."""

import random

import numpy as np
import pytest

import mixnet as mx
from mixnet.base import check, ffi, lib


def mlp():
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(net, num_hidden=8, name="fc1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=3, name="fc2"), name="softmax")


def test_structure():
    net = mlp()
    assert net.list_arguments() == ["data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias", "softmax_label"]
    assert net.list_outputs() == ["softmax_output"] and net.name == "softmax"
    assert net.get_internals()["relu1_output"].list_arguments() == ["data", "fc1_weight", "fc1_bias"]
    assert net.infer_shape(data=(2, 5))[0][1] == (8, 5)
    assert net.infer_shape() == (None, None, None)
    assert net.infer_type(data="float16")[1] == [np.float16]
    assert "fc1" in net.debug_str()


def test_names_and_scopes():
    with mx.name.Prefix("a_"), mx.AttrScope(ctx_group="one"):
        s = mx.sym.exp(mx.sym.Variable("x"))
    assert s.name == "a_exp0" and s.attr("ctx_group") == "one"
    with mx.NameManager():
        x = mx.sym.Variable("x")
        assert [mx.sym.relu(x).name, mx.sym.relu(x).name, (x + 1).name, (x + x).name] == ["relu0", "relu1", "_plusscalar0", "_plus0"]


def test_attributes_and_files(tmp_path):
    x = mx.sym.Variable("x", shape=(2, 3), lr_mult=2, init=mx.init.One())
    net = mx.sym.FullyConnected(x, num_hidden=4, name="fc", attr={"note": "hello"})
    path = str(tmp_path / "net-symbol.json")
    net.save(path)
    again = mx.sym.load(path)
    assert again.tojson() == net.tojson()
    assert again.attr_dict()["x"]["__lr_mult__"] == "2"
    assert again.infer_shape()[1] == [(2, 4)]
    with pytest.raises(mx.MXNetError, match="nowhere"):
        mx.sym.load(str(tmp_path / "nowhere.json"))
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(mx.MXNetError, match=r"\[load\] .*other.json: \[json\] expected"):
        mx.sym.load(str(tmp_path / "other.json"))


def test_compose():
    inner = mx.sym.FullyConnected(mx.sym.Variable("x"), num_hidden=2, name="inner")
    outer = mx.sym.Activation(mx.sym.Variable("y"), act_type="tanh", name="outer")
    assert outer(y=inner).list_arguments() == ["x", "inner_weight", "inner_bias"]
    assert outer.list_arguments() == ["y"]
    assert len(mx.sym.Group([inner, outer])) == 2


def test_arithmetic_and_gradient():
    x, y = mx.sym.Variable("x"), mx.sym.Variable("y")
    net = 2 * x * y + (1 - x) / y - x**2 + 3**y
    a, b = np.array([0.5, 1.5], "float32"), np.array([2.0, 0.5], "float32")
    exe = net.bind(mx.cpu(), {"x": mx.nd.array(a), "y": mx.nd.array(b)}, {"x": mx.nd.zeros((2,)), "y": mx.nd.zeros((2,))})
    np.testing.assert_allclose(exe.forward(is_train=True)[0].asnumpy(), 2 * a * b + (1 - a) / b - a**2 + 3**b, rtol=1e-5)
    exe.backward(mx.nd.array([1, 2]))
    np.testing.assert_allclose(exe.grad_dict["x"].asnumpy(), [1, 2] * (2 * b - 1 / b - 2 * a), rtol=1e-5)
    np.testing.assert_allclose(exe.grad_dict["y"].asnumpy(), [1, 2] * (2 * a - (1 - a) / b**2 + np.log(3) * 3**b), rtol=1e-5)


def test_executor_requests_and_monitor():
    net = mlp()
    exe = net.simple_bind(mx.cpu(), grad_req={"fc1_weight": "add", "fc2_weight": "write"}, data=(4, 5))
    for name, array in exe.arg_dict.items():
        if name.endswith("weight"):
            mx.random.normal(0, 1, out=array)
    exe.forward(is_train=True, data=np.ones((4, 5)))
    exe.backward()
    first = exe.grad_dict["fc1_weight"].asnumpy()
    exe.forward(is_train=True)
    exe.backward()
    np.testing.assert_allclose(exe.grad_dict["fc1_weight"].asnumpy(), 2 * first, rtol=1e-5)
    assert exe.grad_dict["fc1_bias"] is None
    seen = []
    exe.set_monitor_callback(lambda name, array: seen.append((name, array.shape)))
    exe.forward()
    assert seen[0] == ("fc1_output", (4, 8)) and len(seen) == 4


def test_a_monitor_that_raises_is_an_error():
    exe = mlp().simple_bind(mx.cpu(), data=(1, 2))

    def fail(name, array):
        raise ValueError("not today")

    exe.set_monitor_callback(fail)
    with pytest.raises(mx.MXNetError, match="not today"):
        exe.forward()
    exe.set_monitor_callback(None)
    assert exe.forward()[0].shape == (1, 3)


def test_memory_estimate_equals_what_binding_takes():
    net = mlp()
    exe = net.simple_bind(mx.cpu(), grad_req={n: "write" for n in net.list_arguments() if n not in ("data",)}, data=(16, 5))
    assert net.memory_estimate(data=(16, 5)) == exe.memory()


def test_structs_may_be_older_or_newer():
    exe = mlp().simple_bind(mx.cpu(), data=(16, 5))
    want = exe.memory()
    older, newer = ffi.sizeof("size_t") + 16, ffi.sizeof("mxn_memory_info_t") + 8
    room = ffi.new("char[]", b"x" * (newer + 1))
    info = ffi.cast("mxn_memory_info_t *", room)
    info.struct_size = older
    check(lib.mxn_executor_memory(exe._h, 1, info))
    assert (info.struct_size, info.planned, info.naive) == (older, want["planned"], want["naive"])
    assert ffi.buffer(room)[older:newer] == b"x" * (newer - older)
    info.struct_size = newer
    check(lib.mxn_executor_memory(exe._h, 1, info))
    assert info.kept == want["kept"] and ffi.buffer(room)[newer - 8 : newer + 1] == bytes(8) + b"x"
    info.struct_size = 0
    with pytest.raises(mx.MXNetError, match=r"\[executor_memory\] out_info.struct_size: expected \d+, got 0"):
        check(lib.mxn_executor_memory(exe._h, 1, info))


@pytest.mark.parametrize("call, message", [
    (lambda: mx.sym.FullyConnected(mx.sym.Variable("x"), name="f"), r"\[FullyConnected f\] num_hidden: required"),
    (lambda: mx.sym.FullyConnected(mx.sym.Variable("x"), num_hidden=2, hidden=3), "unknown parameter 'hidden'"),
    (lambda: mlp().simple_bind(mx.cpu(), data=(2, 5), fc1_weight=(8, 6)), r"\[FullyConnected fc1\] weight: expected \(8, 5\), got \(8, 6\)"),
    (lambda: mlp().simple_bind(mx.cpu(), dat=(2, 5)), "no argument is called 'dat'"),
    (lambda: mlp().simple_bind(mx.cpu()), "cannot be inferred"),
    (lambda: mlp().simple_bind(mx.cpu(), grad_req="sometimes", data=(2, 5)), "grad_req"),
    (lambda: mlp().simple_bind(mx.gpu(), data=(2, 5)), "gpu"),
    (lambda: mx.sym.load_json("{"), "symbol.json"),
])  # fmt: skip
def test_mistakes_are_one_line(call, message):
    with pytest.raises(mx.MXNetError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_mutated_json_ends_in_one_error():
    chooser, good = random.Random(2), mlp().tojson()
    for _ in range(2000):
        bad = list(good[: chooser.randrange(len(good))] if chooser.random() < 0.3 else good)
        for _ in range(1 + chooser.randrange(3)):
            if bad:
                bad[chooser.randrange(len(bad))] = chooser.choice('{}[]",:0123456789abcTF-')
        try:
            mx.sym.load_json("".join(bad)).list_arguments()
        except mx.MXNetError as error:
            assert "\n" not in str(error)
