"""mx.library: operators of a plug-in, compiled here from examples/plugin and from sources that are wrong."""

import inspect
import pathlib
import shutil
import subprocess
import sys

import mixnet as mx
import numpy as np
import pytest
from mixnet.test_utils import assert_almost_equal, check_numeric_gradient

ROOT = pathlib.Path(__file__).resolve().parents[2]


def compiled(source, path, *options):
    compiler = shutil.which("cc") or shutil.which("gcc")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-I", ROOT / "include", *options, source, "-o", path, "-lm"], check=True)
    return str(path)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    path = compiled(ROOT / "examples" / "plugin" / "operators.c", tmp_path_factory.mktemp("plugin") / "operators.so")
    with pytest.raises(AttributeError):
        _ = mx.nd.swish
    assert mx.library.load(path, verbose=False) == ["swish", "centred"]
    return path


def swish(x, beta):
    return x / (1 + np.exp(-beta * x))


def test_values_parameters_and_documentation(example):
    x = np.linspace(-3, 3, 12).reshape(3, 4)
    for dtype in ("float32", "float64"):
        a = mx.nd.array(x, dtype=dtype)
        assert_almost_equal(mx.nd.swish(a).asnumpy(), swish(x, 1), rtol=1e-5)
        assert_almost_equal(mx.nd.swish(a, 2.5).asnumpy(), swish(x, 2.5), rtol=1e-5)
        assert_almost_equal(mx.nd.swish(data=a, beta="0.5").asnumpy(), swish(x, 0.5), rtol=1e-5)
    assert mx.nd.swish(mx.nd.zeros((0, 3))).shape == (0, 3)
    out = mx.nd.zeros((3, 4))
    assert mx.nd.swish(mx.nd.array(x), out=out) is out
    assert "beta (float, default 1" in mx.nd.swish.__doc__ and list(inspect.signature(mx.sym.swish).parameters)[:2] == ["data", "beta"]
    assert mx.library.load(example) == []


def test_gradients(example):
    x = np.random.RandomState(0).randn(2, 3)
    net = mx.sym.swish(mx.sym.Variable("x") * 2, beta=1.5, name="s") + 1
    check_numeric_gradient(net, {"x": x}, rtol=0.02)
    a = mx.nd.array(x)
    a.attach_grad()
    with mx.autograd.record():
        y = mx.nd.swish(a, beta=1.5)
    y.backward()
    s = 1 / (1 + np.exp(-1.5 * x))
    assert_almost_equal(a.grad.asnumpy(), s + 1.5 * x * s * (1 - s), rtol=1e-4)
    with mx.autograd.record():
        y = mx.nd.swish(a)
        with pytest.raises(mx.MXNetError, match="only the first derivative"):
            slope = mx.autograd.grad(y, a, create_graph=True)
            slope.backward()


def test_states(example, tmp_path):
    net = mx.sym.centred(mx.sym.Variable("x"), momentum=0.5, name="c")
    assert net.list_arguments() == ["x"] and net.list_auxiliary_states() == ["c_mean"]
    assert net.infer_shape(x=(4, 3))[2] == [(3,)]
    net = mx.sym.load_json(net.tojson())
    exe = net.simple_bind(mx.cpu(), x=(2, 2))
    for _ in range(2):
        exe.forward(is_train=True, x=mx.nd.array([[1, 2], [3, 6]]))
    assert_almost_equal(exe.outputs[0].asnumpy(), [[0, 0], [2, 4]])
    assert_almost_equal(exe.aux_dict["c_mean"].asnumpy(), [1.5, 3])
    exe.backward(mx.nd.array([[1, 2], [3, 4]]))
    assert_almost_equal(exe.grad_dict["x"].asnumpy(), [[1, 2], [3, 4]])
    mean = mx.nd.zeros((2,))
    with mx.autograd.train_mode():
        mx.nd.centred(mx.nd.ones((3, 2)), mean).wait_to_read()
    assert_almost_equal(mean.asnumpy(), [0.1, 0.1])


def test_mistakes_of_callers(example):
    a = mx.nd.ones((2, 2))
    for call, words in (
        (lambda: mx.nd.swish(a, beta=1000), r"\[swish\] beta: expected a value in \[0, 100\]"),
        (lambda: mx.nd.swish(a, gamma=1), "unknown parameter 'gamma'"),
        (lambda: mx.nd.swish(a, beta="blue"), r"\[swish\] beta: expected"),
        (lambda: mx.nd.swish(), "data: expected an array"),
        (lambda: mx.nd.swish(a.astype("int32")), r"\[swish\] data: expected float32 or float64"),
        (lambda: mx.nd.centred(mx.nd.ones((2,)), a), r"\[centred\] data: expected 2 dimensions, got 1"),
        (lambda: mx.nd.centred(a, mx.nd.ones((3,))), r"\[centred\] mean: expected \(2,\), got \(3,\)"),
    ):
        with pytest.raises(mx.MXNetError, match=words):
            call()


