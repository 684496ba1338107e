"""Loops and branches in graphs: against MXNet 1.9.1's numbers and files, against unrolled graphs, and their mistakes."""

import json
import pathlib

import numpy as np
import pytest

import mixnet as mx
from mixnet.predictor import Predictor

V = mx.sym.Variable
# Made by MXNet 1.9.1 from the programs below: its symbol.json, outputs and gradients for these inputs and head gradients values(shape, 9 + i).
CASES = {case["name"]: case for case in json.loads((pathlib.Path(__file__).parent / "control_cases.json").read_text())}


def values(shape, k):
    """Numbers that are the same everywhere."""
    return np.sin(np.arange(int(np.prod(shape))) * 0.7 + k).astype("float32").reshape(shape)


def rnn():
    w, u = V("w"), V("u")

    def body(d, s):
        i2h = mx.sym.FullyConnected(d, weight=w, no_bias=True, num_hidden=3, name="i2h")
        h = mx.sym.tanh(i2h + mx.sym.FullyConnected(s, weight=u, no_bias=True, num_hidden=3, name="h2h"))
        return h * 2, h

    return mx.sym.Group(mx.sym.contrib.foreach(body, V("x"), V("s")))


def outer_value():
    e = mx.sym.exp(V("w"))
    outputs, states = mx.sym.contrib.foreach(lambda d, s: ([d[0] * s[0] + e, d[1] - s[1]], [s[0] * d[0] * 0.5, s[1] + e]), [V("x"), V("y")], [V("s"), V("t")])
    return mx.sym.Group(outputs + states)


def vector():
    return mx.sym.Group(mx.sym.contrib.foreach(lambda d, s: (d + s, d * s), V("x"), V("s")))


def nested():
    def outer(d, st):
        o, s = mx.sym.contrib.foreach(lambda d, st: (d * st, st + d), d, st + V("b"))
        return o, mx.sym.tanh(s)

    return mx.sym.Group(mx.sym.contrib.foreach(outer, V("x"), V("s")))


def loop():
    w = V("w")
    output, states = mx.sym.contrib.while_loop(lambda i, s: i < 3, lambda i, s: (s * w + i, [i + 1, mx.sym.sin(s) * w]), [V("i"), V("s")], max_iterations=5)
    return mx.sym.Group([output] + states)


def branch():
    a, w = V("a"), V("w")
    return mx.sym.Group(mx.sym.contrib.cond(V("p") > 0, lambda: [mx.sym.exp(a) * w, a], lambda: [a * a, w + 1]))


PROGRAMS = {"rnn": rnn, "outer_value": outer_value, "vector": vector, "nested": nested, "loop": loop, "branch_then": branch, "branch_else": branch}


def run(symbol, inputs, head_grads=None, training=True, grad_req="write"):
    """Outputs and gradients, by name."""
    gradients = {name: mx.nd.zeros(value.shape) for name, value in inputs.items()}
    executor = symbol.bind(mx.cpu(), {name: mx.nd.array(value) for name, value in inputs.items()}, gradients, grad_req)
    outputs = [o.asnumpy() for o in executor.forward(is_train=training)]
    executor.backward([mx.nd.array(values(o.shape, 9 + i)) for i, o in enumerate(outputs)] if head_grads is None else head_grads)
    return outputs, {name: g.asnumpy() for name, g in gradients.items()}


def inputs_of(case):
    return {name: np.array(v["values"], "float32").reshape(v["shape"]) for name, v in case["inputs"].items()}


def check_numbers(symbol, case):
    outputs, gradients = run(symbol, inputs_of(case))
    for ours, theirs in zip(outputs, case["outputs"]):
        assert list(ours.shape) == theirs["shape"]
        np.testing.assert_allclose(ours.ravel(), theirs["values"], rtol=1e-4, atol=1e-5)
    for name, theirs in case["gradients"].items():
        np.testing.assert_allclose(gradients[name].ravel(), theirs, rtol=1e-4, atol=1e-5)


