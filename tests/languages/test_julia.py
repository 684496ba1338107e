"""Julia: its own tests, the examples of its guide, and LeNet, which must print the losses that every language prints.

Julia's compiler takes longer than the tests, so they run interpreted; only the guide and LeNet are compiled.
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "julia"
FILES = re.findall(r'"(\w+)"', re.search(r"FILES = \[(.*?)\]", (PACKAGE / "test" / "runtests.jl").read_text(), flags=re.S)[1])
COMPILED = ["guide"]


def julia(*arguments, **variables):
    """(exit code, output) of Julia on the package; what it compiles goes to build/julia."""
    if shutil.which("julia") is None:
        pytest.skip("julia is not installed: run tools/toolchains/julia.sh")
    environment = {**os.environ, "JULIA_DEPOT_PATH": str(ROOT / "build" / "julia" / "depot"), "JULIA_NUM_THREADS": "2", **variables}
    command = ["julia", "--startup-file=no", f"--project={PACKAGE}", *map(str, arguments)]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400)
    return result.returncode, result.stdout


def passed(code, output, least):
    """Checks a run of the tests, and hands its last line on."""
    print(output)
    counts = re.search(r"^(\d+) passed, 0 failed, 0 skipped$", output, flags=re.M)
    assert code == 0 and counts and int(counts[1]) >= least


def test_package():
    passed(*julia("--compile=min", PACKAGE / "test" / "runtests.jl", *(f for f in FILES if f not in COMPILED)), least=280)


def test_guide():
    passed(*julia("-O1", PACKAGE / "test" / "runtests.jl", *COMPILED), least=8)


def expected_losses(limit):
    """{epoch: (loss, tolerance)} of tests/conformance/lenet.txt."""
    cases = (ROOT / "tests" / "conformance" / "lenet.txt").read_text().split("\n\n")
    case = next(c for c in cases if f"\nlimit {limit}\n" in c)
    return {int(e): (float(loss), float(tolerance)) for e, loss, tolerance in re.findall(r"^epoch (\d+) (\S+) (\S+)$", case, flags=re.M)}


def test_lenet(tmp_path):
    prefix = tmp_path / "lenet"
    code, output = julia(ROOT / "examples" / "julia" / "train_lenet.jl", "--limit", 2000, "--epochs", 1, "--prefix", prefix)
    print(output)
    assert code == 0
    epochs = re.findall(r"^epoch=(\d+) loss=(\d+\.\d{6}) accuracy=(\d\.\d{6}) seconds=\d+\.\d+$", output, flags=re.M)
    loss, tolerance = expected_losses(2000)[1]
    assert len(epochs) == 1 and float(epochs[0][1]) == pytest.approx(loss, abs=tolerance)
    assert re.search(r"^test accuracy=0\.\d{6}$", output, flags=re.M)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lenet-0001.params", "lenet-symbol.json"]


def test_without_a_library(tmp_path):
    shutil.copytree(PACKAGE / "src", tmp_path / "src")
    code, output = julia("--compile=min", "-e", f'include("{tmp_path}/src/api.jl")', MIXNET_LIBRARY=str(tmp_path / "nothing.so"))
    assert code != 0 and "[MixNet] library: expected one of" in output and "got none" in output
