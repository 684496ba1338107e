"""Julia: the package's own tests, the examples of its guide, and LeNet.

Julia's compiler takes longer than the tests, so they run interpreted; only the guide and LeNet, which walk over images, are compiled.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "julia"
FILES = re.findall(r'"(\w+)"', re.search(r"FILES = \[(.*?)\]", (PACKAGE / "test" / "runtests.jl").read_text(), flags=re.S)[1])
COMPILED = ["guide"]
# What Julia compiles goes to build/julia.
ENVIRONMENT = {"JULIA_DEPOT_PATH": str(ROOT / "build" / "julia" / "depot"), "JULIA_NUM_THREADS": "2"}
JULIA = ["julia", "--startup-file=no", f"--project={PACKAGE}"]


@pytest.fixture(autouse=True)
def installed(toolchain):
    toolchain("julia")


def test_package(run, inner):
    files = [file for file in FILES if file not in COMPILED]
    inner("Julia", run([*JULIA, "--compile=min", PACKAGE / "test" / "runtests.jl", *files], env=ENVIRONMENT))


def test_guide(run, inner):
    inner("Julia's guide", run([*JULIA, "-O1", PACKAGE / "test" / "runtests.jl", *COMPILED], env=ENVIRONMENT))


def test_lenet(run, lenet, trained):
    program = ROOT / "examples" / "julia" / "train_lenet.jl"
    lenet(run([*JULIA, program, "--limit", 2000, "--epochs", 1, "--prefix", trained("julia")], env=ENVIRONMENT))
    assert sorted(path.name for path in trained("julia").parent.iterdir()) == ["lenet-0001.params", "lenet-symbol.json"]


STORE = """
using MixNet
store, out = mx.KVStore(:dist_sync), mx.zeros(3)
mx.init!(store, :w => mx.ones(3))
push!(store, :w => mx.full(2, 3))
mx.pull!(store, :w => out)
println(Array(out))
print(mx.statistics(store))
mx.release(store)
"""


def test_statistics_of_a_store_between_machines(run, group):
    pulled, counts = run([*JULIA, "--compile=min", "-e", STORE], env={**ENVIRONMENT, **group}).split("\n", 1)
    assert pulled == "Float32[2.0, 2.0, 2.0]"
    assert json.loads(counts)["keys"]["w"]["pushes"] == 1


def test_interrupt_ends_the_program(tmp_path):
    program = ROOT / "examples" / "julia" / "train_lenet.jl"
    command = [*JULIA, program, "--limit", "500", "--epochs", "1000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    training = subprocess.Popen([str(part) for part in command], env={**os.environ, **ENVIRONMENT}, **pipes)
    try:
        assert training.stdout.readline().startswith("epoch=1 ")
        training.send_signal(signal.SIGINT)
        _, complaint = training.communicate(timeout=20)
        assert (training.returncode, complaint) == (130, "interrupted\n")
    finally:
        training.kill()


def test_without_a_library(tmp_path):
    shutil.copytree(PACKAGE / "src", tmp_path / "src")
    command = ["julia", "--startup-file=no", "--compile=min", "-e", f'include("{tmp_path}/src/api.jl")']
    environment = {**os.environ, "MIXNET_LIBRARY": str(tmp_path / "nothing.so"), "LD_LIBRARY_PATH": ""}
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, timeout=120)
    assert result.returncode != 0 and "[MixNet] library: expected one of" in result.stdout and "got none" in result.stdout
