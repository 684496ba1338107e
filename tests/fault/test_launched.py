"""Groups with servers as `mixnet launch` starts them: training ends with the reference weights, beginning again works, updaters are found."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import mixnet as mx
import pytest

PROGRAM = pathlib.Path(__file__).with_name("program.py")
PACKAGE = pathlib.Path(mx.__file__).resolve().parents[1]
# Worker 1 is killed in the middle of its first life; worker 0 goes on until the second one is there.
DIES_ONCE = """
import os, pathlib, time
import mixnet as mx

folder = pathlib.Path(os.environ["FAULT_FOLDER"])
kv = mx.kv.create("dist_sync")
kv.init("w", mx.nd.zeros((8,)))
again, weight = (folder / "died").exists(), mx.nd.zeros((8,))
if again:
    (folder / "again").touch()
deadline, pushed = time.monotonic() + 40, 0
while pushed < 3 or (kv.rank == 0 and not (folder / "again").exists()):
    assert time.monotonic() < deadline
    kv.push("w", mx.nd.ones((8,)))
    kv.pull("w", out=weight)
    assert len(set(weight.asnumpy().tolist())) == 1
    pushed += 1
    time.sleep(0.05)
    if pushed == 2 and kv.rank == 1 and not again:
        (folder / "died").touch()
        os.kill(os.getpid(), 9)
print("end", flush=True)
"""
UPDATES = """
import mixnet as mx

kv = mx.kv.create("dist_sync")
kv.init("w", mx.nd.ones((4,)))
kv.push("w", mx.nd.ones((4,)) * (kv.rank + 1))
weight = mx.nd.zeros((4,))
kv.pull("w", out=weight)
print(weight.asnumpy().tolist(), flush=True)
"""


# The server is killed after it has written what it holds; an optimizer that adds shows what was kept.
SERVER_DIES = """
import os, pathlib, signal
import mixnet as mx

kv = mx.kv.create("dist_sync")
kv.init("w", mx.nd.ones((3,)))
kv.set_optimizer(mx.optimizer.SGD(learning_rate=1.0, wd=0.0, rescale_grad=1.0))
found = []
for step in range(2):
    weight = mx.nd.zeros((3,))
    kv.push("w", -mx.nd.ones((3,)))
    kv.pull("w", out=weight)
    found.append(weight.asnumpy().tolist())
    if step == 0:
        kv.save_servers(os.path.join(os.environ["FAULT_FOLDER"], "state"))
        for entry in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                variables = entry.read_bytes()
            except OSError:
                continue
            same = f"DMLC_PS_ROOT_PORT={os.environ['DMLC_PS_ROOT_PORT']}".encode() in variables
            if same and b"DMLC_SERVER_ID=0" in variables:
                os.kill(int(entry.parent.name), signal.SIGKILL)
print(*found, flush=True)
"""


def launch(folder, *arguments, **env):
    """(exit code, standard output, standard error)."""
    everything = {k: v for k, v in os.environ.items() if not k.startswith(("DMLC_", "MIXNET_PS_", "FAULT_"))}
    everything |= {"PYTHONPATH": str(PACKAGE), "FAULT_FOLDER": str(folder), "OMP_NUM_THREADS": "1", **env}
    command = [sys.executable, "-m", "mixnet", "launch", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, env=everything, cwd=folder, timeout=120)
    return result.returncode, result.stdout, result.stderr


def results(output):
    """What each worker of program.py said at the end."""
    lines = [line.partition(" | ") for line in output.splitlines() if " | result " in line]
    return {name: json.loads(text.partition(" ")[2]).get("weights") for name, _, text in lines}


def test_a_group_with_servers(tmp_path):
    code, out, err = launch(tmp_path, "-n", 2, "-s", 2, sys.executable, PROGRAM)
    assert code == 0 and results(out) == {"worker 0": "reference", "worker 1": "reference"}, err
    code, out, err = launch(tmp_path, "-n", 1, "-s", 1, "--no-key", sys.executable, PROGRAM)
    assert code == 0 and results(out) == {"worker 0": "reference"}, err


@pytest.mark.skipif(not shutil.which("mpirun"), reason="no toolchain: mpirun")
def test_a_group_under_mpirun(tmp_path):
    code, out, err = launch(tmp_path, "-n", 2, "-s", 1, "--launcher", "mpi", sys.executable, PROGRAM)
    assert code == 0 and results(out) == {"worker 0": "reference", "worker 1": "reference"}, err


def test_a_worker_of_an_elastic_group_begins_again(tmp_path):
    options = ["-n", 2, "-s", 1, "--elastic", "--restart", 1, "--timeout-s", 2]
    code, out, err = launch(tmp_path, *options, sys.executable, "-c", DIES_ONCE)
    assert code == 0 and sorted(out.splitlines()) == ["worker 0 | end", "worker 1 | end"], err
    assert "[launch] worker 1 was ended by SIGKILL; it begins again (1 of 1)" in err


def test_a_server_of_an_elastic_group_begins_again(tmp_path):
    options = ["-n", 1, "-s", 1, "--elastic", "--restart", 1, "--timeout-s", 2, "--restore", tmp_path / "state"]
    code, out, err = launch(tmp_path, *options, sys.executable, "-c", SERVER_DIES)
    assert code == 0 and out == "worker 0 | [2.0, 2.0, 2.0] [3.0, 3.0, 3.0]\n", err
    assert "[launch] server 0 was ended by SIGKILL; it begins again (1 of 1)" in err


def test_a_server_with_a_copy_is_not_missed(tmp_path):
    options = ["-n", 1, "-s", 2, "--copies", 2, "--timeout-s", 2]
    code, out, err = launch(tmp_path, *options, sys.executable, "-c", SERVER_DIES)
    assert code == 0 and out == "worker 0 | [2.0, 2.0, 2.0] [3.0, 3.0, 3.0]\n", err
    assert "was ended by SIGKILL; the others go on" in err


def test_an_updater_on_the_servers(tmp_path):
    (tmp_path / "mine.py").write_text("def twice(key, received, stored):\n    stored += 2 * received\n")
    code, out, err = launch(tmp_path, "-n", 2, "-s", 1, "--updater", "mine:twice", sys.executable, "-c", UPDATES)
    assert code == 0 and sorted(out.splitlines()) == [f"worker {rank} | [7.0, 7.0, 7.0, 7.0]" for rank in range(2)], err
    code, _, err = launch(tmp_path, "-n", 1, "-s", 1, "--updater", "mine:none", sys.executable, "-c", UPDATES)
    assert code == 1 and "server 0 | [serve] updater: mine:none" in err and "[launch] server 0 ended with exit code 1" in err
