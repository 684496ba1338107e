"""The comparison with MXNet, without MXNet: what is asked of it, how answers are compared, and that every known difference is documented."""

import importlib.util
import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tools" / "agreement"


@pytest.fixture(scope="module")
def modules():
    """(run, cases): the tool's files, imported beside each other."""
    sys.path[:0] = [str(FOLDER), str(ROOT / "bindings" / "python")]
    try:
        found = []
        for name in ("run", "cases"):
            spec = importlib.util.spec_from_file_location(f"agreement_{name}", FOLDER / f"{name}.py")
            found.append(importlib.util.module_from_spec(spec))
            spec.loader.exec_module(found[-1])
        return found
    finally:
        sys.path[:2] = []


def operator(name, **more):
    inputs = [{"name": "data", "shape": [2, 3], "low": -1, "high": 1, "whole": False, "state": False}]
    inputs.append({"name": "index", "shape": [2], "low": 0, "high": 3, "whole": True, "state": False})
    sample = {"inputs": inputs, "parameters": {"axis": "1"}, "outputs": 1, "training": True, "differentiable": True}
    empty = {**sample, "inputs": [{**inputs[0], "shape": [0, 3]}, inputs[1]]}
    return {"name": name, "aliases": [], "random": False, "gradient": True, "samples": [sample, empty], **more}


def test_cases_are_what_both_can_compute(modules):
    run, cases = modules
    found = cases.cases([operator("pick"), operator("_not_in_mxnet")])
    assert [(c["op"], c["wanted"]) for c in found] == [("pick", [0])] * 2, "two draws of the sample that is not empty"
    first, index = (run.array(value) for value in found[0]["inputs"])
    assert first.shape == (2, 3) and first.dtype == np.float32 and set(index) <= {0, 1, 2}
    assert not np.array_equal(first, run.array(found[1]["inputs"][0]))


def test_differences_are_found(modules):
    run, _ = modules
    x = np.arange(6, dtype="float32").reshape(2, 3)
    assert run.difference(x, x + 1e-6) is None
    assert run.difference(x, x.T).startswith("shape (2, 3), MXNet (3, 2)")
    assert run.difference(x, x.astype("float64")) == "dtype float32, MXNet float64"
    y = x.copy()
    y[1, 2] = 9
    assert run.difference(x, y) == "5 at (1, 2), MXNet 9"
    random = np.random.RandomState(0)
    a, b, c = random.randn(5000), random.randn(5000), 1.5 * random.randn(5000)
    assert run.moments_differ(a, b) is None
    assert run.moments_differ(a, c).startswith("deviation")
    assert run.moments_differ(a, b + 1).startswith("mean")


def test_a_difference_without_a_reason_is_reported(modules, capsys):
    run, _ = modules
    rows = {name: run.Row() for name in ("agrees", "differs", "known")}
    for row in rows.values():
        row.cases = 2
    rows["differs"].problems = rows["known"].problems = ["output 0: 1, MXNet 2"]
    assert run.report(rows, {"known": "a mistake"}, False) == ["differs"]
    out = capsys.readouterr().out
    assert "1 operators agree with MXNet 1.9.1 in 2 cases" in out and "1 differ for a known reason" in out


def test_known_differences_are_documented(modules):
    run, _ = modules
    page = (ROOT / "docs" / "guide" / "differences.md").read_text().replace(".", "_")
    for name in run.known():
        assert name.replace("_contrib_", "contrib_").replace("_image_", "image_").lstrip("_") in page, name
