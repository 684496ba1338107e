"""mx.operator: operators written in Python, wherever an operator can stand."""

import gc
import os
import subprocess
import sys

import mixnet as mx
import numpy as np
import pytest
from mixnet.test_utils import assert_almost_equal, check_numeric_gradient


class Square(mx.operator.CustomOp):
    """Keeps its input from forward to backward, so that mixed up instances show."""

    def __init__(self, scale):
        self.scale = scale

    def forward(self, is_train, req, in_data, out_data, aux):
        self.kept = in_data[0].copy()
        self.assign(out_data[0], req[0], in_data[0] * in_data[0] * self.scale)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], 2 * self.scale * self.kept * out_grad[0])


@mx.operator.register("test_square")
class SquareProp(mx.operator.CustomOpProp):
    def __init__(self, scale="1"):
        super().__init__()
        self.scale = float(scale)

    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Square(self.scale)


class Softmax(mx.operator.CustomOp):
    """With numpy, which waits."""

    def forward(self, is_train, req, in_data, out_data, aux):
        x = in_data[0].asnumpy()
        y = np.exp(x - x.max(axis=1, keepdims=True))
        self.assign(out_data[0], req[0], mx.nd.array(y / y.sum(axis=1, keepdims=True)))
        if is_train:
            aux[0][:] = aux[0] + 1

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        label = in_data[1].asnumpy().astype(int)
        y = out_data[0].asnumpy()
        y[np.arange(len(label)), label] -= 1
        self.assign(in_grad[0], req[0], mx.nd.array(y))


@mx.operator.register("test_softmax")
class SoftmaxProp(mx.operator.CustomOpProp):
    def __init__(self):
        super().__init__(need_top_grad=False)

    def list_arguments(self):
        return ["data", "label"]

    def list_auxiliary_states(self):
        return ["count"]

    def infer_shape(self, in_shape):
        return [in_shape[0], (in_shape[0][0],)], [in_shape[0]], [(1,)]

    def create_operator(self, ctx, in_shapes, in_dtypes):
        assert [list(s) for s in in_shapes] == [[8, 3], [8], [1]] and in_dtypes == [0, 0, 0]
        return Softmax()


class Calls(mx.operator.CustomOp):
    """Runs a function that it was registered with."""

    def __init__(self, forward, backward):
        self._forward, self._backward = forward, backward

    def forward(self, is_train, req, in_data, out_data, aux):
        self._forward(self, req, in_data, out_data)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self._backward(self, req, out_grad, in_data, in_grad)


def register_calls(name, forward, backward=None, inputs=("data",)):
    class Prop(mx.operator.CustomOpProp):
        def list_arguments(self):
            return list(inputs)

        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Calls(forward, backward)

    mx.operator.register(name)(Prop)


def test_on_arrays():
    x = mx.nd.array([1.0, 2.0, 3.0])
    assert_almost_equal(mx.nd.Custom(x, op_type="test_square").asnumpy(), [1, 4, 9])
    assert_almost_equal(mx.nd.Custom(data=x, op_type="test_square", scale=2).asnumpy(), [2, 8, 18])
    out = mx.nd.zeros((3,))
    assert mx.nd.Custom(x, op_type="test_square", out=out) is out
    assert_almost_equal(out.asnumpy(), [1, 4, 9])
    assert mx.nd.Custom(mx.nd.zeros((0, 2)), op_type="test_square").shape == (0, 2)
    assert "test_square" in mx.operator.get_all_registered_operators()


def test_on_the_tape_every_call_has_an_operator_of_its_own():
    a, b = mx.nd.array([1.0, 2.0]), mx.nd.array([5.0, 7.0])
    a.attach_grad()
    b.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Custom(a, op_type="test_square")
        z = mx.nd.Custom(b, op_type="test_square", scale=3)
        head = y + z
    head.backward()
    assert_almost_equal(a.grad.asnumpy(), [2, 4])
    assert_almost_equal(b.grad.asnumpy(), [30, 42])


def test_gradient_by_differences_and_requests():
    x = np.random.RandomState(0).uniform(0.5, 1, (3, 4))
    net = mx.sym.Custom(mx.sym.Variable("x") * 2, op_type="test_square", name="sq") + 1
    check_numeric_gradient(net, {"x": x}, rtol=0.02)
    for request, expected in (("write", 8.0), ("add", 13.0), ("null", 5.0)):
        args, grads = {"x": mx.nd.ones((2,))}, {"x": mx.nd.ones((2,)) * 5}
        exe = net.bind(mx.cpu(), args, grads, request)
        exe.forward(is_train=True)
        if request != "null":
            exe.backward(mx.nd.ones((2,)))
        assert_almost_equal(grads["x"].asnumpy(), [expected] * 2)


