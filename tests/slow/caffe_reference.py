"""Outputs of OpenCV's reader of Caffe models for the cases of tests/python/caffe_models.py.

`python tests/slow/caffe_reference.py` compares and rewrites tests/data/caffe_reference.json, which the default tests hold our outputs against.
Needs opencv-python-headless 4.
"""

import json
import pathlib
import sys

import cv2
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
STORED = ROOT / "tests" / "data" / "caffe_reference.json"
sys.path.insert(0, str(ROOT / "tests" / "python"))

import caffe_models  # noqa: E402


def reference(name):
    """OpenCV's outputs of a case."""
    prototxt = caffe_models.CASES[name]
    legacy = name == "caffenet"
    content = caffe_models.caffemodel(caffe_models.weights(prototxt), legacy)
    # OpenCV does not know enumerators as numbers.
    described = prototxt.replace("type: 14", "type: INNER_PRODUCT")
    net = cv2.dnn.readNetFromCaffe(*(np.frombuffer(data, "uint8") for data in (described.encode(), content)))
    for key, value in caffe_models.inputs_of(prototxt).items():
        net.setInput(value, key)
    return [np.asarray(out) for out in net.forward(net.getUnconnectedOutLayersNames())]


def references():
    """{case: OpenCV's outputs}, without those that it cannot read or answers with nan."""
    result = {}
    for name in caffe_models.CASES:
        try:
            outputs = reference(name)
        except cv2.error:
            continue
        if all(np.isfinite(out).all() for out in outputs):
            result[name] = outputs
    return result


def differences():
    """{case: [largest difference of each output]}."""
    result = {}
    for name, theirs in references().items():
        ours = caffe_models.outputs(name)[1]
        result[name] = [float(np.abs(a - b.reshape(a.shape)).max()) for a, b in zip(ours, theirs)]
    return result


def stored(outputs):
    """What is written down of an output: its shape and up to 24 of its elements, evenly spread."""
    flat = outputs.reshape(-1)
    return {"shape": list(outputs.shape), "values": [round(float(v), 6) for v in flat[:: max(1, flat.size // 24)][:24]]}


if __name__ == "__main__":
    print(differences())
    content = {name: [stored(out) for out in outputs] for name, outputs in references().items()}
    STORED.write_text("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in content.items()) + "\n}\n")