def loops(symbol_json):
    """What files say of the nodes with subgraphs, at every depth."""
    found = []
    for node in symbol_json["nodes"]:
        if node.get("subgraphs"):
            inner = [[(n["op"], n["inputs"]) for n in graph["nodes"]] for graph in node["subgraphs"]]
            attrs = {key: value for key, value in node["attrs"].items() if not key.startswith("__")}
            found.append((node["op"], attrs, len(node["inputs"]), inner, [loops(graph) for graph in node["subgraphs"]]))
    return found


@pytest.mark.parametrize("name", PROGRAMS)
def test_numbers_of_mxnet(name):
    check_numbers(PROGRAMS[name](), CASES[name])


@pytest.mark.parametrize("name", PROGRAMS)
def test_files_of_mxnet(name):
    case = CASES[name]
    symbol = mx.sym.load_json(json.dumps(case["symbol"]))
    assert symbol.list_arguments() == case["arguments"]
    check_numbers(symbol, case)
    # What we write of the file, and of our own program, is what MXNet wrote.
    assert loops(json.loads(symbol.tojson())) == loops(case["symbol"])
    ours = PROGRAMS[name]()
    assert ours.list_arguments() == case["arguments"]
    assert loops(json.loads(ours.tojson())) == loops(case["symbol"])


# ---- against unrolled graphs ----------------------------------------------------------------------------------------


def random_body(random):
    """A body of a few operators on a row, two states and two weights, chosen at random; it works on symbols alone."""
    unary = [mx.sym.tanh, mx.sym.sigmoid, mx.sym.sin, lambda v: v * 0.5, lambda v: v + 1, mx.sym.square]
    binary = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: mx.sym.dot(a, b, transpose_b=True)]
    plan = [(random.randint(len(unary)), random.randint(len(binary)), random.randint(100), random.randint(100)) for _ in range(6)]

    def body(row, states, weights):
        made = [row, *states, *weights]
        for u, b, left, right in plan:
            made.append(mx.sym.tanh(binary[b](unary[u](made[left % len(made)]), made[right % len(made)])))
        # Everything is used, so that foreach and the unrolled graph have the same arguments.
        rest = made[0] + made[1] * 0.1 + made[2] * 0.1 + made[3] * 0.1 + made[4] * 0.1
        return [made[-1] + rest, made[-2]], [made[-3] * 0.5 + rest * 0.1, made[-4] * 0.5]

    return body


