"""Every program in examples/python runs and says what it should."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "python")


def run(name, *options):
    command = [sys.executable, os.path.join(FOLDER, name), *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


def test_ndarray_basics():
    text = run("ndarray_basics.py")
    assert "[[2. 2. 2.]\n [2. 2. 2.]]" in text and "sum 9.0 largest 4.0" in text
    assert "[[10. 13.]\n [28. 40.]]" in text


def test_mixed_loop_finds_the_line():
    text = run("mixed_loop.py")
    losses = [float(value) for value in re.findall(r"loss ([\d.]+)", text)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 1e-3
    assert "[[2.0, -3.4]] true" in text


def test_mlp_learns_the_spirals():
    accuracy = float(re.search(r"fresh points ([\d.]+) %", run("mlp.py")).group(1))
    assert accuracy > 90


def test_kvstore_local_finds_the_line():
    values = re.findall(r"^(fc_\w+) (\[.*\]) true (\[.*\])$", run("kvstore_local.py"), re.M)
    assert [name for name, _, _ in values] == ["fc_weight", "fc_bias"]
    for _, found, truth in values:
        np.testing.assert_allclose(np.array(eval(found)), np.array(eval(truth)), atol=0.02)


def test_fashion_mnist_in_small(tmp_path):
    pytest.importorskip("matplotlib")
    text = run("train_fashion_mnist.py", "--epochs", "2", "--limit", "1000", "--batch-size", "20", "--output", str(tmp_path))
    accuracy = float(re.search(r"reloaded net: ([\d.]+) %", text).group(1))
    assert accuracy > 60
    per_epoch = re.findall(r"  test accuracy ([\d.]+) %", text)
    assert len(per_epoch) == 2 and float(per_epoch[-1]) == pytest.approx(accuracy, abs=0.01)
    assert "images/s" in text and "loss" in text
    for name in ("curves.png", "network.png", "predictions.png", "fashion-symbol.json", "fashion-0002.params"):
        assert (tmp_path / name).stat().st_size > 500, name


def test_mixed_precision_costs_no_accuracy():
    found = {name: float(value) for name, value in re.findall(r"^(\w+) +accuracy ([\d.]+) %", run("mixed_precision.py"), re.M)}
    assert set(found) == {"float32", "bfloat16", "float16"} and found["float32"] > 95
    assert all(value > found["float32"] - 3 for value in found.values())


def test_lenet_has_the_losses_of_all_languages(tmp_path):
    with open(os.path.join(FOLDER, "..", "..", "tests", "conformance", "lenet.txt"), encoding="utf-8") as file:
        lines = [line.split() for line in file.read().split("\n\n")[0].splitlines()]
    expected = [(float(line[2]), float(line[3])) for line in lines if line[0] == "epoch"]
    text = run("train_lenet.py", "--epochs", str(len(expected)), "--limit", "2000", "--prefix", str(tmp_path / "lenet"))
    found = re.findall(r"^epoch=\d+ loss=([\d.]+) accuracy=([\d.]+) seconds=[\d.]+$", text, re.M)
    assert len(found) == len(expected)
    for (loss, _), (wanted, tolerance) in zip(found, expected):
        assert abs(float(loss) - wanted) < tolerance
    assert float(re.search(r"^test accuracy=([\d.]+)$", text, re.M).group(1)) > 0.6
    assert (tmp_path / "lenet-symbol.json").exists() and (tmp_path / "lenet-0002.params").stat().st_size > 1_000_000
