"""The R binding: R CMD check with its own tests, the example, and a function for every operator.

Everything is built under build/r. The native library is MIXNET_LIBRARY, or that of build/release.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "r"
CHECK = BUILD / "mixnet.Rcheck"
LIBRARY = os.environ.get("MIXNET_LIBRARY", str(ROOT / "build" / "release" / "libmixnet.so"))


def environment():
    own = {
        "MIXNET_ROOT": str(ROOT),
        "MIXNET_LIBRARY": LIBRARY,
        "MIXNET_INCLUDE": str(ROOT / "include"),
        "R_LIBS": str(CHECK),
        "R_PROFILE_USER": str(BUILD / "profile.R"),
        "_R_CHECK_CRAN_INCOMING_": "false",
    }
    return {**os.environ, **own}


def run(*command, timeout=300):
    return subprocess.run([str(part) for part in command], cwd=BUILD, env=environment(), capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def checked(toolchain):
    """The output of R CMD check; its folder holds the installed package."""
    toolchain("r")
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    # No package index is asked for: everything that is needed is installed.
    (BUILD / "profile.R").write_text(f'options(repos = c(CRAN = "file://{BUILD}"))\n')
    contrib = BUILD / "src" / "contrib"
    contrib.mkdir(parents=True)
    (contrib / "PACKAGES").write_text("")
    built = run("R", "CMD", "build", ROOT / "bindings" / "r")
    assert built.returncode == 0, built.stdout + built.stderr
    return run("R", "CMD", "check", "--no-manual", *BUILD.glob("mixnet_*.tar.gz"))


def test_check_has_no_errors_or_warnings(checked):
    tests = CHECK / "tests" / "testthat.Rout.fail"
    assert checked.returncode == 0, checked.stdout + (tests.read_text()[-4000:] if tests.exists() else "")
    status = re.search(r"Status: (.*)", checked.stdout)[1]
    assert "ERROR" not in status and "WARNING" not in status, checked.stdout


def test_every_operator_is_a_function(checked):
    from mixnet import base

    out = base.ffi.new("char **")
    base.check(base.lib.mxn_op_schemas(out))
    schemas = [op for op in json.loads(base.text(out[0])) if not op["hidden"]]
    listed = run("Rscript", "-e", 'library(mixnet); cat(ls("package:mixnet"), sep = "\\n")')
    exported = set(listed.stdout.split())
    for op in schemas:
        for name in (op["name"], *op["aliases"]):
            stem = re.sub(r"^_(contrib|image)_", r"\1.", name)
            stem = "internal." + stem.lstrip("_") if stem.startswith("_") else stem
            assert {f"mx.nd.{stem}", f"mx.symbol.{stem}"} <= exported, name


def test_a_new_operator_needs_the_generator_alone(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "gen"))
    from interface.operators import Operator, Parameter
    from rlang import operators, pages

    size = Parameter("size", 0, "int", True, None, (), "How many.")
    made_up = Operator("made_up", ("_made_alias",), "Does what no other does.", (("data", "Any shape."),), "", (), (size,), ("output",), True)
    arrays, symbols = (operators.functions([made_up], kind) for kind in ("nd", "symbol"))
    assert "mx.nd.made_up <- function(data = NULL, size = NULL, out = NULL, ctx = NULL)" in arrays
    assert "mx.nd.made.up <- mx.nd.made_up" in arrays and "mx.nd.internal.made_alias <- mx.nd.made_up" in arrays
    assert "mx.symbol.made_up <- function(data = NULL, size = NULL, name = NULL, attr = NULL)" in symbols
    assert '{"made_up", "i"}' in operators.table([made_up])
    page = pages.pages([made_up])["operators-m.Rd"]
    assert "Does what no other does." in page and "\\item \\code{size} (int, required): How many." in page


def test_example_has_the_losses_of_every_language(checked, lenet, trained):
    done = run("Rscript", ROOT / "examples" / "r" / "train_lenet.R", "--limit", "2000", "--epochs", "1", "--prefix", trained("r"))
    assert done.returncode == 0, done.stdout + done.stderr
    lenet(done.stdout)

    import mixnet as mx

    symbol, arguments, states = mx.model.load_checkpoint(str(trained("r")), 1)
    assert set(arguments) == set(symbol.list_arguments()) - {"data", "softmax_label"} and not states


STORE = """
library(mixnet)
kv <- mx.kv.create("dist_sync")
kv$init("w", mx.nd.ones(3))
kv$push("w", mx.nd.full(3, 2))
out <- mx.nd.zeros(3)
kv$pull("w", out)
cat(as.vector(out), "\n")
cat(kv$statistics())
mx.free(kv)
"""


def test_statistics_of_a_store_between_machines(checked, monkeypatch, group):
    for name, value in group.items():
        monkeypatch.setenv(name, value)
    done = run("Rscript", "-e", STORE)
    assert done.returncode == 0, done.stdout + done.stderr
    pulled, counts = done.stdout.split("\n", 1)
    assert pulled.split() == ["2", "2", "2"] and json.loads(counts)["keys"]["w"]["pushes"] == 1


def test_own_tests_pass(checked, inner, capsys):
    output = (CHECK / "tests" / "testthat.Rout").read_text()
    failed, _, skipped, passed = re.findall(r"\[ FAIL (\d+) \| WARN (\d+) \| SKIP (\d+) \| PASS (\d+) \]", output)[-1]
    total = f"{passed} passed, {failed} failed, {skipped} skipped"
    with capsys.disabled():
        print("\n" + total)
    inner("R", total)
