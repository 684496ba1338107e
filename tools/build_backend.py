"""What `pip install .` calls: scikit-build-core, with CUDA's compiler among the requirements where it is wanted and the machine has none."""

import os
import pathlib
import shutil

from scikit_build_core.build import *  # noqa: F403
from scikit_build_core import build as backend

REQUIREMENTS = pathlib.Path(__file__).with_name("cuda_requirements.txt")


def wants_cuda(settings):
    """Whether `-C cmake.define.MIXNET_CUDA=ON` was said."""
    return str((settings or {}).get("cmake.define.MIXNET_CUDA", "")).upper() in ("ON", "1", "TRUE", "YES")


def cuda_requirements(settings):
    """The packages that CUDA's kernels are built with: none without CUDA, or where an nvcc is named or on PATH."""
    named = "cmake.define.CMAKE_CUDA_COMPILER" in (settings or {}) or "CUDACXX" in os.environ or shutil.which("nvcc")
    if not wants_cuda(settings) or named:
        return []
    return [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]


def get_requires_for_build_wheel(config_settings=None):
    return backend.get_requires_for_build_wheel(config_settings) + cuda_requirements(config_settings)


def get_requires_for_build_editable(config_settings=None):
    return backend.get_requires_for_build_editable(config_settings) + cuda_requirements(config_settings)
