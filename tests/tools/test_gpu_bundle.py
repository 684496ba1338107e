"""tools/gpu_bundle.py: what is carried to a machine with a GPU is complete, small enough, and what is missing is said in one line."""

import ast
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

import gpu_bundle
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def sources(tmp_path):
    gpu_bundle.copy_sources(tmp_path)
    return tmp_path


def imported(path):
    """Names of the modules that a file imports at its top level."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def test_imports_of_what_runs_there_resolve(sources):
    there = {"numpy", "pytest", "mixnet", *sys.stdlib_module_names}
    folders = [sources / name for name in ("benchmarks", "benchmarks/peers", "tests/gpu", "tests/python", "tools")]
    todo, seen = [sources / "benchmarks" / "gpu.py", *(sources / "tests" / "gpu").glob("*.py"), sources / "tools" / "sanitize_gpu.py"], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imported(path):
            if name.split(".")[0] in there:
                continue
            found = [folder / f"{name}.py" for folder in folders if (folder / f"{name}.py").exists()]
            assert found, f"{path.name} imports {name}, which is not in the bundle"
            todo.extend(found)
    assert {"nets.py", "driver.py"} <= {path.name for path in seen}


def test_no_leavings(sources):
    names = {path.name for path in sources.rglob("*")}
    assert not names & {"__pycache__", "results", "test_mpi_gpu.py"} and (sources / "include" / "mixnet" / "c_api.h").exists()
    assert os.access(sources / "run.sh", os.X_OK)


def test_libraries_of_the_system_stay():
    text = """
	linux-vdso.so.1 (0x00007f7fda129000)
	libdnnl.so.3 => /venv/lib/libdnnl.so.3 (0x00007f7fd5800000)
	libstdc++.so.6 => /lib/libstdc++.so.6 (0x00007f7fd5400000)
	libmixnet.so.0 => /build/libmixnet.so.0 (0x00007f7fd5400000)
	libm.so.6 => /lib/libm.so.6 (0x00007f7fda036000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f7fda12b000)
"""
    assert gpu_bundle.needed(text) == {"libdnnl.so.3": "/venv/lib/libdnnl.so.3"}
    with pytest.raises(gpu_bundle.BundleError, match="^libdnnl.so.3: expected on this machine, ldd finds none$"):
        gpu_bundle.needed("\tlibdnnl.so.3 => not found\n")


def test_the_archive_is_unpacked_as_it_was_and_not_too_large(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "run.sh").write_text("here")
    path = gpu_bundle.pack(folder)
    with tarfile.open(path) as archive:
        assert archive.extractfile("bundle/run.sh").read() == b"here"
    with pytest.raises(gpu_bundle.BundleError, match="bundle.tar.xz: expected at most 0 MiB, got 0$"):
        gpu_bundle.check_size(path, most=10)


def test_nothing_built_is_one_line(tmp_path, capsys):
    assert gpu_bundle.main(["--built", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().out == f"[gpu_bundle] {tmp_path}/libmixnet.so: expected a build (cuda), found none\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_the_quick_calls_keep_to_the_limited_api(tmp_path):
    options = [f"-DPy_LIMITED_API={gpu_bundle.STABLE}", f"-I{gpu_bundle.sysconfig.get_paths()['include']}", f"-I{ROOT / 'include'}"]
    gpu_bundle.command("gcc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *options, ROOT / "bindings" / "python" / "fast.c")


@pytest.fixture
def machine(sources, tmp_path):
    """run.sh beside a python3 that answers as a script says: run(script, stage, seconds)."""
    programs = tmp_path / "programs"
    (sources / "build" / "cuda").mkdir(parents=True)
    programs.mkdir()

    def run(tests, python, stage, seconds):
        for path, text in ((sources / "build" / "cuda" / "mixnet_gpu_tests", tests), (programs / "python3", python)):
            path.write_text(f"#!/bin/bash\n{text}\n")
            path.chmod(0o755)
        environment = {**os.environ, "PATH": f"{programs}:/usr/bin:/bin", "OUT": str(programs)}
        done = subprocess.run(["bash", sources / "run.sh", stage, seconds], env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines(), programs

    return run


def test_a_stage_that_hangs_leaves_time_to_the_others(machine):
    code, said, _ = machine("exec sleep 1000", "exit 0", "test", "3")
    assert code == 1 and said[-2].startswith("kernels: cut off after 3 s") and said[-1].startswith("python: ")


def test_a_failure_is_told_and_so_is_an_unknown_stage(machine):
    code, said, out = machine("echo begun; exit 3", "exit 0", "test", "500")
    assert code == 1 and said[-2].startswith("kernels: failed, exit code 3") and said[-1].startswith("python: passed")
    assert (out / "kernels.txt").read_text() == "begun\n"
    assert machine("", "", "tests", "1")[:2] == (1, ["[run.sh] expected test, sanitize, bench or all, got tests"])
