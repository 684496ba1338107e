"""How the other languages are tested: test_LANG.py runs the language's own tests, its LeNet and the code of its guide.

tools/toolchains/LANG.sh installs what a language needs; exit code 3 means that it cannot, and its last line says why. With CI in the environment
that is a failure, elsewhere a skip with that reason. What a language's own tests count is added up too.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys

import pytest
from mixnet import kvstore_server

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRAINED = ROOT / "build" / "trained"


@pytest.fixture(scope="session")
def toolchain():
    """toolchain("go") returns when Go is there; a language without a script needs nothing."""
    tried = {}

    def need(language):
        if language not in tried:
            tried[language] = _install(language)
        reason = tried[language]
        if reason:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no toolchain: {language}, {reason}")

    return need


def _install(language):
    """Why the toolchain cannot be had, or None."""
    script = ROOT / "tools" / "toolchains" / f"{language}.sh"
    if not script.exists():
        return None
    result = subprocess.run(["bash", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, timeout=900)
    assert result.returncode in (0, 3), result.stdout[-4000:]
    return (result.stdout.strip().splitlines() or ["no reason given"])[-1] if result.returncode == 3 else None


@pytest.fixture
def run():
    """run(command, timeout=300, env={}) gives the output of a command that must succeed, run from the root."""

    def call(command, timeout=300, env=None):
        everything = {**os.environ, **(env or {})}
        command = [str(part) for part in command]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, timeout=timeout, env=everything)
        assert result.returncode == 0, f"{' '.join(command)}: exit code {result.returncode}\n{result.stdout[-6000:]}"
        return result.stdout

    return call


@pytest.fixture
def inner(record_testsuite_property):
    """inner("Go", output, least=200) has run_tests.py add what a language's own tests counted in their last line, `N passed, N failed, N
    skipped`; none may fail or be left out."""

    def count(name, output, least=1):
        found = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", output, re.M)
        assert found, f"{name}: no line of totals in\n{output[-4000:]}"
        passed, failed, skipped = map(int, found[-1])
        assert passed >= least and failed == 0 and skipped == 0, output[-4000:]
        record_testsuite_property(f"inside {name}", f"{passed} {failed} {skipped}")

    return count


@pytest.fixture(scope="session")
def trained():
    """trained("go") is the prefix at which Go's LeNet leaves its checkpoint; test_trained_everywhere.py and tests/predictor have the others load it."""
    shutil.rmtree(TRAINED, ignore_errors=True)

    def prefix(language):
        (TRAINED / language).mkdir(parents=True, exist_ok=True)
        return TRAINED / language / "lenet"

    return prefix


@pytest.fixture
def lenet():
    """lenet(output) checks what a train_lenet printed with --limit 2000 and returns its test accuracy."""
    first = (ROOT / "tests" / "conformance" / "lenet.txt").read_text().split("\n\n")[0]
    expected = {int(e): (float(loss), float(near)) for e, loss, near in re.findall(r"^epoch (\d+) (\S+) (\S+)$", first, re.M)}

    def check(output):
        epochs = re.findall(r"^epoch=(\d+) loss=(\d+\.\d{6}) accuracy=\d\.\d{6} seconds=\d+\.\d\d$", output, re.M)
        assert epochs, output
        for epoch, loss in epochs:
            wanted, tolerance = expected[int(epoch)]
            assert abs(float(loss) - wanted) <= tolerance, f"epoch {epoch}: expected a loss of {wanted}, got {loss}"
        accuracy = re.findall(r"^test accuracy=(\d\.\d{6})$", output, re.M)
        assert len(accuracy) == 1 and float(accuracy[0]) > 0.6, output
        return float(accuracy[0])

    return check


@pytest.fixture
def group():
    """The environment in which one worker finds a scheduler and a server; they must end in order once it has left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kvstore_server.find_zeromq()
    common = {"DMLC_PS_ROOT_URI": "127.0.0.1", "DMLC_PS_ROOT_PORT": str(port), "DMLC_NUM_WORKER": "1", "DMLC_NUM_SERVER": "1"}
    common.update(MIXNET_PS_RENDEZVOUS_S="600", MIXNET_PS_TIMEOUT_S="60")  # a language may compile for long before it comes
    command = [sys.executable, "-c", "import mixnet as mx; mx.kvstore_server.serve()"]
    if "MIXNET_ZMQ_LIBRARY" in os.environ:
        common["MIXNET_ZMQ_LIBRARY"] = os.environ["MIXNET_ZMQ_LIBRARY"]  # just found
    others = [subprocess.Popen(command, env={**os.environ, **common, "DMLC_ROLE": role}) for role in ("scheduler", "server")]
    try:
        yield {**common, "DMLC_ROLE": "worker"}
        assert [other.wait(timeout=60) for other in others] == [0, 0]
    finally:
        for other in others:
            other.kill()
