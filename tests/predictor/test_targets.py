"""The one-file predictor on every target: the same outputs as the executor's, and errors as codes."""

import os
import pathlib
import re

import numpy as np
import pytest
from models import NETS
from targets import ROOT, amalgamate, call

import mixnet as mx

TOLERANCE = 1e-5
IO, SHAPE, INVALID = -6, -2, -1


def loaded(model, **replaced):
    parts = {"json": model["json"], "params": model["params"], "shape": model["text"], "input": model["input"], **replaced}
    return ["json", parts["json"], "params", parts["params"], "input", "data", parts["shape"], parts["input"]]


def outputs(lines):
    return [np.array(line.split()[1:], np.float32) for line in lines if line.split()[0].endswith("_output")]


def close(values, expected):
    np.testing.assert_allclose(values, expected.reshape(-1), rtol=TOLERANCE, atol=TOLERANCE * np.abs(expected).max())


def test_one_file_of_less_than_50000_lines():
    source, header = amalgamate()
    assert 10000 < source.count("\n") < 50000
    assert header == (ROOT / "include" / "mixnet" / "c_predict.h").read_text()


def test_compiles_without_warnings(build):
    if build.target.name != "native":  # of which CMake compiled the whole file
        build.check_whole()
    assert build.program().stat().st_size > 100000


@pytest.mark.parametrize("build", ["aarch64"], indirect=True)
def test_products_use_vectors(build):
    """Of four floats: a tile of 12 rows of two vectors is 24 multiply-adds."""
    code = call(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", build.predictor()])
    tile = re.search(r"^[0-9a-f]+ <[^>]*run_tileIf[^>]*>:\n(.*?)\n\n", code, flags=re.S | re.M)[1]
    # Below -O2 GCC leaves multiplication and addition apart.
    assert len(re.findall(r"\bfm(?:la|ul)\s+v\d+\.4s", tile)) >= 24


@pytest.mark.parametrize("name", NETS)
def test_same_outputs_as_the_executor(build, models, name):
    model = models[name]
    lines = build.run(*loaded(model), "create", "forward", "print")
    if name in ("bfloat16", "int8"):
        # The executor's kernels round at other places: three digits.
        np.testing.assert_allclose(outputs(lines)[0].ravel(), model["expected"].ravel(), rtol=0.1, atol=0.02)
        return
    close(outputs(lines)[0], model["expected"])


@pytest.mark.parametrize("language", ["python", "julia", "r", "go", "cpp", "c"])
def test_models_trained_in_every_language(build, language, tmp_path):
    """Those that tests/languages has left, with what Python's executor made of them."""
    trained = ROOT / "build" / "trained"
    if not (trained / "models.params").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no models: tests/languages trains them")
    values = mx.nd.load(str(trained / "models.params"))
    values["data"].asnumpy().tofile(tmp_path / "data")
    files = ["json", trained / language / "lenet-symbol.json", "params", trained / language / "lenet-0001.params"]
    lines = build.run(*files, "input", "data", "2,1,28,28", tmp_path / "data", "create", "forward", "print")
    close(outputs(lines)[0], values[language].asnumpy())


def test_steps_reshape_clones_and_inner_outputs(build, models):
    model = models["lenet"]
    row = pathlib.Path(model["input"] + ".row")
    row.write_bytes(pathlib.Path(model["input"]).read_bytes()[: 28 * 28 * 4])
    verbs = ["create", "steps", "2", "steps", "1000", "print", "clone", "forward", "print", "threads", "1", "forward", "print"]
    lines = build.run(*loaded(model), *verbs, "reshape", "data", "1,1,28,28", "fill", "data", row, "forward", "print", "free")
    assert int(lines[0].split()[1]) > 0 and lines[1] == "left 0"
    whole, clone, single, first = outputs(lines)
    for values in (whole, clone, single):
        close(values, model["expected"])
    close(first, model["expected"][:1])
    inner = build.run(*loaded(model), "output", "pool2", "create", "forward", "print")
    symbol = model["executor"]._symbol.get_internals()["pool2_output"]
    arrays = model["executor"].arg_dict
    bound = symbol.bind(mx.cpu(), {n: arrays[n] for n in symbol.list_arguments()}, aux_states=model["executor"].aux_dict)
    close(outputs(inner)[0], bound.forward()[0].asnumpy())


def test_packed_models(build, models, tmp_path):
    model = models["residual"]
    given = ["input", "data", model["text"], model["input"], "create"]
    for borrow in ([], ["borrow"]):
        both = outputs(build.run("packed", model["packed"], *borrow, *given, "forward", "print", "clone", "forward", "print"))
        close(both[0], model["expected"])
        np.testing.assert_array_equal(both[0], both[1])
    whole = pathlib.Path(model["packed"]).read_bytes()
    changed = bytearray(whole)
    changed[-100] ^= 1
    for i, (data, words) in enumerate([(whole[:-1], "bytes of parameters"), (whole[:20], "MXNMODEL"), (changed, "CRC-32"), (whole + b"x", "bytes of")]):
        (tmp_path / f"bad{i}").write_bytes(data)
        (line,) = build.run("packed", tmp_path / f"bad{i}", *given)
        assert line.startswith(f"error {IO} ") and words in line
    (line,) = build.run("json", model["json"], "packed", model["packed"], *given)
    assert line.startswith(f"error {INVALID} ") and "got both" in line


def test_errors_are_codes(build, models, tmp_path):
    model, params = models["lenet"], pathlib.Path(models["lenet"]["params"]).read_bytes()
    cases = {
        "truncated": (IO, "[load]", {"params": params[: len(params) // 2]}),
        "empty": (INVALID, "parameter of this name", {"params": b""}),
        "missing": (INVALID, "conv2_weight", {"params": params.replace(b"arg:conv2_weight", b"arg:conv9_weight")}),
        "no json": (IO, "json", {"json": b"{"}),
        "shape": (SHAPE, "conv1", {"shape": "3,2,28,28"}),
    }
    for name, (code, words, replaced) in cases.items():
        for key, value in replaced.items():
            if isinstance(value, bytes):
                (tmp_path / f"{name}.{key}").write_bytes(value)
                replaced = {key: tmp_path / f"{name}.{key}"}
        lines = build.run(*loaded(model, **replaced), "create")
        assert lines[0].startswith(f"error {code} "), (name, lines)
        assert words in lines[0].lower() if words == "json" else words in lines[0], (name, lines)
        assert len(lines) == 1
    lines = build.run(*loaded(model), "create", "reshape", "data", "1,9", "fill", "date", model["input"], "fill", "data", model["json"], "forward", "print")
    assert [line.split()[1] for line in lines[:3]] == [str(SHAPE), str(INVALID), str(SHAPE)]
    close(outputs(lines)[0], model["expected"])  # failures left it as it was
