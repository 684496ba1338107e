"""An epoch of CSVIter over a file of 50 MB beside MXNet 1.9.1's CSVIter and one call of pandas.read_csv, in turns.

    python benchmarks/csv_files.py [--megabytes 50] [--rounds 7] [--batch 128]

Every side is a process of its own that reads the file once for each line it gets, and says how long that took: making the iterator and all of its
batches. MXNet's environment is that of tools/oracle.py; a side that cannot be had is left out, and named.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import oracle  # noqa: E402

COLUMNS = 50
ITERATOR = """
import sys, time
import {package} as mx
path, batch = sys.argv[1], int(sys.argv[2])
for _ in sys.stdin:
    begin = time.perf_counter()
    rows = 0
    for b in mx.io.CSVIter(data_csv=path, data_shape=({columns},), batch_size=batch):
        b.data[0].wait_to_read()
        rows += batch - b.pad
    print(rows, time.perf_counter() - begin, flush=True)
"""
PANDAS = """
import sys, time
import numpy as np
import pandas
for _ in sys.stdin:
    begin = time.perf_counter()
    rows = len(pandas.read_csv(sys.argv[1], header=None, dtype=np.float32).to_numpy())
    print(rows, time.perf_counter() - begin, flush=True)
"""


def write_file(path, megabytes):
    """Numbers of nine characters, as training data often have them."""
    random = np.random.RandomState(0)
    with open(path, "w") as file:
        while file.tell() < megabytes * 1e6:
            file.writelines(",".join(f"{value:.7f}"[:9] for value in row) + "\n" for row in random.randn(1000, COLUMNS))


def sides(path, batch):
    """{name: process}."""
    python, environment = oracle.command()
    programs = {
        "mixnet": ([sys.executable], None, ITERATOR.format(package="mixnet", columns=COLUMNS)),
        "MXNet 1.9.1": (python, environment, ITERATOR.format(package="mxnet", columns=COLUMNS)),
        "pandas": ([sys.executable], None, PANDAS),
    }
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return {name: subprocess.Popen([*interpreter, "-c", program, path, str(batch)], env=env, **pipes) for name, (interpreter, env, program) in programs.items()}


def turn(process):
    """(rows, seconds) of one reading; None of a side that is not there."""
    try:
        process.stdin.write("\n")
        process.stdin.flush()
    except OSError:
        return None
    answer = process.stdout.readline().split()
    return (int(answer[0]), float(answer[1])) if len(answer) == 2 else None


def measure(path, batch, rounds):
    """{name: seconds, the median}, of sides that read as many rows."""
    running = sides(path, batch)
    times = {name: [] for name in running}
    rows = set()
    for number in range(rounds + 1):
        order = list(running)[number % len(running) :] + list(running)[: number % len(running)]
        for name in order:
            answer = turn(running[name])
            if answer is None:
                continue
            rows.add(answer[0])
            if number > 0:  # the first one warms up
                times[name].append(answer[1])
    for process in running.values():
        process.stdin.close()
        process.wait()
    assert len(rows) == 1, rows
    return {name: statistics.median(found) if found else None for name, found in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "numbers.csv")
        write_file(path, options.megabytes)
        size = os.path.getsize(path) / 1e6
        found = measure(path, options.batch, options.rounds)
    for name, seconds in found.items():
        told = "not installed" if seconds is None else f"{seconds * 1e3:7.1f} ms {size / seconds:7.0f} MB/s  {seconds / found['mixnet']:.2f} of ours"
        print(f"{name:12} {told}")


if __name__ == "__main__":
    main()
