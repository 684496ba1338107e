"""Runs all tests and ends with one line that adds up every language: N passed, N failed, N skipped.

Stages: check (layers, symbols, ABI, text, generated files), cpp (doctest), c (programs on the C ABI), python (pytest), sanitizers (the C++
tests under ASan+UBSan, the engine's under TSan). Fails on any failure and on any skip whose reason is not "needs GPU".
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
PYTHON = sys.executable


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.complaints = []

    def add(self, passed, failed, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def complain(self, what):
        self.failed += 1
        self.complaints.append(what)


def run(command, quiet=False, **kwargs):
    """(exit code, output); the output is shown when the command fails."""
    result = subprocess.run([str(c) for c in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    if result.returncode != 0 and not quiet:
        print(result.stdout[-12000:])
    return result.returncode, result.stdout


def checks(totals):
    scripts = ["check_layers.py", "check_abi.py", "check_symbols.py", "check_text.py"]
    commands = [[PYTHON, ROOT / "tools" / s] for s in scripts] + [[PYTHON, ROOT / "tools/gen/python_ops.py", "--check"], ["ruff", "check", "-q", "."]]
    for command in commands:
        code, _ = run(command)
        name = " ".join(pathlib.Path(str(c)).name for c in command)
        print(f"  {'ok  ' if code == 0 else 'FAIL'} {name}")
        totals.add(code == 0, code != 0)


def doctest(totals, binary, label, env=None, arguments=()):
    code, output = run([binary, *arguments], env={**os.environ, **(env or {})})
    found = re.search(r"test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed", output)
    if not found:
        totals.complain(f"{label}: the test program did not finish (exit code {code})")
        print(output[-4000:])
        return
    totals.add(int(found[2]), int(found[3]))
    if code != 0 and int(found[3]) == 0:
        totals.complain(f"{label}: exit code {code}")
    print(f"  {label}: {found[2]} passed, {found[3]} failed")


def cpp(totals):
    binary = BUILD / "release" / "mixnet_tests"
    if not binary.exists():
        totals.complain("cpp: mixnet_tests was not built (doctest-dev is missing)")
        return
    for engine in ("threaded", "naive"):
        doctest(totals, binary, f"C++ ({engine} engine)", {"MIXNET_ENGINE": engine})
    doctest(totals, binary, "C++ (portable kernels)", {"MIXNET_ONEDNN": "0", "MIXNET_PLAN_VERIFY": "1"})


def c_programs(totals):
    for binary in sorted((BUILD / "release").glob("c_*")):
        if binary.is_file() and os.access(binary, os.X_OK):
            code, _ = run([binary])
            print(f"  {binary.name}: {'ok' if code == 0 else f'exit code {code}'}")
            totals.add(code == 0, code != 0)


def python(totals, slow):
    report = BUILD / "pytest.xml"
    for engine in ("threaded", "naive"):
        arguments = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "tests"]
        run(arguments, env={**os.environ, "MIXNET_ENGINE": engine, "MIXNET_SLOW": "1" if slow else "0"})
        if not report.exists():
            totals.complain("python: pytest wrote no report")
            return
        suite = ElementTree.parse(report).getroot().find("testsuite")
        count = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
        failed = count["failures"] + count["errors"]
        totals.add(count["tests"] - failed - count["skipped"], failed, count["skipped"])
        for case in suite.iter("testcase"):
            skip = case.find("skipped")
            if skip is not None and "needs GPU" not in (skip.get("message") or ""):
                totals.complain(f"{case.get('name')} was skipped: {skip.get('message')}")
        print(f"  Python ({engine} engine): {count['tests'] - failed - count['skipped']} passed, {failed} failed, {count['skipped']} skipped")
        report.unlink()


def build(preset, target, totals):
    folder = BUILD / preset
    if not (folder / "build.ninja").exists():
        prefix = ROOT / ".venv"
        code, _ = run(["cmake", "--preset", preset, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DPython3_EXECUTABLE={PYTHON}"])
        if code:
            totals.complain(f"{preset}: configuring failed")
            return None
    code, _ = run(["ninja", "-C", folder, target])
    if code:
        totals.complain(f"{preset}: building failed")
        return None
    return folder / target


def sanitizers(totals, slow):
    """Everything under ASan+UBSan; under TSan the concurrent core, and in the slow tier everything."""
    asan = build("asan", "mixnet_tests", totals)
    if asan:
        options = {"ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "MIXNET_TEST_PROGRAMS": "300"}
        options["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
        options["LSAN_OPTIONS"] = f"suppressions={ROOT / 'tests' / 'lsan.supp'}"
        doctest(totals, asan, "ASan+UBSan", options)
        code, _ = run([PYTHON, ROOT / "tools" / "fuzz.py", "--inputs", 200000 if slow else 4000, "--seed", 1])
        print(f"  fuzz targets: {'ok' if code == 0 else f'exit code {code}'}")
        totals.add(code == 0, code != 0)
    tsan = build("tsan", "mixnet_tests" if slow else "mixnet_core_tests", totals)
    if tsan:
        doctest(totals, tsan, "TSan", {"TSAN_OPTIONS": "halt_on_error=1", "MIXNET_TEST_PROGRAMS": "300"})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sanitizers", action="store_true", help="run the C++ tests under the sanitizers too")
    parser.add_argument("--slow", action="store_true", help="run the slow tests")
    parser.add_argument("--only", help="one stage: check, cpp, c, python or sanitizers")
    options = parser.parse_args()
    totals = Totals()
    stages = {"check": lambda: checks(totals), "cpp": lambda: cpp(totals), "c": lambda: c_programs(totals)}
    stages["python"] = lambda: python(totals, options.slow)
    stages["sanitizers"] = lambda: sanitizers(totals, options.slow)
    for name, stage in stages.items():
        if options.only not in (None, name) or (name == "sanitizers" and not options.sanitizers and options.only != name):
            continue
        print(f"{name}:", flush=True)
        stage()
    for complaint in totals.complaints:
        print("FAILED:", complaint)
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    sys.exit(1 if totals.failed or not totals.passed else 0)


if __name__ == "__main__":
    main()
