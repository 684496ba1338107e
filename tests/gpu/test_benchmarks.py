"""The benchmark of GPUs on the GPU that is there, an emulated one too: ours alone, small nets, a single row of each kind."""

import argparse
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks")]

import contestants  # noqa: E402
import gpu  # noqa: E402
import step_nets  # noqa: E402


class NoCeiling:
    def look(self, dtype):
        return 1000.0


def test_a_row_has_time_memory_and_share():
    net = step_nets.ALL["MLP"]
    options = argparse.Namespace(peers=[], seconds=0.1)
    for dtype in gpu.CLOSENESS:
        inputs = {name: value[:8] for name, value in net.inputs(np.random.RandomState(3)).items()}
        results, used = gpu.row(options, NoCeiling(), net.make(), inputs, "train", dtype, recomputing=True)
        ours = results[contestants.OURS]
        assert ours.reason == "" and ours.seconds > 0 and used > 0
        assert ours.told["bytes"] >= 784 * 512 * (4 if dtype == "float32" else 2)
        times, size, less = gpu.recomputing_cells(results)
        assert float(times) > 0 and 0 < float(size) * 1e6 < ours.told["bytes"] * 1.1 and less == "-"
        assert len(gpu.cells(results, used)) == len(gpu.columns(options))


def test_the_program_runs():
    program = [sys.executable, ROOT / "benchmarks" / "gpu.py", "--only", "calls", "--peers"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert lines[2] == "| floats | mixnet |" and [float(line.split("|")[2]) > 0 for line in lines[4:]] == [True, True]


def test_attention_beside_its_pieces():
    program = [sys.executable, ROOT / "benchmarks" / "gpu.py", "--only", "attention", "--peers", "--seconds", "0.05", "--attention", "2", "2", "16", "8"]
    done = subprocess.run([str(part) for part in program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.strip().splitlines() if "bfloat16" in line]
    assert [row[2].strip() for row in rows] == ["forward, bfloat16", "forward, backward, bfloat16"]
    assert all(float(row[3]) > 0 and float(row[4]) > 0 for row in rows), done.stdout
