"""Runs all tests and ends with one line that adds up every language: N passed, N failed, N skipped.

Stages: check (formats, layers, symbols, ABI, text, generated files), tools (pytest on the checks and the installation), cpp
(doctest), c (programs on the C ABI), gpu (kernels for GPUs on emulated ones; where there is nvcc, the library with CUDA), python
(pytest), fault (pytest on groups of processes that are killed, paused and cut off), languages (the bindings' own tests), predictor
(the one file on every target), sanitizers (the C++ tests under ASan+UBSan, the engine's and the group's under TSan). Fails on any failure,
on any program that does not end as it should, and on any skip whose reason is not
"needs GPU" or, outside of CI, "no toolchain".
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

from build import build
from totals import Totals

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
PYTHON = sys.executable
CHECKS = ("check_format.py", "check_layers.py", "check_abi.py", "check_symbols.py", "check_masks.py", "check_text.py", "check_generated.py")


def run(command, env=None):
    """(exit code, output); the output is shown when the command fails."""
    command, variables = [str(part) for part in command], {**os.environ, **(env or {})}
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=variables)
    if result.returncode != 0:
        print(result.stdout[-12000:].rstrip())
    return result.returncode, result.stdout


def checks(totals, options):
    for script in CHECKS:
        code, _ = run([PYTHON, ROOT / "tools" / script])
        print(" ", totals.add_exit_code(script, code))
    code, output = run([PYTHON, ROOT / "tools" / "operator_lists.py"])
    print("  " + output.strip().replace("\n", "\n  "))
    print(" ", totals.add_exit_code("operator_lists.py", code))


def doctest(totals, binary, label, env=None):
    code, output = run([binary], env)
    print(" ", totals.add_doctest(label, code, output))


def cpp(totals, options):
    binary = BUILD / "release" / "mixnet_tests"
    if not binary.exists():
        totals.complain("cpp: mixnet_tests was not built (doctest-dev is missing)")
        return
    for engine in ("threaded", "naive"):
        doctest(totals, binary, f"C++ ({engine} engine)", {"MIXNET_ENGINE": engine})
    doctest(totals, binary, "C++ (portable kernels)", {"MIXNET_ONEDNN": "0", "MIXNET_PLAN_VERIFY": "1"})


def c_programs(totals, options):
    programs = [p for p in sorted((BUILD / "release").glob("c_*")) if p.is_file() and os.access(p, os.X_OK)]
    if not programs:
        totals.complain("c: no program was built")
    for program in programs:
        code, _ = run([program])
        print(" ", totals.add_exit_code(program.name, code))


def gpu(totals, options):
    emulated = BUILD / "release" / "emulated"
    # Once with CUDA's libraries before our own kernels, or what stands for them, and once without, groups of threads being threads.
    stand_ins = {f"MIXNET_{name.upper()}": str(BUILD / "release" / "stand_ins" / f"lib{name}.so") for name in ("cublaslt", "cudnn")}
    for engine, what, settings in (("threaded", "libraries", stand_ins), ("naive", "groups of threads", {"MIXNET_GPU_MEMBERS": "4"})):
        label, env = f"{engine} engine, {what}", {"MIXNET_ENGINE": engine, **settings}
        doctest(totals, BUILD / "release" / "mixnet_gpu_tests", f"emulated GPUs ({label})", env)
        pytest(totals, f"Python on emulated GPUs ({label})", ["tests/gpu"], {"LD_LIBRARY_PATH": str(emulated), **env})
    if not shutil.which("nvcc"):
        if os.environ.get("CI"):
            totals.complain("cuda: there is no nvcc")
        print("  CUDA: no toolchain, not built")
        return
    # Compiles, with the tests that run where there is a GPU, links, has the same symbols, and does on a CPU what the library without it does.
    if not all([built("cuda", target, totals) for target in ("mixnet", "mixnet_gpu_tests")]):
        return
    libraries = [BUILD / preset / "libmixnet.so" for preset in ("release", "cuda")]
    exported = [subprocess.run(["nm", "-D", "--defined-only", "--format=just-symbols", p], capture_output=True, text=True).stdout for p in libraries]
    print(" ", totals.add_exit_code("CUDA: the same symbols", int(exported[0] != exported[1] or not exported[0])))
    print(f"  CUDA: {libraries[1].stat().st_size / 2**20:.1f} MiB, without {libraries[0].stat().st_size / 2**20:.1f}")
    pytest(totals, "Python on the library with CUDA", ["tests/python/test_ndarray.py", "tests/python/test_module.py"], {"LD_LIBRARY_PATH": str(BUILD / "cuda")})


def pytest(totals, label, paths, env):
    report = BUILD / "pytest.xml"
    report.unlink(missing_ok=True)
    code, _ = run([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *paths], env)
    print(" ", totals.add_pytest(label, code, report))


def tools(totals, options):
    pytest(totals, "tools", ["tests/tools", *(["tests/slow"] if options.slow else [])], {})


def python(totals, options):
    built("release", "predictor", totals)  # the one-file predictor, which tests/python/test_predictor.py runs
    paths = ["tests", *(f"--ignore=tests/{other}" for other in ("tools", "slow", "gpu", "fault", "predictor", "languages"))]
    for engine in ("threaded", "naive"):
        env = {"MIXNET_ENGINE": engine, "MIXNET_SLOW": "1" if options.slow else "0"}
        pytest(totals, f"Python ({engine} engine)", paths, env)


def fault(totals, options):
    pytest(totals, "faults", ["tests/fault"], {})


def languages(totals, options):
    pytest(totals, "languages", ["tests/languages"], {})


def predictor(totals, options):
    built("release", "predictor", totals)
    pytest(totals, "predictor", ["tests/predictor"], {"MIXNET_SLOW": "1" if options.slow else "0"})


def built(preset, target, totals):
    """The test program of a preset, or None when it could not be built."""
    code, output = build(preset, [target], show=False)
    if code:
        print(output[-12000:])
        totals.complain(f"{preset}: building failed")
        return None
    return BUILD / preset / target


def sanitizers(totals, options):
    """Everything under ASan+UBSan; under TSan the concurrent core. In the slow tier the kernels of GPUs under both, and everything under TSan."""
    asan = built("asan", "mixnet_tests", totals)
    if asan:
        env = {"ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "MIXNET_TEST_PROGRAMS": "300"}
        env["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
        env["LSAN_OPTIONS"] = f"suppressions={ROOT / 'tests' / 'lsan.supp'}"
        # Every array is a block of its own then, on emulated GPUs too: AddressSanitizer sees where it ends.
        unpooled = {f"MIXNET_{device}_MEM_POOL_TYPE": "Unpooled" for device in ("CPU", "GPU")}
        doctest(totals, asan, "ASan+UBSan", {**env, **unpooled})
        kernels = built("asan", "mixnet_gpu_tests", totals) if options.slow else None
        if kernels:
            doctest(totals, kernels, "ASan+UBSan (mixnet_gpu_tests)", {**env, **unpooled})
        code, _ = run([PYTHON, ROOT / "tools" / "fuzz.py", "--inputs", 200000 if options.slow else 4000, "--seed", 1])
        print(" ", totals.add_exit_code("fuzz targets", code))
    env = {"TSAN_OPTIONS": f"halt_on_error=1:suppressions={ROOT / 'tests' / 'tsan.supp'}", "MIXNET_TEST_PROGRAMS": "300", "MIXNET_GPU_MEMBERS": "4"}
    for target in ("mixnet_tests", "mixnet_gpu_tests") if options.slow else ("mixnet_core_tests",):
        tsan = built("tsan", target, totals)
        if tsan:
            doctest(totals, tsan, f"TSan ({target})", env)


STAGES = {
    "check": checks,
    "tools": tools,
    "cpp": cpp,
    "c": c_programs,
    "gpu": gpu,
    "python": python,
    "fault": fault,
    "languages": languages,
    "predictor": predictor,
    "sanitizers": sanitizers,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sanitizers", action="store_true", help="run the C++ tests under the sanitizers too")
    parser.add_argument("--slow", action="store_true", help="run the slow tests")
    parser.add_argument("--only", choices=STAGES, help="run one stage")
    options = parser.parse_args()
    totals = Totals()
    for name, stage in STAGES.items():
        if options.only not in (None, name) or (name == "sanitizers" and not options.sanitizers and options.only != name):
            continue
        print(f"{name}:", flush=True)
        stage(totals, options)
    print(totals.finish())
    sys.exit(totals.code())


if __name__ == "__main__":
    main()
