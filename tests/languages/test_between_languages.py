"""docs/howto/between_languages.md: its programs train in R, Julia and Go, and the C program predicts with the files of each."""

import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import ROOT
from mixnet.predictor import Predictor

PAGE = (ROOT / "docs" / "howto" / "between_languages.md").read_text()
BUILD = ROOT / "build" / "release"
LIBRARY = {"MIXNET_LIBRARY": str(BUILD / "libmixnet.so"), "MIXNET_INCLUDE": str(ROOT / "include")}


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)


def execute(command, folder, **environment):
    command = [str(part) for part in command]
    result = subprocess.run(command, cwd=folder, env={**os.environ, **LIBRARY, **environment}, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def train_r(folder):
    library = folder / "library"
    library.mkdir()
    shutil.copytree(ROOT / "bindings" / "r", folder / "package")
    execute(["R", "CMD", "INSTALL", "--no-docs", "--no-test-load", f"--library={library}", "package"], folder)
    (folder / "train.R").write_text(blocks("r")[0])
    execute(["Rscript", "train.R"], folder, R_LIBS=str(library))


def train_julia(folder):
    (folder / "train.jl").write_text(blocks("julia")[0])
    depot = str(ROOT / "build" / "julia" / "depot")
    command = ["julia", "--startup-file=no", "--compile=min", f"--project={ROOT / 'bindings' / 'julia'}", "train.jl"]
    execute(command, folder, JULIA_DEPOT_PATH=depot)


def train_go(folder):
    binding = ROOT / "bindings" / "go"
    (folder / "main.go").write_text(blocks("go")[0])
    (folder / "go.mod").write_text(f"module larger\n\ngo 1.19\n\nrequire mixnet.dev/mixnet v0.0.0\n\nreplace mixnet.dev/mixnet => {binding}\n")
    said = execute(["bash", ROOT / "tools" / "toolchains" / "go.sh"], ROOT)
    program = pathlib.Path(re.search(r"ready \((\S+), go", said)[1])
    own = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "1", "GOCACHE": str(ROOT / "build" / "go" / "cache")}
    execute([program, "run", "."], folder, **own)


@pytest.fixture(scope="module")
def predict():
    """The C program, built as the page says."""
    build, run = [line for block in blocks("sh") for line in block.splitlines()]
    subprocess.run(build.split(), cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    program, *arguments = run.split()
    return [ROOT / program, *arguments]


@pytest.mark.parametrize("language", ["r", "julia", "go"])
def test_trained_there_predicted_from_c(toolchain, predict, tmp_path, monkeypatch, language):
    toolchain(language)
    {"r": train_r, "julia": train_julia, "go": train_go}[language](tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(blocks("python")[0], {})
    name, *numbers = execute(predict, tmp_path).split()
    scores = np.array(numbers, float).reshape(2, 2)
    assert name == "softmax_output" and scores[0, 1] > 0.8 and scores[1, 0] > 0.8
    pairs = np.fromfile("pairs.f32", "float32").reshape(2, 2)
    in_python = Predictor("larger-symbol.json", "larger-0020.params", {"data": (2, 2)}).forward(data=pairs)[0]
    np.testing.assert_allclose(scores, in_python, atol=1e-5)


def test_mistakes_are_told(predict, tmp_path):
    result = subprocess.run([str(part) for part in predict], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "") and result.stderr == "predict: cannot read larger-symbol.json\n"
    for name in ("larger-symbol.json", "larger-0020.params", "pairs.f32"):
        (tmp_path / name).write_text("{}")
    result = subprocess.run([str(part) for part in predict], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith("predict: [") and result.stderr.count("\n") == 1
