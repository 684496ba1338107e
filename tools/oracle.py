"""Apache MXNet's wheels, run in environments of their own: what golden files and the agreement of operators are made with.

`command(version)` gives ([interpreter], variables) with which a program imports that MXNet. The environments are made at the first use (half a
minute, a hundred megabytes) under build/oracle, or in the folder that MIXNET_ORACLE names: Python 3.11 with MXNet 1.9.1 and the NumPy of its
time; older wheels are unpacked beside it, and from 0.12 on need libraries that 1.9.1 brings.
"""

import os
import pathlib
import shutil
import subprocess
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
NEWEST = "1.9.1"
WHEELS = {"0.9.5": "0.9.5.post2", "0.11.0": "0.11.0", "0.12.0": "0.12.0", "1.0.0": "1.0.0"}
PACKAGES = ("mxnet==1.9.1", "numpy==1.23.5", "scipy==1.10.1", "setuptools<81")


def folder():
    return pathlib.Path(os.environ.get("MIXNET_ORACLE", ROOT / "build" / "oracle"))


def interpreter():
    """The Python that has MXNet 1.9.1; its environment is made when there is none."""
    python = folder() / "bin" / "python"
    if not (folder() / "ready").exists():
        base = shutil.which("python3.11")
        if base is None:
            raise SystemExit("[oracle] MXNet 1.9.1 needs python3.11, which is not in PATH")
        subprocess.run([base, "-m", "venv", folder()], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
        (folder() / "ready").touch()
    return python


def unpacked(version):
    """The folder with an older wheel's package."""
    place = folder() / "wheels" / version
    if not (place / "mxnet" / "libmxnet.so").exists():
        wheel = f"mxnet=={WHEELS[version]}"
        pip = [interpreter(), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", place.parent, wheel]
        subprocess.run([str(part) for part in pip], check=True)
        with zipfile.ZipFile(next(place.parent.glob(f"mxnet-{WHEELS[version]}-*.whl"))) as archive:
            archive.extractall(place)
    return place


def command(version=NEWEST):
    python = interpreter()
    variables = {**os.environ, "MXNET_SUBGRAPH_BACKEND": "NONE", "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "2"}
    variables.pop("PYTHONPATH", None)
    if version != NEWEST:
        variables["PYTHONPATH"] = str(unpacked(version))
        if version not in ("0.9.5", "0.11.0"):
            libraries = next((folder() / "lib").glob("python3*")) / "site-packages" / "mxnet"
            variables["LD_LIBRARY_PATH"] = str(libraries)
    return [str(python)], variables
