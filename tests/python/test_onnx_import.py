"""import_model: symbols with parameters, extents that stay open, constants, subgraphs, functions, and what it says of models it cannot read."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import mixnet as mx
from mixnet.onnx import backend

RANDOM = np.random.RandomState(0)


def tensor(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def info(name, shape, kind=1):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, constants=(), opset=17, **kwargs):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **kwargs)


def small_net(batch="n"):
    """Convolution, BatchNormalization, pooling, a reshape by the computed batch size, and a dense layer."""
    values = {
        "w": RANDOM.randn(4, 3, 3, 3) * 0.2, "gamma": RANDOM.rand(4) + 0.5, "beta": RANDOM.randn(4), "mean": RANDOM.randn(4), "var": RANDOM.rand(4) + 0.5,
        "dense": RANDOM.randn(10, 64) * 0.1, "bias": RANDOM.randn(10),
    }  # fmt: skip
    constants = [tensor(k, v.astype("float32")) for k, v in values.items()]
    constants += [tensor("zero", np.int64(0)), tensor("axis", np.asarray([0], "int64")), tensor("rest", np.asarray([-1], "int64"))]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "gamma", "beta", "mean", "var"], ["b"], name="norm"),
        helper.make_node("Relu", ["b"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2], name="pool"),
        helper.make_node("Shape", ["p"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["count"]),
        helper.make_node("Unsqueeze", ["count", "axis"], ["counts"]),
        helper.make_node("Concat", ["counts", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["p", "wanted"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "dense", "bias"], ["y"], transB=1, name="fc"),
    ]
    return model(nodes, [info("x", [batch, 3, 8, 8])], [info("y", [batch, 10])], constants)


def test_a_net_becomes_a_symbol_with_parameters():
    symbol, arguments, states = mx.onnx.import_model(small_net())
    assert symbol.list_arguments() == ["x", "w", "gamma", "beta", "dense", "bias"]
    assert symbol.list_auxiliary_states() == ["mean", "var"] == sorted(states)
    assert sorted(arguments) == ["beta", "bias", "dense", "gamma", "w"]
    assert mx.contrib.onnx.import_model is mx.onnx.import_model


@pytest.mark.parametrize("batch", [1, 5])
def test_an_open_batch_takes_any_size(batch):
    net = small_net()
    image = RANDOM.randn(batch, 3, 8, 8).astype("float32")
    symbol, arguments, states = mx.onnx.import_model(net)
    out = symbol.bind(mx.cpu(), {"x": mx.nd.array(image), **arguments}, grad_req="null", aux_states=states).forward()[0].asnumpy()
    by_nodes = backend.prepare(net, eager=True).run([image])[0]
    assert out.shape == (batch, 10)
    np.testing.assert_allclose(out, by_nodes, rtol=1e-4, atol=1e-5)


def test_an_imported_net_trains_on(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(small_net(), path)
    symbol, arguments, states = mx.onnx.import_model(str(path))
    module = mx.mod.Module(mx.sym.SoftmaxOutput(symbol, name="softmax"), data_names=["x"])
    images, labels = RANDOM.randn(32, 3, 8, 8).astype("float32"), RANDOM.randint(0, 10, 32)
    data = mx.io.NDArrayIter(images, labels, 8, data_name="x")
    module.fit(data, num_epoch=12, arg_params=arguments, aux_params=states, optimizer_params={"learning_rate": 0.1})
    assert dict(module.score(data, "acc"))["accuracy"] > 0.9


def test_metadata():
    described = mx.onnx.get_model_metadata(small_net())
    assert described == {"input_tensor_data": [("x", (0, 3, 8, 8))], "output_tensor_data": [("y", (0, 10))]}


def test_constants_choose_a_branch_and_shapes_fill_in_what_is_open():
    double = helper.make_graph([helper.make_node("Add", ["x", "x"], ["d"])], "double", [], [info("d", None)])
    square = helper.make_graph([helper.make_node("Mul", ["x", "x"], ["s"])], "square", [], [info("s", None)])
    node = helper.make_node("If", ["twice"], ["y"], then_branch=double, else_branch=square)
    branch = model([node], [info("x", ["n"]), info("twice", [], onnx.TensorProto.BOOL)], [info("y", ["n"])])
    symbol, _, _ = mx.onnx.import_model(branch, constants={"twice": True})
    assert symbol.list_arguments() == ["x"]
    assert symbol.eval(x=mx.nd.array([3]))[0].asnumpy().tolist() == [6]
    symbol, _, _ = mx.onnx.import_model(branch, input_shapes={"x": (2,)})
    for twice, expected in ((1, [6, 8]), (0, [9, 16])):
        arguments = {"x": mx.nd.array([3, 4]), "twice": mx.nd.Reshape(mx.nd.array([twice], dtype="bool"), shape=())}
        assert symbol.bind(mx.cpu(), arguments, grad_req="null").forward()[0].asnumpy().tolist() == expected


def test_functions_of_the_model_are_inlined():
    body = [helper.make_node("Mul", ["a", "a"], ["m"]), helper.make_node("LeakyRelu", ["m"], ["o"])]
    body[1].attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    function = helper.make_function("own", "Squared", ["a"], ["o"], body, [helper.make_opsetid("", 17)], ["slope"])
    node = helper.make_node("Squared", ["x"], ["y"], domain="own", slope=0.5)
    whole = model([node], [info("x", [2])], [info("y", [2])], functions=[function])
    whole.opset_import.append(helper.make_opsetid("own", 1))
    assert backend.run_model(whole, [np.asarray([2, -3], "float32")])[0].tolist() == [4, 9]


def test_loops_with_known_bounds_are_unrolled_into_the_symbol():
    step = [helper.make_node("Add", ["state", "x"], ["next"]), helper.make_node("Identity", ["going"], ["on"])]
    body = helper.make_graph(step, "body", [info("i", [], 7), info("going", [], 9), info("state", [2])], [info("on", [], 9), info("next", [2])])
    node = helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)
    symbol, _, _ = mx.onnx.import_model(model([node], [info("x", [2])], [info("y", [2])], [tensor("times", np.int64(3))]))
    assert symbol.eval(x=mx.nd.array([1, 2]))[0].asnumpy().tolist() == [4, 8]


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_the_fused_form_and_the_written_one_agree(op):
    gates, hidden, inputs = {"LSTM": 4, "GRU": 3}[op], 5, 3
    values = {"w": (2, gates * hidden, inputs), "r": (2, gates * hidden, hidden), "b": (2, 2 * gates * hidden)}
    constants = [tensor(k, RANDOM.randn(*s).astype("float32") * 0.5) for k, s in values.items()]
    x = RANDOM.randn(4, 2, inputs).astype("float32")
    results = []
    for lengths in (False, True):
        extra = [tensor("n", np.asarray([4, 4], "int32"))] if lengths else []
        node = helper.make_node(
            op, ["x", "w", "r", "b", "n" if lengths else ""], ["y", "h"], hidden_size=hidden, direction="bidirectional",
            **({"linear_before_reset": 1} if op == "GRU" else {}),
        )  # fmt: skip
        whole = model([node], [info("x", [4, 2, inputs])], [info("y", [4, 2, 2, hidden]), info("h", [2, 2, hidden])], constants + extra)
        symbol, _, _ = mx.onnx.import_model(whole)
        assert ('"RNN"' in symbol.tojson()) == (not lengths)
        results.append(backend.run_model(whole, [x]))
    for one, other in zip(*results):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def relu(inputs=("x",), outputs=("y",)):
    return helper.make_node("Relu", list(inputs), list(outputs), name="act")


@pytest.mark.parametrize(
    "made, message",
    [
        (lambda: b"no model", r"\[onnx\] the bytes: not an ONNX model, or a damaged one"),
        (lambda: small_net().SerializeToString()[:900], r"\[onnx\] the bytes: not an ONNX model, or a damaged one"),
        (lambda: "/nowhere/net.onnx", r"\[onnx\] /nowhere/net.onnx: No such file or directory"),
        (lambda: model([relu(["z"])], [info("x", [2])], [info("y", [2])]), "input 'z': no input, initialiser or earlier node has this name"),
        (lambda: model([relu(["y"])], [info("x", [2])], [info("y", [2])]), "input 'y': no input"),
        (lambda: model([relu(["x"], ["z"])], [info("x", [2])], [info("y", [2])]), "output 'y': no input"),
        (
            lambda: model([helper.make_node("Sing", ["x"], ["y"], name="s")], [info("x", [2])], [info("y", [2])]),
            r"\[onnx\] node 's' Sing \(opset 17\): the operator is not supported",
        ),
        (lambda: model([relu()], [info("x", None)], [info("y", [2])]), "input 'x': the model does not give its shape: give input_shapes"),
        (lambda: model([relu()], [info("x", [2], 8)], [info("y", [2], 8)]), "input 'x': type string is not supported"),
        (lambda: model([relu()], [info("x", [2])], [info("y", [2])], opset=99), "opset 99: expected one up to 22"),
        (
            lambda: model([helper.make_node("NonZero", ["x"], ["y"])], [info("x", [2])], [info("y", [1, "k"], 7)]),
            r"node 'y' NonZero \(opset 17\): the input is known only when the model runs",
        ),
        (
            lambda: model([helper.make_node("ConstantOfShape", ["s"], ["y"])], [], [info("y", None)], [tensor("s", np.asarray([2**20] * 3))]),
            "is larger than 268435456 elements",
        ),
        (
            lambda: model(
                [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Expand", ["one", "s"], ["y"], name="e")],
                [info("x", ["n", 2])],
                [info("y", None)],
                [tensor("one", np.float32(1))],
            ),
            r"node 'e' Expand \(opset 17\): an extent that it reads is known only when the model runs: give input_shapes",
        ),
        (
            lambda: model([helper.make_node("MatMul", ["x", "x"], ["y"], name="m")], [info("x", [2, 3])], [info("y", None)]),
            r"node 'm' MatMul \(opset 17\): \[dot m\] cannot multiply",
        ),
    ],
)
def test_mistakes_are_one_line(made, message):
    with pytest.raises(mx.MXNetError, match=message) as caught:
        mx.onnx.import_model(made())
    assert "\n" not in str(caught.value)


def test_outputs_may_be_inputs_constants_and_the_same_value_twice():
    nodes = [relu(["x"], ["a"]), helper.make_node("Identity", ["x"], ["b"]), helper.make_node("Identity", ["c"], ["d"])]
    outputs = [info(name, [2]) for name in ("a", "a", "b", "d")]
    whole = model(nodes, [info("x", [2])], outputs, [tensor("c", np.asarray([5, 6], "float32"))])
    results = backend.run_model(whole, [np.asarray([-1, 2], "float32")])
    assert [r.tolist() for r in results] == [[0, 2], [0, 2], [-1, 2], [5, 6]]


def test_dropout_draws_when_an_imported_net_is_trained():
    net = model([helper.make_node("Dropout", ["x"], ["y"])], [info("x", [50, 50])], [info("y", [50, 50])])
    executor = mx.onnx.import_model(net)[0].simple_bind(mx.cpu(), x=(50, 50), grad_req="null")
    executor.arg_dict["x"][:] = 1
    assert (executor.forward(is_train=False)[0].asnumpy() == 1).all()
    assert 0.4 < (executor.forward(is_train=True)[0].asnumpy() == 0).mean() < 0.6


def test_names_of_inputs_are_checked():
    with pytest.raises(mx.MXNetError, match=r"\[onnx\] the model has no input 'z', expected one of x"):
        mx.onnx.import_model(small_net(), input_shapes={"z": (1,)})


def test_three_hundred_damaged_models():
    import onnx_mutation

    assert onnx_mutation.run(300, seed=7) == []
