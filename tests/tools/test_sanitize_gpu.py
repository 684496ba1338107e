"""tools/sanitize_gpu.py runs each tool on the test program and passes on what it finds."""

import cuda_tool
import pytest
import sanitize_gpu


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder that is all of PATH, with a test program, and compute-sanitizer as a script: tool(exit code of memcheck)."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(cuda_tool.importlib.util, "find_spec", lambda name: None)
    (tmp_path / "tests").write_text("")

    def tool(memcheck):
        path = tmp_path / "compute-sanitizer"
        path.write_text(f'#!/bin/sh\necho "$MIXNET_GPU_MEM_POOL_TYPE $@"\n[ "$2" = memcheck ] && exit {memcheck}\nexit 0\n')
        path.chmod(0o755)

    tool.program = tmp_path / "tests"
    return tool


def test_clean(machine, capsys):
    machine(0)
    assert sanitize_gpu.main(["--", "-tc=gpu*"], machine.program) == 0
    said = capsys.readouterr().out
    assert "memcheck: clean" in said and "racecheck: clean" in said
    assert f"Unpooled --tool racecheck --error-exitcode 1 {machine.program} -tc=gpu*" in said


def test_a_finding(machine, capsys):
    machine(1)
    assert sanitize_gpu.main([], machine.program) == 1
    said = capsys.readouterr().out
    assert "memcheck: failed, exit code 1" in said and "racecheck: clean" in said


def test_what_is_missing_is_named(machine, capsys):
    assert sanitize_gpu.main([], machine.program) == 1
    assert "expected compute-sanitizer (pip install nvidia-cuda-sanitizer-api), found none" in capsys.readouterr().out
    machine(0)
    assert sanitize_gpu.main([], machine.program.parent / "absent") == 1
    assert "absent (python tools/build.py cuda), found none" in capsys.readouterr().out
