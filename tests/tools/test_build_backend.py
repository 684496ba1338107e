"""`pip install .` asks for CUDA's compiler only where CUDA is wanted and there is none."""

import build_backend
import pytest

CUDA = {"cmake.define.MIXNET_CUDA": "ON"}


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without nvcc."""
    monkeypatch.delenv("CUDACXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_packages_in_place_of_a_toolkit(bare):
    wanted = build_backend.cuda_requirements(CUDA)
    assert [line.split("==")[0] for line in wanted][:2] == ["nvidia-cuda-nvcc", "nvidia-cuda-crt"] and all("==" in line for line in wanted)
    assert set(wanted) <= set(build_backend.get_requires_for_build_wheel(CUDA))
    assert set(wanted) <= set(build_backend.get_requires_for_build_editable(CUDA))


@pytest.mark.parametrize("settings", [None, {}, {"cmake.define.MIXNET_CUDA": "OFF"}])
def test_without_cuda(bare, settings):
    assert build_backend.cuda_requirements(settings) == []


def test_a_compiler_that_is_named(bare, monkeypatch):
    assert build_backend.cuda_requirements({**CUDA, "cmake.define.CMAKE_CUDA_COMPILER": "/opt/nvcc"}) == []
    (bare / "nvcc").write_text("#!/bin/sh\n")
    (bare / "nvcc").chmod(0o755)
    assert build_backend.cuda_requirements(CUDA) == []
    (bare / "nvcc").unlink()
    monkeypatch.setenv("CUDACXX", "/opt/nvcc")
    assert build_backend.cuda_requirements(CUDA) == []


def test_what_pip_calls_is_there():
    for hook in ("build_wheel", "build_sdist", "build_editable", "prepare_metadata_for_build_wheel"):
        assert callable(getattr(build_backend, hook))
