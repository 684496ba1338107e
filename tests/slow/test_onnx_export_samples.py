"""Every sample of the registry's operators that can be exported, in onnxruntime beside ours. Samples come from the program operator_samples."""

import json
import pathlib
import sys

import numpy as np

import mixnet as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "python"), str(ROOT / "tools" / "agreement")]

from cases import comparable, samples, values  # noqa: E402
from mixnet.onnx.export.source import Source  # noqa: E402
from onnx_running import run_ours, run_theirs  # noqa: E402

# Boxes whose corners are exchanged, which random numbers give: ONNX puts them in order.
DIFFERENT = {("_contrib_MultiBoxDetection", 1)}


def net(op, sample, number):
    """(symbol, inputs, params) of a sample."""
    names = [f"in{i}" for i in range(len(sample["inputs"]))]
    given = {name: values(spec, 10 * number + i) for i, (name, spec) in enumerate(zip(names, sample["inputs"]))}
    nodes = [{"op": "null", "name": name, "inputs": []} for name in names]
    attrs = {key: str(value) for key, value in sample["parameters"].items()}
    nodes.append({"op": op["name"], "name": "node", "attrs": attrs, "inputs": [[i, 0, 0] for i in range(len(names))]})
    graph = {"nodes": nodes, "arg_nodes": list(range(len(names))), "heads": [[len(names), 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}
    symbol = mx.sym.load_json(json.dumps(graph))
    known = set(symbol.list_auxiliary_states()) | ({"in1"} if op["name"] == "RNN" else set())
    return symbol, {k: v for k, v in given.items() if k not in known}, {k: v for k, v in given.items() if k in known}


def exported(symbol, inputs, params, path):
    """The path, or None where the exporter says that ONNX cannot express it. Labels are no inputs."""
    arrays = {name: mx.nd.array(value, dtype=value.dtype) for name, value in params.items()}
    needed = Source(symbol, arrays).inputs
    try:
        return mx.onnx.export_model(symbol, arrays, {name: inputs[name].shape for name in needed}, onnx_file_path=path)
    except mx.MXNetError as error:
        assert str(error).startswith("[export_model]")
        return None


def agrees(symbol, inputs, params, path):
    """Whether all outputs are the same, in shape and dtype too."""
    for ours, theirs in zip(run_ours(symbol, {**inputs, **params}), run_theirs(path, inputs)):
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype or not np.allclose(theirs, ours, 2e-4, 2e-4, equal_nan=True):
            return False
    return True


def test_samples(tmp_path):
    known, same, refused, different = set(mx.onnx.get_operator_support()), 0, 0, set()
    for op in samples():
        for number, sample in enumerate(op["samples"] if op["name"] in known and not op["random"] else ()):
            if not comparable(sample):
                continue
            symbol, inputs, params = net(op, sample, number)
            path = exported(symbol, inputs, params, tmp_path / "model.onnx")
            if path is None:
                refused += 1
            elif agrees(symbol, inputs, params, path):
                same += 1
            else:
                different.add((op["name"], number))
    print(f"samples of operators exported to ONNX: {same} agree with onnxruntime, {refused} refused, {len(different)} differ")
    assert different == DIFFERENT and same >= 740 and refused < 12