BAD = """
#include <stdio.h>
#include "mixnet/plugin.h"
static int32_t fails(mxn_plugin_call_t *call) { snprintf(call->message, call->message_size, "no luck today"); return 7; }
static const mxn_plugin_name_t data[] = {{"data", ""}, {"data", ""}};
static const int32_t far[] = {5};
static const mxn_plugin_param_t params[] = {
  {sizeof params[0], "shade", "", MXN_PLUGIN_CHOICE, "pale", (const char *const[]){"dark", "light"}, 2},
  {sizeof params[0], "size", "", 99, "1"},
};
static int32_t add(const mxn_plugin_host_t *host) {
  mxn_plugin_operator_t op = {sizeof op};
  op.name = NAME; op.inputs = data; op.num_inputs = 1; op.run = fails;
  EDIT
  return host->add_operator(host, &op);
}
MXN_PLUGIN(add)
"""


@pytest.mark.parametrize(
    ("name", "edit", "words"),
    [
        ("two words", "", "operator name: expected an identifier, got 'two words'"),
        ("relu", "", "operator relu: there is one called so already"),
        ("np_bad", "op.num_inputs = 2;", "operator np_bad: inputs: data stands there twice"),
        ("np_bad", "op.run = 0;", "operator np_bad: run: expected a function"),
        ("np_bad", "op.params = params; op.num_params = 1;", "shade: expected one of 'dark', 'light', got 'pale'"),
        ("np_bad", "op.params = params + 1; op.num_params = 1;", "size.kind: expected 1 to 7, got 99"),
        ("np_bad", "op.mutates = far; op.num_mutates = 1;", "mutates: expected inputs below 1, got 5"),
        ("np_bad", "op.struct_size = 3;", "struct_size"),
        ("np_bad", "op.flags = 64;", "flags: expected 0 to 3, got 64"),
        ("np_bad", "return 3;", "it returned 3"),
    ],
)
def test_bad_descriptions_change_nothing(tmp_path, name, edit, words):
    source = tmp_path / "bad.c"
    source.write_text(BAD.replace("NAME", f'"{name}"').replace("EDIT", edit))
    before = mx.base.features()["operators"]
    with pytest.raises(mx.MXNetError) as raised:
        mx.library.load(compiled(source, tmp_path / "bad.so"))
    assert words in str(raised.value) and "\n" not in str(raised.value)
    assert mx.base.features()["operators"] == before and not hasattr(mx.nd, "np_bad")


def test_what_is_no_plugin(tmp_path):
    text = tmp_path / "text.so"
    text.write_text("not a library")
    source = tmp_path / "other.c"
    source.write_text("int answer(void) { return 42; }\n")
    for path, words in (
        (tmp_path / "missing.so", "expected a file, got none"),
        (text, "cannot be loaded"),
        (compiled(source, tmp_path / "other.so"), "expected a plug-in"),
        (compiled(ROOT / "tests" / "capi" / "plugins" / "bad.c", tmp_path / "abi.so", "-DBAD_ABI"), "expected plug-in ABI 1, got 1000"),
    ):
        with pytest.raises(mx.MXNetError, match=words):
            mx.library.load(path)


def test_errors_of_kernels_arrive_as_ours(tmp_path):
    source = tmp_path / "luck.c"
    source.write_text(BAD.replace("NAME", '"unlucky"').replace("EDIT", ""))
    mx.library.load(compiled(source, tmp_path / "luck.so"), verbose=False)
    with pytest.raises(mx.MXNetError, match=r"\[unlucky\] no luck today"):
        mx.nd.unlucky(mx.nd.ones((1,))).asnumpy()
    with pytest.raises(mx.MXNetError, match="no luck today.*unlucky node"):
        mx.sym.unlucky(mx.sym.Variable("x"), name="node").eval(x=mx.nd.ones((1,)))[0].asnumpy()
    with pytest.raises(mx.MXNetError, match="no luck today"):
        mx.nd.waitall()


def test_the_page_of_the_documentation(tmp_path):
    page = (ROOT / "docs" / "howto" / "plugin.md").read_text()
    source = tmp_path / "times.c"
    source.write_text(page.split("```c\n")[1].split("```")[0])
    assert mx.library.load(compiled(source, tmp_path / "times.so"), verbose=False) == ["times"]
    x = mx.nd.ones((2,))
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.times(x, factor=3)
    y.backward()
    assert y.asnumpy().tolist() == x.grad.asnumpy().tolist() == [3, 3]


def test_loading_while_others_call(tmp_path):
    program = """
import sys, threading, mixnet as mx
stop = []
def work():
    while not stop:
        assert mx.nd.relu(mx.nd.ones((2,))).asnumpy().sum() == 2
        assert mx.sym.relu(mx.sym.Variable("x")).tojson()
threads = [threading.Thread(target=work) for _ in range(3)]
[t.start() for t in threads]
for path in sys.argv[1:]:
    mx.library.load(path, verbose=False)
stop.append(1)
[t.join() for t in threads]
"""
    paths = []
    for i in range(4):
        source = tmp_path / f"p{i}.c"
        source.write_text(BAD.replace("NAME", f'"fresh{i}"').replace("EDIT", ""))
        paths.append(compiled(source, tmp_path / f"p{i}.so"))
    subprocess.run([sys.executable, "-c", program, *paths], check=True, timeout=60)
