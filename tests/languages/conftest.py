"""How the other languages are tested: test_LANG.py runs the language's own tests, its LeNet and the code of its guide.

tools/toolchains/LANG.sh installs what a language needs; exit code 3 means that it cannot, and its last line says why. With CI in the environment
that is a failure, elsewhere a skip whose reason is printed at the end. What a language's own tests count is added up there too.
"""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INNER = pytest.StashKey()
MISSING = pytest.StashKey()


def pytest_configure(config):
    config.stash[INNER], config.stash[MISSING] = {}, {}


@pytest.fixture(scope="session")
def toolchain(request):
    """toolchain("go") returns when Go is there; a language without a script needs nothing."""
    tried = {}

    def need(language):
        if language not in tried:
            tried[language] = _install(language)
        reason = tried[language]
        if reason:
            request.config.stash[MISSING][language] = reason
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{language}: {reason}")

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
def inner(request):
    """inner("Go", output) takes the line `N passed, N failed, N skipped` of a language's own tests in; none may fail or be left out."""

    def count(language, output):
        found = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", output, re.M)
        assert found, f"{language}: no line of totals in\n{output[-4000:]}"
        passed, failed, skipped = map(int, found[-1])
        request.config.stash[INNER][language] = (passed, failed, skipped)
        assert passed > 0 and failed == 0 and skipped == 0, output[-4000:]

    return count


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


def pytest_terminal_summary(terminalreporter, config):
    for language, counts in sorted(config.stash[INNER].items()):
        terminalreporter.write_line("{}: {} passed, {} failed, {} skipped inside".format(language, *counts))
    for language, reason in sorted(config.stash[MISSING].items()):
        terminalreporter.write_line(f"{language}: not tested, {reason}")