def test_executors_of_one_symbol_keep_apart():
    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_square", name="sq")
    first, second = net.simple_bind(mx.cpu(), x=(2,)), net.simple_bind(mx.cpu(), x=(2,))
    first.forward(is_train=True, x=mx.nd.array([1, 2]))
    second.forward(is_train=True, x=mx.nd.array([10, 20]))
    first.backward(mx.nd.ones((2,)))
    second.backward(mx.nd.ones((2,)))
    assert_almost_equal(first.grad_dict["x"].asnumpy(), [2, 4])
    assert_almost_equal(second.grad_dict["x"].asnumpy(), [20, 40])


def test_composed_twice_and_never_merged():
    shared = mx.sym.Custom(mx.sym.Variable("in"), op_type="test_square", name="sq")
    net = shared(**{"in": mx.sym.Variable("a")}) + shared(**{"in": mx.sym.Variable("b")})
    exe = net.simple_bind(mx.cpu(), a=(1,), b=(1,))
    exe.forward(is_train=True, a=mx.nd.array([3]), b=mx.nd.array([4]))
    exe.backward(mx.nd.ones((1,)))
    assert [exe.grad_dict[k].asscalar() for k in "ab"] == [6, 8]
    runs = []
    register_calls("test_counts", lambda op, req, x, y: (runs.append(1), op.assign(y[0], req[0], x[0])))
    x = mx.sym.Variable("x")
    both = mx.sym.Custom(x, op_type="test_counts", name="one") + mx.sym.Custom(x, op_type="test_counts", name="two")
    both.eval(x=mx.nd.ones((2,)))[0].wait_to_read()
    assert len(runs) == 2


def test_loss_with_states_in_a_module_and_a_file(tmp_path):
    rng = np.random.RandomState(0)
    x = rng.randn(64, 5).astype("float32")
    y = x[:, :3].argmax(axis=1)
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc")
    net = mx.sym.Custom(net, mx.sym.Variable("softmax_label"), op_type="test_softmax", name="softmax")
    assert net.list_arguments() == ["data", "fc_weight", "fc_bias", "softmax_label"]
    assert net.list_auxiliary_states() == ["softmax_count"] and net.list_outputs() == ["softmax_output"]
    path = str(tmp_path / "net-symbol.json")
    net.save(path)
    assert '"op_type": "test_softmax"' in open(path).read() and "op_params" not in open(path).read()
    assert "num_args" not in open(path).read()
    net = mx.sym.load(path)
    module = mx.mod.Module(net)
    mx.random.seed(0)
    module.fit(
        mx.io.NDArrayIter(x, y, 8), num_epoch=30, optimizer_params={"learning_rate": 0.5}, aux_params={"softmax_count": mx.nd.zeros((1,))}, allow_missing=True
    )
    assert dict(module.score(mx.io.NDArrayIter(x, y, 8), "acc"))["accuracy"] > 0.9
    assert module.get_params()[1]["softmax_count"].asscalar() == 8 * 30


def test_parameters_survive_a_file():
    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_square", scale=4, name="sq", attr={"__mood__": "good"})
    again = mx.sym.load_json(net.tojson())
    assert again.tojson() == net.tojson() and again.attr("scale") == "4" and again.attr("__mood__") == "good"
    assert again.eval(x=mx.nd.ones((1,)))[0].asscalar() == 4


def test_replayed_calls_keep_apart():
    @mx.jit
    def f(x):
        return mx.nd.Custom(x * 1, op_type="test_square", scale=2) + 1

    a, b = mx.nd.array([1.0, 2.0]), mx.nd.array([3.0, 4.0])
    f(a)
    for array in (a, b):
        array.attach_grad()
    with mx.autograd.record():
        y, z = f(a), f(b)
    y.backward()
    z.backward()
    assert_almost_equal(z.asnumpy(), [19, 33])
    assert_almost_equal(a.grad.asnumpy(), [4, 8])
    assert_almost_equal(b.grad.asnumpy(), [12, 16])


