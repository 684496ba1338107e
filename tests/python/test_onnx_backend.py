"""onnx's own backend tests: what does not pass stands in onnx_not_passed.txt with its reason, and nothing else may fail or stand there."""

import pathlib

import numpy as np
import onnx
import onnx_data
import pytest
from onnx import numpy_helper

import mixnet as mx
from mixnet.onnx import backend

LISTED = pathlib.Path(__file__).with_name("onnx_not_passed.txt")


def listed():
    """{test: reason}; lines are a reason, a colon and the tests' names."""
    result = {}
    for line in LISTED.read_text().splitlines():
        if line and not line.startswith("#"):
            reason, _, names = line.partition(":")
            result.update(dict.fromkeys(names.split(), reason))
    return result


def truth(kinds):
    """({test: error of those that did not pass}, how many passed as graphs, how many node by node, names of all)."""
    mx.random.seed(1)  # what is drawn may not agree by chance
    failed, graphs, nodes, names = {}, 0, 0, []
    for folder in (f for kind in kinds for f in onnx_data.tests(kind)):
        names.append(folder.name)
        how, error = onnx_data.run(folder, backend)
        if error:
            failed[folder.name] = error
        elif how == "as a graph":
            graphs += 1
        else:
            nodes += 1
    return failed, graphs, nodes, names


def differences(failed, names):
    """Lines on tests that failed without being listed, and listed ones that passed."""
    reasons = listed()
    lines = [f"{name} fails and is not listed: {error}" for name, error in failed.items() if name not in reasons]
    return lines + [f"{name} passes and is listed" for name in names if name in reasons and name not in failed]


def report(capsys, label, failed, graphs, nodes, names):
    single = [name for name in names if "expanded" not in name]
    with capsys.disabled():
        print(f"\n{label} tests passed: {sum(name not in failed for name in single)} of {len(single)}", end="")
        if len(single) < len(names):
            print(f"; of functions written out: {graphs + nodes - sum(n not in failed for n in single)} of {len(names) - len(single)}", end="")
        print(f" ({graphs} as graphs, {nodes} node by node)")


def test_nodes(capsys):
    failed, graphs, nodes, names = truth(["node"])
    report(capsys, "ONNX node", failed, graphs, nodes, names)
    assert not differences(failed, names)
    assert sum(name not in failed and "expanded" not in name for name in names) >= 880


def test_models_of_other_frameworks(capsys):
    failed, graphs, nodes, names = truth(["pytorch-converted", "pytorch-operator", "simple"])
    report(capsys, "ONNX model", failed, graphs, nodes, names)
    assert not differences(failed, names)
    assert len(names) == 140


def test_every_listed_test_exists():
    names = {folder.name for kind in ("node", "simple", "pytorch-converted", "pytorch-operator") for folder in onnx_data.tests(kind)}
    assert set(listed()) <= names


LIGHT = ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"]


@pytest.mark.parametrize("net", LIGHT)
def test_light_nets(net):
    folder = onnx_data.DATA / "light"
    prepared = backend.prepare(str(folder / f"light_{net}.onnx"))
    image = np.arange(3 * 224 * 224).reshape(1, 3, 224, 224) / (3 * 224 * 224)
    output = prepared.run([image.astype("float32")])[0]
    expected = numpy_helper.to_array(onnx.TensorProto.FromString((folder / f"light_{net}_output_0.pb").read_bytes()))
    assert prepared.how == "as a graph"
    onnx_data.check(output, expected, rtol=2e-3)


def test_the_adapter():
    node = onnx.helper.make_node("Gemm", ["a", "b"], ["y"], transB=1)
    a, b = np.ones((2, 3), "float32"), np.full((4, 3), 2, "float32")
    assert (backend.run_node(node, [a, b])[0] == 6).all()
    assert backend.supports_device("CPU") and not backend.supports_device("CUDA")
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("NonZero", ["x"], ["y"])],
            "places",
            [onnx.helper.make_tensor_value_info("x", 1, ["n"])],
            [onnx.helper.make_tensor_value_info("y", 7, [1, "m"])],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 13)],
    )
    prepared = backend.prepare(model)
    assert prepared.run({"x": np.asarray([0, 5, 0, 1], "float32")})[0].tolist() == [[1, 3]]
    assert prepared.how.startswith("node by node: [onnx] node 'y' NonZero (opset 13): the input is known only when the model runs")
    with pytest.raises(mx.MXNetError, match=r"^\[onnx\] no value for input 'x'$"):
        prepared.run({})
    with pytest.raises(mx.MXNetError, match="expected CPU"):
        backend.prepare(model, "CUDA")


def test_inputs_are_checked_by_name_and_number():
    folder = onnx_data.DATA / "node" / "test_relu"
    prepared = backend.prepare(str(folder / "model.onnx"))
    value = np.zeros((3, 4, 5), "float32")
    with pytest.raises(mx.MXNetError, match=r"\[onnx\] expected 1 inputs, got 2"):
        prepared.run([value, value])
    with pytest.raises(mx.MXNetError, match=r"\[onnx\] input 'x': expected values of type float32, got <U6"):
        prepared.run([np.asarray(["Monday"])])
    with pytest.raises(mx.MXNetError, match=r"\[onnx\] the model has no input 'z', expected x"):
        prepared.run({"z": value})
