"""Makes the peers' environments, each of its own, in .venv-peers/: python benchmarks/environments.py [NAME ...].

Nothing is installed anywhere else. An environment that is there already is left alone; one that cannot be made is reported, and
the benchmarks then say "not installed" in its place. MIXNET_BENCH_TORCH=PATH, and so on, name an interpreter that is there already.
"""

import argparse
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[1] / ".venv-peers"
PACKAGES = {
    "torch": ["torch==2.13.0", "numpy", "setuptools<81", "opencv-python-headless==5.0.0.93"],
    "jax": ["jax==0.8.1", "numpy"],
    "onnxruntime": ["onnxruntime==1.31.1", "onnx==1.23.2", "numpy"],
    "mxnet": ["mxnet==1.9.1", "numpy==1.23.5", "setuptools<81"],
    "tensorflow": ["tensorflow-cpu==2.21.0"],
}
IMPORTS = {"onnxruntime": "import onnx, onnxruntime", "torch": "import cv2, torch"}


def python(name):
    """The interpreter of an environment, None when it is not there."""
    path = pathlib.Path(os.environ.get(f"MIXNET_BENCH_{name.upper()}") or FOLDER / name / "bin" / "python")
    return path if path.exists() else None


def works(name):
    return python(name) and subprocess.run([python(name), "-c", IMPORTS.get(name, f"import {name}")], capture_output=True).returncode == 0


def make(name):
    """None, or why it could not be made."""
    install = [FOLDER / name / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES[name]]
    for command in ([sys.executable, "-m", "venv", FOLDER / name], install):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            return (result.stderr.strip().splitlines() or ["no message"])[-1]
    return None if works(name) else "installed, but cannot be imported"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PACKAGES), metavar="NAME", help=", ".join(PACKAGES))
    for name in parser.parse_args().names:
        if name not in PACKAGES:
            parser.error(f"{name}: expected one of {', '.join(PACKAGES)}")
        problem = None if works(name) else make(name)
        print(f"{name}: {problem or 'ready'}", flush=True)


if __name__ == "__main__":
    main()
