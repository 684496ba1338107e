"""mixnet.ray on a cluster of this machine: results, errors, and beginning again from the last readable checkpoint; `--launcher ray`.

Needs the package ray: where it is not installed, it goes into .venv-ray (about 300 MB).
"""

import json
import os
import pathlib
import subprocess
import sys

import mixnet as mx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(__file__).with_name("ray_program.py")
ENV = {**os.environ, "PYTHONPATH": str(pathlib.Path(mx.__file__).resolve().parents[1])}


@pytest.fixture(scope="module")
def python():
    """A Python that has ray."""
    folder = ROOT / ".venv-ray"
    own = folder / "bin" / "python"
    if not own.exists() or subprocess.run([own, "-c", "import ray"], capture_output=True).returncode != 0:
        subprocess.run([getattr(sys, "_base_executable", sys.executable), "-m", "venv", folder], check=True)
        subprocess.run([own, "-m", "pip", "install", "-q", "--disable-pip-version-check", "ray", "numpy", "cffi"], check=True)
    return own


def run(python, what, folder):
    result = subprocess.run([python, PROGRAM, what, folder / "checkpoint"], capture_output=True, text=True, env=ENV, timeout=240)
    assert result.returncode == 0, result.stderr[-6000:]
    return json.loads(next(line for line in result.stdout.splitlines() if line.startswith("result")).partition(" ")[2])


def test_a_worker_that_dies_begins_again_from_the_last_readable_checkpoint(python, tmp_path):
    assert run(python, "dies_once", tmp_path) == [[0, 2, 1, 1], [1, 2, 1, 1]]


def test_training_resumes_and_ends_with_the_same_weights(python, tmp_path):
    # Step t adds (1 + 2) t: 3 (1 + ... + 6) in all; the second attempt begins after step 3.
    assert run(python, "trains", tmp_path) == [[3, [63.0]], [3, [63.0]]]


def test_a_failure_names_the_worker_and_the_error(python, tmp_path):
    text = run(python, "fails", tmp_path)
    assert text in [f"[ray] worker {rank} failed: rank {rank} does not want to" for rank in (0, 1)]


def test_launcher(python):
    command = [python, "-m", "mixnet", "launch", "-n", "2", "-s", "0", "--launcher", "ray", "sh", "-c"]
    result = subprocess.run([*command, "echo here $DMLC_WORKER_ID"], capture_output=True, text=True, env=ENV, timeout=240)
    assert result.returncode == 0 and sorted(result.stdout.splitlines()) == ["worker 0 | here 0", "worker 1 | here 1"], result.stderr[-4000:]
    mark = f"3600.{os.getpid()}"
    result = subprocess.run([*command, f"[ $DMLC_WORKER_ID = 1 ] && exit 4; sleep {mark}"], capture_output=True, text=True, env=ENV, timeout=240)
    assert result.returncode == 4 and "[launch] worker 1 ended with exit code 4" in result.stderr
    assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


MISTAKES = [(("text",), "train_function: expected a function"), ((print, 0), "num_workers"), ((print, 1, -1), "num_servers")]


@pytest.mark.parametrize("arguments, message", MISTAKES)
def test_mistakes(arguments, message):
    from mixnet import ray as on_ray

    with pytest.raises((TypeError, mx.MXNetError), match=message):
        on_ray.run(*arguments)