def unrolled(body, length):
    rows, states, outputs = V("x"), [V("s"), V("t")], []
    for i in range(length):
        row = mx.sym.Reshape(mx.sym.slice_axis(rows, axis=0, begin=i, end=i + 1), shape=(3, 3))
        new, states = body(row, states, [V("w"), V("u")] if i < 0 else unrolled.weights)
        outputs.append(new)
    return mx.sym.Group([mx.sym.stack(*parts, axis=0) for parts in zip(*outputs)] + states)


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_are_their_unrolled_graphs(seed):
    body, length = random_body(np.random.RandomState(seed)), 1 + seed % 4
    unrolled.weights = [V("w"), V("u")]
    outputs, states = mx.sym.contrib.foreach(lambda d, s: body(d, s, unrolled.weights), V("x"), [V("s"), V("t")])
    shapes = {"x": (length, 3, 3), "s": (3, 3), "t": (3, 3), "w": (3, 3), "u": (3, 3)}
    inputs = {name: values(shape, i) for i, (name, shape) in enumerate(shapes.items())}
    request = {name: "null" if (i + seed) % 6 == 0 else "write" for i, name in enumerate(shapes)}
    ours, our_gradients = run(mx.sym.Group(outputs + states), inputs, grad_req=request)
    theirs, gradients = run(unrolled(body, length), inputs, grad_req=request)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for name in shapes:
        np.testing.assert_allclose(our_gradients[name], gradients[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_any_number_of_rows(length):
    outputs, states = run(rnn(), {"x": values((length, 2, 3), 1), "s": values((2, 3), 2), "w": values((3, 3), 3), "u": values((3, 3), 4)})[0]
    assert outputs.shape == (length, 2, 3)
    if length == 0:
        np.testing.assert_array_equal(states, values((2, 3), 2))
    else:
        np.testing.assert_allclose(outputs[-1], states * 2, rtol=1e-6)


@pytest.mark.parametrize(("limit", "runs"), [(0, 0), (2, 2), (3, 3), (5, 3)])
def test_while_loop_runs_as_often_as_it_should(limit, runs):
    output, states = mx.sym.contrib.while_loop(lambda i, s: i < 3, lambda i, s: (s, [i + 1, s * V("w")]), [V("i"), V("s")], max_iterations=limit)
    inputs = {"i": np.zeros(1), "s": np.array([2.0]), "w": np.array([3.0])}
    outputs, gradients = run(mx.sym.Group([output] + states), inputs, [mx.nd.zeros((limit, 1)), mx.nd.ones((1,)), mx.nd.ones((1,))])
    np.testing.assert_allclose(outputs[0].ravel(), [2.0 * 3**k if k < runs else 0 for k in range(limit)])
    assert outputs[1][0] == runs and outputs[2][0] == 2 * 3**runs
    assert gradients["w"][0] == 2 * runs * 3.0 ** (runs - 1) and gradients["s"][0] == 3**runs


def test_nothing_to_differentiate_through_the_counter():
    """A state that no wanted gradient flows through may have operators without one."""

    def body(d, s):
        return d * V("w"), mx.sym.argmax(mx.sym.Reshape(s, shape=(1, -1)), axis=1)

    output, _ = mx.sym.contrib.foreach(body, V("x"), V("s"))
    executor = output.bind(mx.cpu(), {"x": mx.nd.ones((3, 2)), "s": mx.nd.ones((1,)), "w": mx.nd.ones((2,))}, {"w": mx.nd.zeros((2,))}, {"w": "write"})
    executor.forward(is_train=True)
    executor.backward([mx.nd.ones((3, 2))])
    assert executor.grad_dict["w"].asnumpy().tolist() == [3, 3]


# ---- effects, random numbers, memory --------------------------------------------------------------------------------


def batch_norm(d):
    return mx.sym.BatchNorm(d, fix_gamma=False, momentum=0.5, name="bn")


def test_moving_statistics_move_in_every_run():
    output, state = mx.sym.contrib.foreach(lambda d, s: (batch_norm(d) + s, s + 1), V("x"), V("s"))
    net = mx.sym.Group([output, state])
    assert net.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    executor = net.simple_bind(mx.cpu(), x=(3, 4, 2), s=(4, 2))
    rows = values((3, 4, 2), 1)
    executor.arg_dict["x"][:] = rows
    executor.aux_dict["bn_moving_var"][:] = 1
    executor.forward(is_train=False)
    assert executor.aux_dict["bn_moving_mean"].asnumpy().tolist() == [0, 0]
    executor.forward(is_train=True)
    executor.backward([mx.nd.ones((3, 4, 2)), mx.nd.ones((4, 2))])
    mean = np.zeros(2)
    for i in reversed(range(3)):  # the statistics move in backward, which goes from the last row to the first
        mean = mean * 0.5 + rows[i].mean(axis=0) * 0.5
    np.testing.assert_allclose(executor.aux_dict["bn_moving_mean"].asnumpy(), mean, rtol=1e-4)


@pytest.mark.parametrize("taken", [0, 1])
def test_only_the_branch_that_is_taken_runs(taken):
    output = mx.sym.contrib.cond(V("p") > 0, lambda: batch_norm(V("x")), lambda: V("x") * 2)
    executor = output.simple_bind(mx.cpu(), p=(1,), x=(4, 2))
    executor.arg_dict["p"][:] = taken
    executor.arg_dict["x"][:] = 3
    executor.forward(is_train=True)
    executor.backward([mx.nd.ones((4, 2))])
    assert executor.aux_dict["bn_moving_mean"].asnumpy().tolist() == ([1.5, 1.5] if taken else [0, 0])


def dropped():
    return mx.sym.contrib.foreach(lambda d, s: (mx.sym.Dropout(d, p=0.5), s + 1), V("x"), V("s"))[0]


def test_draws_differ_by_run_and_come_again_with_the_seed():
    executor = dropped().bind(mx.cpu(), {"x": mx.nd.ones((4, 64)), "s": mx.nd.ones((1,))}, {"x": mx.nd.zeros((4, 64))}, {"x": "write"})
    results = []
    for _ in range(2):
        mx.random.seed(5)
        results.append(executor.forward(is_train=True)[0].asnumpy())
        executor.backward([mx.nd.ones((4, 64))])
        np.testing.assert_array_equal(executor.grad_dict["x"].asnumpy(), results[-1])  # the mask is forward's
    np.testing.assert_array_equal(results[0], results[1])
    assert len({row.tobytes() for row in results[0]}) == 4
    assert (executor.forward(is_train=True)[0].asnumpy() != results[0]).any()


def test_prediction_needs_the_memory_of_one_run():
    def net(length):
        return mx.sym.contrib.foreach(lambda d, s: (mx.sym.tanh(mx.sym.FullyConnected(d, num_hidden=64, name="fc")) + s, s * 0.5), V("x"), V("s"))[0]

    short, long = (net(n).memory_estimate(training=False, x=(n, 8, 64), s=(8, 64))["planned"] for n in (2, 200))
    assert short == long


# ---- everything that runs symbols -----------------------------------------------------------------------------------


def test_predictor_and_cached_op():
    for name, case in CASES.items():
        symbol, inputs = PROGRAMS[name](), inputs_of(case)
        expected = [o.asnumpy() for o in symbol.eval(**{key: mx.nd.array(value) for key, value in inputs.items()})]
        predictor = Predictor(symbol, b"", {key: value.shape for key, value in inputs.items()})
        outputs = predictor.forward(**inputs)
        for ours, theirs in zip(outputs, expected):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_recording_through_a_symbol(name):
    from mixnet.base import TextList, check, ffi, lib

    case, symbol = CASES[name], PROGRAMS[name]()
    op = ffi.new("mxn_cached_op_t **")
    names = TextList([])
    check(lib.mxn_cached_op_create(symbol.handle, names.pointer, 0, op))
    arrays = {key: mx.nd.array(value) for key, value in inputs_of(case).items()}
    for array in arrays.values():
        array.attach_grad()
    handles = ffi.new("mxn_ndarray_t *[]", [arrays[key].handle for key in symbol.list_arguments()])
    outputs, count = ffi.new("mxn_ndarray_t *[8]"), ffi.new("int32_t *")
    with mx.autograd.record():
        check(lib.mxn_cached_op_invoke(op[0], handles, len(arrays), outputs, 8, count))
        results = [mx.nd.NDArray(outputs[i]) for i in range(count[0])]
    mx.autograd.backward(results, [mx.nd.array(values(r.shape, 9 + i)) for i, r in enumerate(results)])
    lib.mxn_cached_op_free(op[0])
    for key, gradient in case["gradients"].items():
        np.testing.assert_allclose(arrays[key].grad.asnumpy().ravel(), gradient, rtol=1e-4, atol=1e-5)


# ---- arrays ---------------------------------------------------------------------------------------------------------


def test_loops_of_arrays_and_their_gradients():
    case = CASES["rnn"]
    a = {key: mx.nd.array(value) for key, value in inputs_of(case).items()}
    for array in a.values():
        array.attach_grad()

    def body(d, s):
        h = mx.nd.tanh(mx.nd.dot(d, a["w"], transpose_b=True) + mx.nd.dot(s, a["u"], transpose_b=True))
        return h * 2, h

    with mx.autograd.record():
        outputs = mx.nd.contrib.foreach(body, a["x"], a["s"])
    mx.autograd.backward(list(outputs), [mx.nd.array(values(o.shape, 9 + i)) for i, o in enumerate(outputs)])
    for key, gradient in case["gradients"].items():
        np.testing.assert_allclose(a[key].grad.asnumpy().ravel(), gradient, rtol=1e-4, atol=1e-5)


def test_while_loop_and_cond_of_arrays():
    outputs, states = mx.nd.contrib.while_loop(lambda i, s: i < 3, lambda i, s: ([i, s], [i + 1, s * 2]), [mx.nd.zeros((1,)), mx.nd.ones((1,))], 4)
    assert [o.asnumpy().ravel().tolist() for o in outputs + states] == [[0, 1, 2, 0], [1, 2, 4, 0], [3], [8]]
    outputs, state = mx.nd.contrib.while_loop(lambda i: i < 0, lambda i: (i, i + 1), mx.nd.zeros((1,)), max_iterations=4)
    assert outputs == [] and state.asnumpy().tolist() == [0]
    called = []
    for truth in (0, 1):
        mx.nd.contrib.cond(mx.nd.array([truth]), lambda: called.append("then"), lambda: called.append("else"))
    assert called == ["else", "then"]


def test_namespaces():
    assert mx.nd.linalg.potrf is mx.nd._linalg_potrf and mx.sym.linalg.gemm2 is mx.sym._linalg_gemm2
    assert mx.sym.contrib.BilinearResize2D is mx.sym._contrib_BilinearResize2D and mx.nd.contrib.ROIAlign is mx.nd._contrib_ROIAlign
    assert mx.nd.image.to_tensor is mx.nd._image_to_tensor and mx.sym.random.normal_like is mx.sym._random_normal_like
    special = np.array([1, np.inf, -np.inf, np.nan], "float32")
    for name, expected in (("isinf", [0, 1, 1, 0]), ("isnan", [0, 0, 0, 1]), ("isfinite", [1, 0, 0, 0])):
        assert getattr(mx.nd.contrib, name)(mx.nd.array(special)).asnumpy().tolist() == expected
        assert getattr(mx.sym.contrib, name)(V("x")).eval(x=mx.nd.array(special))[0].asnumpy().tolist() == expected
    classes, true, sampled = mx.nd.contrib.rand_zipfian(mx.nd.array([3]), 8, 100)
    assert classes.shape == sampled.shape == (8,) and (classes.asnumpy() < 100).all()
    np.testing.assert_allclose(true.asnumpy(), np.log(5 / 4) / np.log(101) * 8, rtol=1e-6)


# ---- mistakes -------------------------------------------------------------------------------------------------------


def test_what_loops_refuse():
    x, s = V("x"), V("s")
    foreach, while_loop, cond = mx.sym.contrib.foreach, mx.sym.contrib.while_loop, mx.sym.contrib.cond
    for make, error, part in (
        (lambda: foreach(lambda d, s: (d, [s, s]), x, s), ValueError, "states: expected 1 from the body"),
        (lambda: foreach(lambda d, s: (d, d), x, s), ValueError, "states: expected all to be used inside, number 0 is not"),
        (lambda: foreach(lambda d, s: (s, s), x, s), ValueError, "data: expected all to be used inside"),
        (lambda: foreach(lambda d, s: ([], []), x, []), ValueError, "expected an output or a state"),
        (lambda: foreach(lambda d, s: (d, s), [], s), ValueError, "data: expected at least one"),
        (lambda: foreach(lambda d, s: (d, 3), x, s), TypeError, "got int"),
        (lambda: while_loop(lambda i: i < 3, lambda i: (i, i + 1), x), ValueError, "max_iterations"),
        (lambda: while_loop(lambda i: i < 3, lambda i: (i, [i, i]), x, 3), ValueError, "loop_vars: expected 1 from func, got 2"),
        (lambda: while_loop(lambda i: True, lambda i: (i, i + 1), x, 3), TypeError, "cond: expected a symbol"),
        (lambda: cond(x > 0, lambda: x, lambda: [x, x]), ValueError, "expected as many outputs from both branches, got 1 and 2"),
        (lambda: cond(True, lambda: x, lambda: x), TypeError, "pred: expected a symbol"),
    ):
        with pytest.raises(error, match=".*" + part):
            make()


def test_shapes_that_do_not_fit():
    grows = mx.sym.contrib.foreach(lambda d, s: (d, mx.sym.concat(s, d, dim=0)), V("x"), V("s"))
    with pytest.raises(mx.MXNetError, match=r"_foreach \w+\] state 0: expected the body to keep its shape \(2,\), got \(5,\)"):
        mx.sym.Group(grows).simple_bind(mx.cpu(), x=(4, 3), s=(2,))
    rows = mx.sym.contrib.foreach(lambda d, s: (d[0] + d[1], s + 1), [V("x"), V("y")], V("s"))[0]
    with pytest.raises(mx.MXNetError, match="expected 4 rows, got 5"):
        rows.simple_bind(mx.cpu(), x=(4, 3), y=(5, 3), s=(1,))
    many = mx.sym.contrib.cond(V("p") > 0, lambda: V("x") + 1, lambda: V("x") * 2)
    with pytest.raises(mx.MXNetError, match=r"cond: expected one element, got \(2,\)"):
        many.simple_bind(mx.cpu(), p=(2,), x=(3,))
    differ = mx.sym.contrib.cond(V("p") > 0, lambda: V("x") + 1, lambda: mx.sym.expand_dims(V("x"), axis=0))
    with pytest.raises(mx.MXNetError, match="output"):
        differ.simple_bind(mx.cpu(), p=(1,), x=(3,))


def test_shapes_go_in_and_out():
    output, state = mx.sym.contrib.foreach(lambda d, s: (mx.sym.FullyConnected(d, num_hidden=4, name="fc") + s, s * 2), V("x"), V("s"))
    net = mx.sym.Group([output, state])
    arguments, outputs, _ = net.infer_shape(x=(5, 2, 3))
    assert dict(zip(net.list_arguments(), arguments)) == {"x": (5, 2, 3), "s": (2, 4), "fc_weight": (4, 3), "fc_bias": (4,)}
    assert outputs == [(5, 2, 4), (2, 4)]
    assert all(t is np.float64 for group in net.infer_type(x="float64")[:2] for t in group)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda node: node["attrs"].update(in_data_locs="[7]"), "every input of the body once"),
        (lambda node: node["attrs"].update(in_data_locs="[1.5]"), "expected positions"),
        (lambda node: node["attrs"].update(num_args="99999"), "num_args"),
        (lambda node: node["attrs"].update(num_outputs="1"), "num_outputs"),
        (lambda node: node.update(subgraphs=[]), "expected 1 subgraphs, got 0"),
        (lambda node: node.update(subgraphs=node["subgraphs"] * 2), "expected 1 subgraphs, got 2"),
        (lambda node: node.update(subgraphs=[3]), "subgraphs: expected objects"),
        (lambda node: node["inputs"].pop(), "expected 4 inputs, got 3"),
        (lambda node: node["subgraphs"][0].update(heads=[]), "heads: expected at least one"),
    ],
)
def test_files_that_are_wrong(change, part):
    content = json.loads(json.dumps(CASES["rnn"]["symbol"]))
    change(next(node for node in content["nodes"] if node["op"] == "_foreach"))
    with pytest.raises(mx.MXNetError, match=part):
        mx.sym.load_json(json.dumps(content))


def test_the_operators_are_not_called_without_graphs():
    from mixnet.symbol.control import _FIELDS

    op = mx.base.Op("_foreach", (), _FIELDS["_foreach"])
    params = {"num_args": 2, "num_outputs": 1, "num_out_data": 1, "in_state_locs": "[]", "in_data_locs": "[0]", "remain_locs": "[]"}
    with pytest.raises(mx.MXNetError, match="expected a node with subgraphs"):
        mx.sym.symbol.create(op, [V("x")], params).simple_bind(mx.cpu(), x=(2, 2))
