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
def go(toolchain):
    """The environment in which go is found and takes nothing from the network."""
    toolchain("go")
    found = subprocess.run(["bash", ROOT / "tools" / "toolchains" / "go.sh"], capture_output=True, text=True, check=True)
    program = pathlib.Path(re.search(r"ready \((\S+), go", found.stdout)[1])
    # All is compiled once, with the race detector.
    own = {"GOFLAGS": "-mod=mod -race", "GOTOOLCHAIN": "local", "GOPROXY": "off", "CGO_ENABLED": "1", "GOCACHE": str(ROOT / "build" / "go" / "cache")}
    return {**os.environ, **own, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def trainer(go):
    """The compiled example, vetted."""
    subprocess.run(["go", "vet", "."], cwd=EXAMPLE, env=go, check=True)
    program = ROOT / "build" / "go" / "train_lenet"
    subprocess.run(["go", "build", "-o", program, "."], cwd=EXAMPLE, env=go, check=True)
    return program


def test_format(go):
    formatted = subprocess.run(["gofmt", "-l", BINDING, EXAMPLE], env=go, capture_output=True, text=True)
    assert (formatted.returncode, formatted.stdout, formatted.stderr) == (0, "", "")


def test_binding(go, inner):
    run = subprocess.run(["go", "test", "-vet=all", "-count=1", "-json", "./..."], cwd=BINDING, env=go, capture_output=True, text=True)
    events = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    count = {action: sum(e["Action"] == action and "Test" in e for e in events) for action in ("pass", "fail", "skip")}
    assert run.returncode == 0, "".join(e.get("Output", "") for e in events)[-8000:] + run.stderr[-4000:]
    inner("Go", f"{count['pass']} passed, {count['fail']} failed, {count['skip']} skipped", least=300)


STORE = """
package main

import (
	"context"
	"fmt"

	"mixnet.dev/mixnet"
)

func main() {
	store := mixnet.Must(mixnet.NewKVStore("dist_sync"))
	array := func(value float32) mixnet.Pair {
		return mixnet.Pair{"w", mixnet.Must(mixnet.FromSlice([]float32{value, value}, 2))}
	}
	out := array(0)
	for _, err := range []error{store.Init(array(1)), store.Push(0, array(2)), store.Pull(0, out), out.Array.Wait(context.Background())} {
		if err != nil {
			panic(err)
		}
	}
	fmt.Println(mixnet.Must(store.Statistics()))
	store.Close()
}
"""


def test_statistics_of_a_store_between_machines(go, group, tmp_path):
    (tmp_path / "main.go").write_text(STORE)
    (tmp_path / "go.mod").write_text(f"module store\n\ngo 1.19\n\nrequire mixnet.dev/mixnet v0.0.0\n\nreplace mixnet.dev/mixnet => {BINDING}\n")
    run = subprocess.run(["go", "run", "."], cwd=tmp_path, env={**go, **group}, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(run.stdout)["keys"]["w"]["pushes"] == 1


def test_lenet(go, trainer, lenet, trained):
    prefix = trained("go")
    run = subprocess.run([trainer, "--limit", "2000", "--epochs", "1", "--prefix", prefix], env=go, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    accuracy = lenet(run.stdout)
    images = read_idx(str(FASHION / "t10k-images-idx3-ubyte.gz"), 3)[:, None].astype("float32") / 255
    labels = read_idx(str(FASHION / "t10k-labels-idx1-ubyte.gz"), 1).astype("float32")
    test = mx.io.NDArrayIter(images, labels, 100)
    module = mx.mod.Module.load(str(prefix), 1)
    module.bind(test.provide_data, test.provide_label, for_training=False)
    assert accuracy == pytest.approx(dict(module.score(test, "acc"))["accuracy"], abs=1e-6)


def test_interrupt_ends_training(go, trainer):
    training = subprocess.Popen([trainer, "--limit", "500", "--epochs", "1000"], env=go, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert LINE.fullmatch(training.stdout.readline().strip())
        begin = time.monotonic()
        training.send_signal(signal.SIGINT)
        _, complaint = training.communicate(timeout=10)
        assert time.monotonic() - begin < 1.5
        assert training.returncode == 1 and "context canceled" in complaint
    finally:
        training.kill()
