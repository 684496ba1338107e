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


def test_blocks_train_on_two_contexts(tmp_path):
    text = run("train_blocks.py", "--limit", "3000", "--epochs", "2", "--contexts", "2", "--export", str(tmp_path / "net"))
    losses = [float(loss) for loss in re.findall(r"^epoch=\d+ loss=([\d.]+)", text, re.M)]
    assert len(losses) == 2 and losses[1] < losses[0]
    last, exported = (float(a) for a in re.findall(r"test accuracy=([\d.]+)", text)[-2:])
    assert exported > 0.6 and abs(last - exported) < 0.03


def test_language_model_is_less_and_less_perplexed():
    text = run("lstm_language_model.py", "--epochs", "3", "--limit", "1200", "--vocabulary", "500", "--hidden", "32", "--batch-size", "16")
    learned, held_out = zip(*((float(a), float(b)) for a, b in re.findall(r"perplexity ([\d.]+)  held out ([\d.]+)", text)))
    assert len(learned) == 3 and list(learned) == sorted(learned, reverse=True)
    assert learned[0] < 500 and held_out[-1] < 150, "the vocabulary has 500 words"


def test_gan_paints_what_is_nearer_than_noise(tmp_path):
    picture = tmp_path / "gan.pgm"
    text = run("gan.py", "--steps", "150", "--limit", "2000", "--output", str(picture))
    noise = float(re.search(r"distance of noise ([\d.]+)", text).group(1))
    right, distances = zip(*re.findall(r"judge right (\d+) %  distance ([\d.]+)", text))
    assert len(distances) == 10 and float(distances[-1]) < 0.8 * noise
    assert all(40 < int(value) < 100 for value in right[1:]), "neither net may win"
    assert picture.read_bytes().startswith(b"P5 ")


def test_reinforce_balances_the_pole():
    lengths = [float(value) for value in re.findall(r"balanced for ([\d.]+) steps", run("reinforce.py", "--episodes", "100"))]
    assert len(lengths) == 10 and lengths[0] < 60 and max(lengths[5:]) > 150


def test_detector_finds_most_shapes():
    text = run("detect_shapes.py", "--steps", "100", "--batch-size", "16")
    losses = [float(value) for value in re.findall(r"class loss ([\d.]+)", text)]
    assert losses[-1] < 0.7 * losses[0]
    assert float(re.search(r"mean average precision ([\d.]+)", text).group(1)) > 0.5


def test_newton_needs_few_steps():
    text = run("newton_cg.py", "--points", "500")
    norms = [float(value) for value in re.findall(r"newton +\d+  loss [\d.]+  gradient ([\d.e+-]+)", text)]
    assert len(norms) <= 15 and norms[-1] < 1e-6
    loss = float(re.findall(r"newton +\d+  loss ([\d.]+)", text)[-1])
    assert loss < float(re.search(r"descent  loss ([\d.]+)", text).group(1))
    assert float(re.search(r"right side: ([\d.]+) %", text).group(1)) > 90


@pytest.mark.parametrize("name", ["lstm_language_model.py", "gan.py", "reinforce.py", "newton_cg.py"])
def test_examples_say_what_they_are(name):
    text = run(name, "--help")
    assert "usage:" in text and len(text.splitlines()) > 5
