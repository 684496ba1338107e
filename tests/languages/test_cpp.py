"""The C++ binding: its own tests, LeNet, the guide's program."""

import json
import os
import re
import subprocess

import mixnet as mx
import numpy as np
import pytest
from conftest import ROOT
from mixnet import base
from mixnet.io.idx_file import read_idx

BUILD = ROOT / "build" / "release"
FASHION = "/usr/share/datasets/fashion-mnist"


@pytest.fixture(scope="module", autouse=True)
def built(toolchain):
    """What `all` leaves out."""
    toolchain("cpp")
    command = ["cmake", "--build", str(BUILD), "--target", "cpp_binding"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-6000:]


def python_accuracy(prefix, epoch):
    """The share of test images that Python gets right with a checkpoint."""
    images = read_idx(f"{FASHION}/t10k-images-idx3-ubyte.gz", 3)[:, None].astype(np.float32) / 255
    labels = read_idx(f"{FASHION}/t10k-labels-idx1-ubyte.gz", 1)
    model = mx.model.FeedForward.load(str(prefix), epoch)
    return float((model.predict(images).argmax(axis=1) == labels).mean())


def test_own_tests(run, inner):
    output = run([BUILD / "bindings" / "cpp" / "cpp_tests"])
    passed, failed, skipped = re.search(r"test cases:.*\| *(\d+) passed \| *(\d+) failed \| *(\d+) skipped", output).groups()
    inner("C++", f"{passed} passed, {failed} failed, {skipped} skipped")


def test_every_operator_is_a_function():
    out = base.ffi.new("char **")
    base.check(base.lib.mxn_op_schemas(out))
    header = (ROOT / "bindings" / "cpp" / "include" / "mixnet" / "operators.hpp").read_text()
    positions = (ROOT / "include" / "mixnet" / "fields.h").read_text()
    functions = set(re.findall(r"^inline \S+ (\w+)\(", header, re.M))
    fields = dict(re.findall(r"^  (MXN_FIELD_\w+) = (\d+)", positions, re.M))
    for op in json.loads(base.text(out[0])):
        if not op["hidden"]:
            assert {op["name"], *op["aliases"]} <= functions, op["name"]
            given = {f"MXN_FIELD_{op['name']}_{p['name']}": str(i) for i, p in enumerate(op["params"]) if p["name"] != op["variadic"]}
            assert given.items() <= fields.items(), op["name"]


@pytest.mark.parametrize("program, language", [("bindings/cpp/train_lenet", "cpp"), ("train_lenet_c", "c")], ids=["C++", "C"])
def test_lenet(run, lenet, trained, program, language):
    prefix = trained(language)
    accuracy = lenet(run([BUILD / program, "--limit", "2000", "--epochs", "1", "--prefix", prefix]))
    assert python_accuracy(prefix, 1) == pytest.approx(accuracy, abs=2e-4)


@pytest.mark.parametrize("program", ["bindings/cpp/train_lenet", "train_lenet_c"], ids=["C++", "C"])
def test_lenet_says_what_is_wrong(program):
    for arguments, wanted in ((["--data", "no/such/folder"], "expected"), (["--epoch", "3"], "train_lenet [--epochs 3]")):
        result = subprocess.run([BUILD / program, *arguments], capture_output=True, text=True)
        assert result.returncode == 1 and wanted in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_guide(run, tmp_path):
    """The blocks of docs/guide/cpp.md are one program, and its text blocks what it prints."""
    text = (ROOT / "docs" / "guide" / "cpp.md").read_text()
    blocks = re.findall(r"^```(cpp|text)\n(.*?)^```$", text, re.M | re.S)
    code = [block for kind, block in blocks if kind == "cpp"]
    outside = [block for block in code if block.startswith(("#include", "static "))]
    inside = [block for block in code if block not in outside]
    (tmp_path / "guide.cc").write_text("\n".join([*outside, "int main() {", *inside, "}"]))
    folders = [f"-I{ROOT}/include", f"-I{ROOT}/bindings/cpp/include"]
    run(["c++", "-std=c++17", "-Wall", *folders, tmp_path / "guide.cc", "-o", tmp_path / "guide", f"-L{BUILD}", "-lmixnet", f"-Wl,-rpath,{BUILD}"])
    env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GUIDE_FOLDER": str(tmp_path)}
    said = subprocess.run([tmp_path / "guide"], capture_output=True, text=True, env=env, timeout=120)
    assert said.returncode == 0 and "Validation-accuracy" in said.stderr, said.stderr
    assert said.stdout == "".join(block for kind, block in blocks if kind == "text")
