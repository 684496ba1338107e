"""tools/totals.py: sums are right, and a run that only looks good is a failure."""

import subprocess
import sys

import pytest
from totals import Totals

DOCTEST = "[doctest] test cases:  5 |  {} passed | {} failed | {} skipped\n"
GOOD = "def test_a():\n    pass\n"


def pytest_run(folder, text, *arguments):
    """Totals after a real pytest run on a file."""
    (folder / "test_x.py").write_text(text)
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments, "test_x.py"]
    code = subprocess.run(command, cwd=folder, capture_output=True).returncode
    totals = Totals()
    totals.add_pytest("python", code, report)
    return totals


def numbers(totals):
    return totals.passed, totals.failed, totals.skipped


def test_languages_add_up():
    totals = Totals()
    totals.add_doctest("C++", 0, DOCTEST.format(5, 0, 0))
    totals.add_exit_code("c_program", 0)
    totals.add(3, 0, 2)
    assert totals.finish() == "9 passed, 0 failed, 2 skipped" and totals.code() == 0


def test_nothing_at_all_is_a_failure():
    assert Totals().code() == 1


@pytest.mark.parametrize("code", [1, 139, -11])
def test_a_program_that_fails(code):
    totals = Totals()
    totals.add_exit_code("c_program", code)
    assert numbers(totals) == (0, 1, 0) and totals.code() == 1


@pytest.mark.parametrize(
    "code,output,expected",
    [
        (1, DOCTEST.format(3, 2, 0), (3, 2, 0)),
        (-11, "", (0, 1, 0)),
        (1, DOCTEST.format(5, 0, 0), (5, 1, 0)),
        (0, DOCTEST.format(3, 0, 2), (3, 1, 0)),
        (0, "[doctest] test cases: 0 | 0 passed | 0 failed | 0 skipped", (0, 1, 0)),
    ],
    ids=["failed", "crashed", "exit code after a good summary", "skipped", "no tests"],
)
def test_bad_doctest_runs(code, output, expected):
    totals = Totals()
    totals.add_doctest("C++", code, output)
    assert numbers(totals) == expected and totals.code() == 1


def test_good_pytest(tmp_path):
    totals = pytest_run(tmp_path, GOOD + "def test_b():\n    pass\n")
    assert numbers(totals) == (2, 0, 0) and totals.complaints == []


def test_pytest_failures_and_errors(tmp_path):
    text = GOOD + "def test_b():\n    assert 0\ndef test_c(nothing):\n    pass\n"
    assert numbers(pytest_run(tmp_path, text)) == (1, 2, 0)


@pytest.mark.parametrize(
    "text,arguments",
    [
        ("import os\n" + GOOD + "def test_b():\n    os._exit(3)\n", ()),
        ("import os, signal\ndef test_b():\n    os.kill(os.getpid(), signal.SIGSEGV)\n", ()),
        ("x = 1\n", ()),
        (GOOD, ("-k", "nothing")),
        (GOOD, ("--no-such-option",)),
        ("def broken(:\n", ()),
        ("import pytest\ndef test_a():\n    pytest.exit('stop', 0)\n", ()),
        ("import pytest\ndef test_a():\n    raise KeyboardInterrupt\n", ()),
    ],
    ids=["exit", "crash", "no tests", "all deselected", "usage", "syntax", "stopped", "interrupted"],
)
def test_pytest_runs_that_did_not_finish(tmp_path, text, arguments):
    totals = pytest_run(tmp_path, text, *arguments)
    assert totals.failed >= 1 and totals.code() == 1


def test_a_bad_exit_code_after_good_tests(tmp_path):
    (tmp_path / "conftest.py").write_text("def pytest_sessionfinish(session):\n    session.exitstatus = 4\n")
    totals = pytest_run(tmp_path, GOOD)
    assert numbers(totals) == (1, 1, 0) and "exit code is 4" in totals.complaints[0]


def test_a_report_that_was_cut_off(tmp_path):
    (tmp_path / "r.xml").write_text('<testsuites><testsuite tests="1"')
    totals = Totals()
    totals.add_pytest("python", 0, tmp_path / "r.xml")
    assert numbers(totals) == (0, 1, 0)


def test_skips_need_the_one_reason(tmp_path):
    text = "import pytest\n" + GOOD + "def test_b():\n    pytest.skip({!r})\n"
    assert numbers(pytest_run(tmp_path, text.format("needs GPU"))) == (1, 0, 1)
    totals = pytest_run(tmp_path, text.format("needs a network"))
    assert numbers(totals) == (1, 1, 1) and totals.complaints == ["test_b was skipped: needs a network"]


def test_an_expected_failure_is_a_skip(tmp_path):
    text = "import pytest\n" + GOOD + "@pytest.mark.xfail(reason='known')\ndef test_b():\n    assert 0\n"
    assert numbers(pytest_run(tmp_path, text)) == (1, 1, 1)


def test_tests_inside_a_test_are_added(tmp_path):
    text = "def test_a(record_testsuite_property):\n    record_testsuite_property('inside Go', '12 0 0')\n"
    totals = pytest_run(tmp_path, text)
    assert numbers(totals) == (13, 0, 0) and totals.code() == 0


def test_a_missing_toolchain_is_no_failure(tmp_path):
    totals = pytest_run(tmp_path, GOOD + "import pytest\ndef test_b():\n    pytest.skip('no toolchain: go, not to be had')\n")
    assert numbers(totals) == (1, 0, 1) and totals.code() == 0
