"""The Android example on the Java of this machine: the shim is compiled, loaded, and classifies."""

import os
import pathlib
import shutil

import numpy as np
import pytest
from targets import FOLDER, ROOT, STRICT, call, toolchain

EXAMPLE = ROOT / "examples" / "predictor" / "android"


@pytest.fixture(scope="module")
def java():
    """The command that runs Classify."""
    there, line = toolchain("java")
    if not there:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no toolchain: {line}")
    home = pathlib.Path(shutil.which("javac")).resolve().parents[1]
    folder = FOLDER / "android"
    folder.mkdir(parents=True, exist_ok=True)
    built = ROOT / "build" / "release"
    include = ["-I", home / "include", "-I", home / "include" / "linux", "-I", built / "predictor"]
    call(["gcc", "-std=c99", "-O1", "-fPIC", *STRICT, *include, "-c", EXAMPLE / "mixnet_jni.c", "-o", folder / "mixnet_jni.o"])
    (predictor,) = (built / "CMakeFiles" / "mixnet_predict.dir").rglob("mixnet_predict.cc.o")
    call(["g++", "-shared", folder / "mixnet_jni.o", predictor, "-pthread", "-o", folder / "libmixnet_jni.so"])
    call(["javac", "-Xlint:all", "-Werror", "-d", folder, *EXAMPLE.rglob("*.java")])
    return ["java", "-Xcheck:jni", f"-Djava.library.path={folder}", "-cp", folder, "Classify"]


def test_java_classifies(java, models):
    model = models["lenet"]
    *lines, best = call([*java, model["packed"], "data", model["text"], model["input"]]).splitlines()
    assert len(lines) == 2 and best == f"best {model['expected'].argmax()}"
    for line in lines:
        np.testing.assert_allclose(np.array(line.split()[1:], np.float32), model["expected"].reshape(-1), rtol=1e-4, atol=1e-6)


def test_errors_are_exceptions(java, models, tmp_path):
    model = models["lenet"]
    (tmp_path / "cut").write_bytes(pathlib.Path(model["packed"]).read_bytes()[:-1])
    assert call([*java, tmp_path / "cut", "data", model["text"], model["input"]]).startswith("error -6 [predictor] packed")
    assert call([*java, model["packed"], "data", "3,2,28,28", model["input"]]).startswith("error -2 ")