def test_nesting_waiting_and_several_outputs():
    inner = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_square", name="inner")

    def forward(op, req, x, y):
        exe = inner.simple_bind(mx.cpu(), x=x[0].shape)
        exe.forward(is_train=False, x=x[0])
        mx.nd.Custom(x[0], op_type="test_square").wait_to_read()
        op.assign(y[0], req[0], exe.outputs[0] + 1)
        op.assign(y[1], req[1], mx.nd.ones(x[0].shape) * float(x[0].sum().asscalar()))

    class Prop(mx.operator.CustomOpProp):
        def list_outputs(self):
            return ["square", "sum"]

        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Calls(forward, None)

    mx.operator.register("test_nested")(Prop)
    net = mx.sym.Custom(mx.sym.Variable("x"), op_type="test_nested", name="n")
    net = mx.sym.Group([mx.sym.Custom(net[0], op_type="test_square"), net[1]])
    square, total = net.eval(x=mx.nd.array([1.0, 2.0]))
    assert_almost_equal(square.asnumpy(), [4, 25])
    assert_almost_equal(total.asnumpy(), [3, 3])


def test_what_is_kept_holds_its_values():
    kept = []
    register_calls("test_keeps", lambda op, req, x, y: (kept.append(x[0]), kept.append(x[0][1:]), op.assign(y[0], req[0], x[0] * 2)))
    exe = (mx.sym.Custom(mx.sym.Variable("x") + 1, op_type="test_keeps") * 3).simple_bind(mx.cpu(), x=(1000,), grad_req="null")
    for value in (1, 2):
        exe.forward(x=mx.nd.full((1000,), value))[0].wait_to_read()
    del exe
    gc.collect()
    assert [float(a.asnumpy().mean()) for a in kept] == [2, 2, 3, 3]


def test_errors_arrive_where_the_result_is_waited_for():
    def boom(op, req, x, y):
        raise ValueError("too blue")

    register_calls("test_boom", boom, boom)
    y = mx.nd.Custom(mx.nd.ones((2,)), op_type="test_boom")
    with pytest.raises(mx.MXNetError, match=r"\[test_boom\] forward: ValueError: too blue \(test_custom.py:\d+\)"):
        y.asnumpy()
    exe = (mx.sym.Custom(mx.sym.Variable("x"), op_type="test_boom", name="blue") + 1).simple_bind(mx.cpu(), x=(2,))
    with pytest.raises(mx.MXNetError, match="too blue.*Custom blue"):
        exe.forward()[0].asnumpy()
    with pytest.raises(mx.MXNetError, match="too blue"):
        mx.nd.waitall()
    assert mx.nd.Custom(mx.nd.ones((1,)), op_type="test_square").asscalar() == 1


def test_mistakes_in_props():
    with pytest.raises(mx.MXNetError, match="no custom operator 'nonesuch' is registered"):
        mx.nd.Custom(mx.nd.ones((1,)), op_type="nonesuch")
    with pytest.raises(mx.MXNetError, match="op_type: no custom operator"):
        mx.sym.load_json(mx.sym.Custom(mx.sym.Variable("x"), op_type="test_square").tojson().replace("test_square", "gone"))
    with pytest.raises(mx.MXNetError, match="unexpected keyword argument 'colour'"):
        mx.sym.Custom(mx.sym.Variable("x"), op_type="test_square", colour=1)
    with pytest.raises(mx.MXNetError, match="op_type"):
        mx.nd.Custom(mx.nd.ones((1,)))
    with pytest.raises(mx.MXNetError, match="expected 1 inputs, got 2"):
        mx.nd.Custom(mx.nd.ones((1,)), mx.nd.ones((1,)), op_type="test_square")
    with pytest.raises(TypeError, match="subclass of CustomOpProp"):
        mx.operator.register("x")(int)

    class Short(mx.operator.CustomOpProp):
        def infer_shape(self, in_shape):
            return in_shape, [], []

    class Nameless(mx.operator.CustomOpProp):
        def list_outputs(self):
            return []

    class Fickle(mx.operator.CustomOpProp):
        def infer_type(self, in_type):
            return in_type, ["float1"], []

    for prop, message in ((Short, "expected 1 outputs, got 0"), (Nameless, "at least one output"), (Fickle, "float1")):
        mx.operator.register("test_bad")(prop)
        with pytest.raises(mx.MXNetError, match=message):
            mx.nd.Custom(mx.nd.ones((1,)), op_type="test_bad").wait_to_read()


