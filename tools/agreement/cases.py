"""Cases from the samples of the registry: {"op", "name", "inputs", "parameters", "wanted", "training", "random", "seed"}.

Inputs are (shape, dtype, bytes), which every NumPy can read. `wanted` are the inputs of which gradients are compared.
"""

import json
import math
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTED = ROOT / "tests" / "data" / "operators_1.9.1.txt"
DRAWS = "(100, 150)"  # of random operators, whose moments are compared
DRAWS_EACH = "(5000,)"


def samples():
    """What the test program operator_samples prints; it is built when needed."""
    build = ROOT / "build" / "release"
    if not (build / "build.ninja").exists():
        raise SystemExit("[agreement] build the library first: make build")
    ninja = pathlib.Path(sys.executable).parent / "ninja"
    subprocess.run([str(ninja) if ninja.exists() else "ninja", "-C", str(build), "operator_samples"], check=True, stdout=subprocess.DEVNULL)
    return json.loads(subprocess.run([build / "operator_samples"], check=True, capture_output=True, text=True).stdout)


def packed(value):
    value = np.ascontiguousarray(value)
    return value.shape, str(value.dtype), value.tobytes()


def values(spec, seed):
    drawn = np.random.RandomState(seed).uniform(spec["low"], spec["high"], spec["shape"])
    drawn = np.floor(drawn) if spec["whole"] else drawn
    # A sequence without elements makes MXNet read, and in backward write, before the array.
    return (np.maximum(drawn, 1) if spec["name"] == "sequence_length" else drawn).astype("float32")


# What ends MXNet's process, or worse, damages it: operator, parameter and its value, None when it is not given.
FATAL = [
    ("LeakyReLU", "act_type", "rrelu"),
    ("SequenceLast", "use_sequence_length", None),
    ("SpatialTransformer", "target_shape", "(1, 1)"),
    ("UpSampling", "sample_type", "bilinear"),
    ("_contrib_ROIAlign", "aligned", "True"),
    ("_contrib_quantize_asym", "", None),
]


def comparable(op, sample):
    """MXNet's arrays have at least one axis and, without NumPy's shapes, at least one element."""
    if any(op["name"] == name and sample["parameters"].get(key) == value for name, key, value in FATAL):
        return False
    return all(spec["shape"] and math.prod(spec["shape"]) for spec in sample["inputs"])


# Parameters that MXNet wants to be told, and input dtypes other than float32.
TOLD = {"_random_randint": {"low": "-3", "high": "9"}, "lamb_update_phase1": {"wd": "0.1"}}
DTYPES = {"batch_take": {"indices": "int32"}, "_contrib_quantized_flatten": {"data": "int8"}}


def dtype(op, spec):
    half = "mp_" in op["name"] and spec["name"].startswith(("weight", "grad")) and not spec["name"].startswith("weight32")
    return "float16" if half else DTYPES.get(op["name"], {}).get(spec["name"], "float32")


def targets(op, sample):
    """Inputs that MXNet's operator must be given as its outputs too."""
    if "multi_" in op["name"] and op["name"].endswith("_update"):
        return [i for i, spec in enumerate(sample["inputs"]) if spec["name"].startswith("weight_")]
    return [0] if op["name"] == "_scatter_set_nd" else []


def made_safe(specs, inputs):
    """Indices of what does not exist make MXNet read, and in backward write, outside of its arrays; from then on anything may happen."""
    named = {spec["name"]: value for spec, value in zip(specs, inputs)}
    if "rois" in named:
        named["rois"][..., 0] = np.floor(np.abs(named["rois"][..., 0])) % inputs[0].shape[0]
    if "matches" in named:
        np.minimum(named["matches"], named["refs"].shape[1] - 1, out=named["matches"])
    if "label_lengths" in named:
        np.maximum(named["label_lengths"], 1, out=named["label_lengths"])
    if "label" in named and named["label"].ndim == 2 and inputs[0].ndim == 3:  # CTCLoss, where 0 is padding
        np.maximum(named["label"][:, 0], 1, out=named["label"][:, 0])


def case(op, name, sample, number, seed):
    parameters = {**TOLD.get(op["name"], {}), **sample["parameters"]}
    specs = sample["inputs"]
    inputs = [values(spec, 1000 * seed + 10 * number + i).astype(dtype(op, spec)) for i, spec in enumerate(specs)]
    made_safe(specs, inputs)
    if op["name"] == "_sample_multinomial":  # probabilities
        inputs = [i / i.sum(-1, keepdims=True) for i in inputs]
    if op["random"] and "shape" in parameters:
        parameters["shape"] = DRAWS_EACH if inputs else DRAWS
    wanted = [i for i, spec in enumerate(specs) if op["gradient"] and not spec["whole"] and not spec["state"]]
    return {
        "op": name,
        "name": op["name"],
        "inputs": [packed(i) for i in inputs],
        "targets": targets(op, sample),
        "parameters": parameters,
        "wanted": [] if op["random"] or targets(op, sample) else wanted,
        "training": sample["training"],
        "random": op["random"],
        "seed": seed,
    }


def cases(operators, only=()):
    """Every comparable sample of every operator that MXNet has, with two sets of random inputs."""
    listed, found = set(LISTED.read_text().split()), []
    for op in operators:
        name = next((n for n in (op["name"], *op["aliases"]) if n in listed), None)
        if name is None or (only and not {op["name"], *op["aliases"]} & set(only)):
            continue
        for number, sample in enumerate(op["samples"]):
            if comparable(op, sample):
                found += [case(op, name, sample, number, seed) for seed in ((1, 2) if sample["inputs"] else (1,))]
    return found
