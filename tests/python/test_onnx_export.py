"""mx.onnx.export_model: operator by operator against onnxruntime, and what it refuses."""

import numpy as np
import pytest


import mixnet as mx
from export_samples import SAMPLES
from onnx_running import compare


def graph_of(sample):
    """(symbol, inputs, params) of a line of the table."""
    rng = np.random.RandomState(1)
    values = [v if isinstance(v, np.ndarray) else rng.uniform(sample["low"], sample["high"], v).astype("float32") for v in sample["inputs"]]
    names = [f"in{i}" for i in range(len(values))]
    variables = [mx.sym.Variable(name) for name in names]
    symbol = getattr(mx.sym, sample["op"])(*variables, name="node", **sample["settings"])
    split = [{n: v for i, (n, v) in enumerate(zip(names, values)) if (i in sample["params"]) == wanted} for wanted in (False, True)]
    # Statistics of BatchNorm are auxiliary: they are known values by nature.
    for name in set(symbol.list_auxiliary_states()) & set(split[0]):
        split[1][name] = split[0].pop(name)
    return symbol, split[0], split[1]


@pytest.mark.parametrize("index", range(len(SAMPLES)), ids=[f"{i}-{s['op']}" for i, s in enumerate(SAMPLES)])
def test_operator(index, tmp_path):
    sample = SAMPLES[index]
    symbol, inputs, params = graph_of(sample)
    compare(symbol, tmp_path / "model.onnx", inputs, params, 2e-5 if sample["op"] != "erf" else 1e-4, opset_version=sample["opset"])
