"""All Caffe cases against OpenCV's reader, and the stored numbers against what it says now. Needs a Python with opencv-python-headless 4:
where it is not installed, it goes into .venv-opencv (about 150 MB)."""

import json
import os
import pathlib
import subprocess
import sys

import mixnet as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENV = {**os.environ, "PYTHONPATH": str(pathlib.Path(mx.__file__).resolve().parents[1])}
PROGRAM = """
import json, sys
sys.path.insert(0, "tests/slow")
import caffe_reference
print("result", json.dumps(caffe_reference.differences()))
"""


def python():
    """A Python that has OpenCV 4."""
    folder = ROOT / ".venv-opencv"
    for own in (pathlib.Path(sys.executable), folder / "bin" / "python"):
        if own.exists() and subprocess.run([own, "-c", "import cv2; assert cv2.__version__[0] == '4'"], capture_output=True).returncode == 0:
            return own
    subprocess.run([getattr(sys, "_base_executable", sys.executable), "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "opencv-python-headless<5", "cffi"], check=True)
    return folder / "bin" / "python"


def test_outputs_agree_with_opencv():
    done = subprocess.run([python(), "-c", PROGRAM], capture_output=True, text=True, env=ENV, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("result")).partition(" ")[2])
    stored = json.loads((ROOT / "tests" / "data" / "caffe_reference.json").read_text())
    assert set(found) == set(stored)
    print(f"Caffe cases that agree with OpenCV: {len(found)}; the largest difference is {max(max(d) for d in found.values()):.1e}")
    assert all(max(differences) < 2e-6 for differences in found.values()), found
