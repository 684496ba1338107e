"""Writes what every side of a row loads: the symbol, the same random parameters, the same inputs."""

import json
import pathlib

import numpy as np


def _scales_before_sums(symbol):
    """Names of the scales of norms whose results are added to something: large ones would let a residual net grow with every block."""
    nodes = json.loads(symbol.tojson())["nodes"]
    norms = (nodes[i[0]] for node in nodes if "add" in node["op"].lower() for i in node["inputs"])
    return {nodes[norm["inputs"][1][0]]["name"] for norm in norms if norm["op"] == "BatchNorm"}


def _parameter(random, name, shape, small):
    """He's initialisation keeps activations in range; the scale of a norm is one (or small), its offset and every bias small."""
    if name.endswith("gamma"):
        return np.full(shape, 0.25 if small else 1, "float32")
    if len(shape) < 2 and "parameters" not in name:
        return (0.01 * random.randn(*shape)).astype("float32")
    scale = 0.05 if len(shape) < 2 or "embedding" in name else (2 / np.prod(shape[1:])) ** 0.5
    return (random.standard_normal(shape) * scale).astype("float32")


def write(folder, symbol, inputs):
    """{"symbol": path, "arrays": path}. inputs: {name: array}, labels too."""
    folder, random = pathlib.Path(folder), np.random.RandomState(1)
    inputs = arrays(inputs)
    shapes, _, states = symbol.infer_shape(**{n: v.shape for n, v in inputs.items() if n in symbol.list_arguments()})
    stored = {f"data:{name}": value for name, value in inputs.items()}
    small = _scales_before_sums(symbol)
    for name, shape in zip(symbol.list_arguments(), shapes):
        if name not in inputs:
            stored[f"arg:{name}"] = _parameter(random, name, shape, name in small)
    for name, shape in zip(symbol.list_auxiliary_states(), states):
        stored[f"aux:{name}"] = (np.ones if name.endswith("var") else np.zeros)(shape, "float32")
    paths = {"symbol": str(folder / "net-symbol.json"), "arrays": str(folder / "net.npz")}
    pathlib.Path(paths["symbol"]).write_text(symbol.tojson())
    np.savez(paths["arrays"], **stored)
    return paths


def images(shape, classes=1000):
    """Random images and labels."""
    random = np.random.RandomState(2)
    return {"data": random.rand(*shape), "softmax_label": random.randint(0, classes, shape[0])}


def arrays(inputs):
    """The inputs as they are written."""
    return {name: np.asarray(value, "float32") for name, value in inputs.items()}
