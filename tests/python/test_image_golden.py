"""mx.image beside what MXNet 1.9.1 made of the same pictures with the same seeds (tests/data/mx_image, written by tools/golden/image_functions.py)."""

import json
import pathlib
import random
import sys

import numpy as np
import pytest

import mixnet as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "golden"))

import image_functions as images  # noqa: E402

# Pixels are resized first: one level of 255 there, or what becomes of it by jitter and the division by the least deviation.
TOLERANCE = {"create_crop_resize": 1.5 / 57, "create_det": 1.5 / 57, "iter_boxes": 1.1, "iter_boxes_shuffle": 1.1}
THERE = dict(np.load(ROOT / "tests" / "data" / "mx_image" / "mxnet.npz"))
CASES = {name: run for group in images.ALL for name, run in group(mx)}


def ours(name):
    random.seed(7)
    np.random.seed(7)
    return [value.asnumpy() if isinstance(value, mx.nd.NDArray) else np.asarray(value) for value in CASES[name]()]


def theirs(name):
    return [THERE[f"{name}/{i}"] for i in range(sum(key.startswith(f"{name}/") for key in THERE))]


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    found, expected = ours(name), theirs(name)
    assert len(found) == len(expected)
    for i, (a, b) in enumerate(zip(found, expected)):
        assert a.shape == b.shape, (name, i)
        if b.dtype == np.uint8:
            assert np.abs(a.astype(int) - b).max() <= 1, (name, i)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=TOLERANCE.get(name, 2e-3), err_msg=f"{name}/{i}")


def test_dumps():
    expected = json.loads((ROOT / "tests" / "data" / "mx_image" / "dumps.json").read_text())
    assert json.loads(json.dumps(images.dumps(mx))) == expected
