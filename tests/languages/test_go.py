"""The Go binding: its own tests under the race detector, and the example that every binding has."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import mixnet as mx
import pytest
from mixnet.io.idx_file import read_idx

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINDING, EXAMPLE = ROOT / "bindings" / "go", ROOT / "examples" / "go"
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist")
LINE = re.compile(r"epoch=(\d+) loss=(\d+\.\d{6}) accuracy=(\d\.\d{6}) seconds=\d+\.\d\d")


@pytest.fixture(scope="module")
def go():
    """The environment in which go is found and takes nothing from the network."""
    found = subprocess.run(["bash", ROOT / "tools" / "toolchains" / "go.sh"], capture_output=True, text=True)
    if found.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(found.stdout.strip() or "go: no toolchain")
    program = pathlib.Path(re.search(r"ready \((\S+), go", found.stdout)[1])
    # All is compiled once, with the race detector.
    own = {"GOFLAGS": "-mod=mod -race", "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "1", "GOCACHE": str(ROOT / "build" / "go" / "cache")}
    return {**os.environ, **own, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def lenet(go):
    """The compiled example, vetted."""
    subprocess.run(["go", "vet", "."], cwd=EXAMPLE, env=go, check=True)
    program = ROOT / "build" / "go" / "train_lenet"
    subprocess.run(["go", "build", "-o", program, "."], cwd=EXAMPLE, env=go, check=True)
    return program


def test_format(go):
    formatted = subprocess.run(["gofmt", "-l", BINDING, EXAMPLE], env=go, capture_output=True, text=True)
    assert (formatted.returncode, formatted.stdout, formatted.stderr) == (0, "", "")


def test_binding(go):
    run = subprocess.run(["go", "test", "-vet=all", "-count=1", "-json", "./..."], cwd=BINDING, env=go, capture_output=True, text=True)
    events = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    count = {action: sum(e["Action"] == action and "Test" in e for e in events) for action in ("pass", "fail", "skip")}
    print(f"\n{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped")
    assert run.returncode == 0, "".join(e.get("Output", "") for e in events)[-8000:] + run.stderr[-4000:]
    assert count["pass"] > 200 and count["fail"] == count["skip"] == 0


def expected_loss():
    """(loss, tolerance) of the first epoch with 2,000 images, the same in every language."""
    words = dict(re.findall(r"^case limit\nlimit (2000)\nepoch 1 (.*)$", (ROOT / "tests" / "conformance" / "lenet.txt").read_text(), flags=re.M))
    return tuple(float(word) for word in words["2000"].split())


@pytest.mark.skipif(not FASHION.is_dir(), reason="needs the Debian package dataset-fashion-mnist")
def test_lenet(go, lenet, tmp_path):
    prefix = tmp_path / "lenet"
    run = subprocess.run([lenet, "--limit", "2000", "--epochs", "1", "--prefix", prefix], env=go, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    loss, tolerance = expected_loss()
    assert float(LINE.fullmatch(first)[2]) == pytest.approx(loss, abs=tolerance)
    images = read_idx(str(FASHION / "t10k-images-idx3-ubyte.gz"), 3)[:, None].astype("float32") / 255
    labels = read_idx(str(FASHION / "t10k-labels-idx1-ubyte.gz"), 1).astype("float32")
    test = mx.io.NDArrayIter(images, labels, 100)
    module = mx.mod.Module.load(str(prefix), 1)
    module.bind(test.provide_data, test.provide_label, for_training=False)
    assert second == f"test accuracy={dict(module.score(test, 'acc'))['accuracy']:.6f}"


@pytest.mark.skipif(not FASHION.is_dir(), reason="needs the Debian package dataset-fashion-mnist")
def test_interrupt_ends_training(go, lenet):
    training = subprocess.Popen([lenet, "--limit", "500", "--epochs", "1000"], env=go, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert LINE.fullmatch(training.stdout.readline().strip())
        begin = time.monotonic()
        training.send_signal(signal.SIGINT)
        _, complaint = training.communicate(timeout=10)
        assert time.monotonic() - begin < 1.5
        assert training.returncode == 1 and "context canceled" in complaint
    finally:
        training.kill()
