"""Under MXNet 1.9.1 in an environment of its own: operators agree, and files that are written here load there and give the same numbers."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import mixnet as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import oracle  # noqa: E402

GOLDEN = ROOT / "tests" / "data" / "golden"
STEMS = sorted(str(path)[: -len("-run.params")] for path in GOLDEN.glob("*/*-run.params"))
PROGRAM = """
import sys
import mxnet as mx
for stem in sys.stdin.read().split():
    symbol, loaded, run = mx.sym.load(stem + "-symbol.json"), {}, mx.nd.load(stem + "-run.params")
    try:
        loaded = mx.nd.load(stem + "-0000.params")
    except mx.MXNetError:
        pass
    inputs = {key[3:]: value for key, value in run.items() if key.startswith("in:")}
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", **{name: value.shape for name, value in inputs.items()})
    named = {kind: {key[4:]: value for key, value in loaded.items() if key.startswith(kind)} for kind in ("arg:", "aux:")}
    executor.copy_params_from({**named["arg:"], **inputs}, named["aux:"])
    outputs = executor.forward(is_train=False)
    mx.nd.save(stem + "-theirs.params", [output for output in outputs])
"""


def test_files_written_here_load_in_mxnet(tmp_path):
    written = []
    for stem in STEMS:
        target = tmp_path / "-".join(pathlib.Path(stem).parts[-2:])
        mx.sym.load(stem + "-symbol.json").save(f"{target}-symbol.json")
        for end in ("-0000.params", "-run.params"):
            if pathlib.Path(stem + end).exists():
                mx.nd.save(f"{target}{end}", mx.nd.load(stem + end))
        written.append(str(target))
    python, variables = oracle.command()
    subprocess.run([*python, "-c", PROGRAM], input="\n".join(written), text=True, env=variables, check=True)
    for target in written:
        run, theirs = mx.nd.load(f"{target}-run.params"), mx.nd.load(f"{target}-theirs.params")
        for i, output in enumerate(theirs):
            np.testing.assert_allclose(output.asnumpy(), run[f"predict:{i}"].asnumpy(), rtol=1e-4, atol=1e-5, err_msg=f"{target} {i}")


def test_arrays_written_here_load_in_mxnet(tmp_path):
    dtypes = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64")
    arrays = {dtype: mx.nd.array(np.arange(6).reshape(2, 3), dtype=dtype) for dtype in dtypes}
    mx.nd.save(str(tmp_path / "a.params"), arrays)
    program = "import sys, json, mxnet as mx; print(json.dumps({k: [str(v.dtype.__name__), v.asnumpy().tolist()] for k, v in mx.nd.load(sys.argv[1]).items()}))"
    python, variables = oracle.command()
    done = subprocess.run([*python, "-c", program, str(tmp_path / "a.params")], env=variables, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found == {dtype: [dtype, [[0, 1, 2], [3, 4, 5]]] for dtype in dtypes}


@pytest.mark.parametrize("version", sorted(oracle.WHEELS))
def test_old_releases_are_there(version):
    python, variables = oracle.command(version)
    done = subprocess.run([*python, "-W", "ignore", "-c", "import mxnet; print(mxnet.__version__)"], env=variables, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(version)


def test_operators_agree():
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "agreement" / "run.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    agreeing = int(done.stdout.split(" operators agree")[0].split()[-1])
    assert agreeing >= 280, done.stdout[-6000:]
