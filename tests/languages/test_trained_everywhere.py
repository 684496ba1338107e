"""What any language has trained loads in every other and gives the same outputs: cases like those of tests/conformance, made of the checkpoints
that the LeNet of each language left in build/trained (so this file runs after theirs). tests/predictor has the one file load them.
"""

import os
import re
import subprocess
import sys

import mixnet as mx
import numpy as np
import pytest
from conftest import ROOT, TRAINED
from test_go import go  # noqa: F401
from test_julia import ENVIRONMENT, JULIA, PACKAGE
from test_r import BUILD as R_BUILD
from test_r import environment as r_environment

LANGUAGES = ["python", "julia", "r", "go", "cpp", "c"]


def expected(prefix, data):
    """The outputs of a checkpoint by Python's executor."""
    symbol, arguments, states = mx.model.load_checkpoint(str(prefix), 1)
    executor = symbol.simple_bind(mx.cpu(), data=data.shape, grad_req="null")
    executor.copy_params_from(arguments, states)
    return executor.forward(data=data)[0]


@pytest.fixture(scope="module")
def cases(trained):
    """The folder with models.txt, and an input and outputs in models.params."""
    program = ROOT / "examples" / "python" / "train_lenet.py"
    subprocess.run([sys.executable, program, "--limit", "2000", "--epochs", "1", "--prefix", trained("python")], check=True, stdout=subprocess.DEVNULL)
    data = mx.nd.array(np.random.RandomState(3).rand(2, 1, 28, 28))
    arrays, lines = {"data": data}, []
    for language in LANGUAGES:
        assert (TRAINED / language / "lenet-0001.params").exists(), f"{language}: expected its test_lenet to have run before"
        arrays[language] = expected(TRAINED / language / "lenet", data)
        files = f"symbol {language}/lenet-symbol.json\nparams {language}/lenet-0001.params\n"
        lines.append(f"case {language}\n{files}input data data\noutput 0 {language}\ntolerance 0.001 1e-05\n")
    mx.nd.save(str(TRAINED / "models.params"), arrays)
    (TRAINED / "models.txt").write_text("\n".join(lines))
    return TRAINED


def replay(command, cases, cwd, env=None):
    everything = {**(env or os.environ), "MIXNET_CONFORMANCE": str(cases)}
    result = subprocess.run([str(part) for part in command], cwd=cwd, env=everything, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
    return result.stdout


def test_all_learned_the_same(cases):
    values = mx.nd.load(str(cases / "models.params"))
    for language in LANGUAGES:
        np.testing.assert_allclose(values[language].asnumpy(), values["python"].asnumpy(), atol=2e-2, err_msg=language)


def test_in_cpp(toolchain, cases):
    toolchain("cpp")
    said = replay([ROOT / "build" / "release" / "bindings" / "cpp" / "cpp_tests", "-tc=conformance: models*"], cases, ROOT)
    assert re.search(r"assertions: +[1-9]\d* \| +[1-9]\d* passed \| 0 failed", said), said


def test_in_go(go, cases):  # noqa: F811
    said = replay(["go", "test", "-count=1", "-v", "-run", "TestConformanceModels", "."], cases, ROOT / "bindings" / "go", go)
    assert all(f"--- PASS: TestConformanceModels/{language} " in said for language in LANGUAGES), said


def test_in_julia(toolchain, cases):
    toolchain("julia")
    command = [*JULIA, "--compile=min", PACKAGE / "test" / "runtests.jl", "conformance"]
    said = replay(command, cases, ROOT, {**os.environ, **ENVIRONMENT})
    assert said.splitlines()[-1] == f"{2 * len(LANGUAGES)} passed, 0 failed, 0 skipped", said


def test_in_r(toolchain, cases):
    toolchain("r")
    folder = ROOT / "bindings" / "r" / "tests" / "testthat"
    program = f"library(mixnet); library(testthat); test_file('{folder}/test-conformance-models.R', reporter = 'summary', stop_on_failure = TRUE)"
    said = replay(["Rscript", "-e", program], cases, R_BUILD, r_environment())
    assert "DONE" in said and "skipped" in said.lower(), said  # the trainings, which the folder does not have
