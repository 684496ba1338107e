"""Where programs of CUDA's are."""

import importlib.util
import os
import pathlib
import shutil


def find(name):
    """The path of one, such as "cuobjdump": from PATH, CUDA's folder, or Python's packages; None where there is none."""
    spec = importlib.util.find_spec("nvidia")
    packages = [pathlib.Path(folder) / "cu13" for folder in (spec.submodule_search_locations if spec else [])]
    folders = [pathlib.Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")), *packages]
    places = [folder / place / name for folder in folders for place in (name, "bin")]
    return shutil.which(name) or next((path for path in places if path.is_file() and os.access(path, os.X_OK)), None)