def test_types_and_dependencies():
    asked = []

    class Prop(mx.operator.CustomOpProp):
        def infer_type(self, in_type):
            return in_type, [np.float64], []

        def declare_backward_dependency(self, out_grad, in_data, out_data):
            asked.append((out_grad, in_data, out_data))
            return out_grad

        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Calls(
                lambda op, req, x, y: op.assign(y[0], req[0], x[0].astype("float64") * 2),
                lambda op, req, dy, x, dx: op.assign(dx[0], req[0], dy[0].astype("float32") * 2),
            )

    mx.operator.register("test_wide")(Prop)
    x = mx.nd.ones((2,))
    x.attach_grad()
    with mx.autograd.record():
        y = mx.nd.Custom(x, op_type="test_wide")
    y.backward()
    assert y.dtype == np.float64 and x.grad.asnumpy().tolist() == [2, 2] and asked[0] == ([0], [1], [2])


def test_flags_inside_and_gradients_inside():
    seen = []

    def forward(op, req, x, y):
        seen.append((mx.autograd.is_recording(), mx.autograd.is_training()))
        z = x[0].copy()
        z.attach_grad()
        with mx.autograd.record():
            w = z * z * z
        w.backward()
        op.assign(y[0], req[0], z.grad)

    register_calls("test_flags", forward)
    with mx.autograd.record():
        y = mx.nd.Custom(mx.nd.array([2.0]), op_type="test_flags")
    assert y.asscalar() == 12 and seen == [(False, True)]


class OldSquare(mx.operator.NumpyOp):
    def forward(self, in_data, out_data):
        out_data[0][:] = in_data[0] ** 2

    def backward(self, out_grad, in_data, out_data, in_grad):
        in_grad[0][:] = 2 * in_data[0] * out_grad[0]


class OldDouble(mx.operator.NDArrayOp):
    def forward(self, in_data, out_data):
        out_data[0][:] = in_data[0] * 2

    def backward(self, out_grad, in_data, out_data, in_grad):
        in_grad[0][:] = out_grad[0] * 2


def test_operators_of_the_older_generations():
    net = OldDouble()(OldSquare().get_symbol(mx.sym.Variable("x"), name="old"))
    exe = net.simple_bind(mx.cpu(), x=(2,))
    assert_almost_equal(exe.forward(is_train=True, x=mx.nd.array([3, 4]))[0].asnumpy(), [18, 32])
    exe.backward(mx.nd.ones((2,)))
    assert_almost_equal(exe.grad_dict["x"].asnumpy(), [12, 16])


PROGRAM = """
import os, sys, time
import mixnet as mx
class Op(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        time.sleep({sleep})
        self.assign(out_data[0], req[0], in_data[0] * 2)
@mx.operator.register("slow")
class Prop(mx.operator.CustomOpProp):
    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Op()
x = mx.nd.ones((3,))
net = mx.sym.Custom(mx.sym.Variable("x"), op_type="slow") + 1
exe = net.simple_bind(mx.cpu(), x=(3,), grad_req="null")
assert mx.nd.Custom(x, op_type="slow").asnumpy().tolist() == [2, 2, 2]
"""


def run(program, **environment):
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def test_under_the_naive_engine():
    run(
        "import pytest, sys; sys.exit(pytest.main(['-q', '-x', '-p', 'no:cacheprovider', %r, '-k', 'nesting or tape or replayed or errors or module']))"
        % __file__,
        MIXNET_ENGINE="naive",
    )


@pytest.mark.parametrize("engine", ["threaded", "naive"])
def test_in_a_forked_child(engine):
    program = PROGRAM.format(sleep=0) + "child = os.fork()\n"
    program += "assert exe.forward(x=x)[0].asnumpy().tolist() == [3, 3, 3]\nif child:\n    assert os.waitpid(child, 0)[1] == 0\nprint('well')\n"
    assert run(program, MIXNET_ENGINE=engine).count("well") == 2


def test_at_the_end_of_the_process_with_work_in_flight():
    program = PROGRAM.format(sleep=0.2) + "for _ in range(20):\n    exe.forward(x=x); x = mx.nd.Custom(x, op_type='slow')\nprint('end')\n"
    assert run(program) == "end\n"


def test_nothing_is_left_behind():
    from mixnet.base import ffi, lib

    def handles():
        gc.collect()
        mx.nd.waitall()
        count = ffi.new("int64_t *")
        lib.mxn_handle_count(count)
        return count[0]

    def once():
        test_on_the_tape_every_call_has_an_operator_of_its_own()
        test_executors_of_one_symbol_keep_apart()

    once()
    before = handles()
    for _ in range(5):
        once()
    assert handles() == before
    host = next(c for c in __import__("mixnet.base", fromlist=["x"])._callbacks.values() if getattr(c, "name", "") == "test_square")
    assert len(host.operators) < 5 and len(host.props) < 5
