"""dist_allreduce beside MPI_Allreduce called directly by a C program: the same sums, the same number of processes, turn by turn.

    python benchmarks/mpi.py [--workers 2] [--rounds 5] [--calls 10]

Every round starts each side once, in alternating order; a time is the median of all calls of all rounds, without each start's first two. Calls follow one
another, as steps of training do, without barriers in between. Ours is measured from the call until the sum can be read: pushpull, which brings the sum to
the output, and push with pull, which also stores it.
Needs tools/toolchains/mpi.sh and a build with the MPI plug-in.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import table

ROOT = pathlib.Path(__file__).resolve().parents[1]
SIZES = ((100_000_000, 1), (10_000_000, 1), (1_000_000, 1), (4_000, 1), (40, 1000))  # bytes of a key, keys
RATIOS = ["MPI / pushpull", "MPI / push, pull"]


def worker(size, keys, calls, way):
    """One of our processes: prints seconds like mpi_direct.c does."""
    import time

    import mixnet as mx

    kv = mx.kv.create("dist_allreduce")
    names = [f"k{i}" for i in range(keys)]
    values = [mx.nd.ones((size // 4,)) for _ in names]
    outs = [mx.nd.zeros((size // 4,)) for _ in names]
    kv.init(names, values)
    kv.barrier()
    times = []
    for _ in range(calls + 2):
        begin = time.perf_counter()
        if way == "pushpull":
            kv.pushpull(names, values, outs)
        else:
            kv.push(names, values)
            kv.pull(names, outs)
        for out in outs:
            out.wait_to_read()
        times.append(time.perf_counter() - begin)
    if kv.rank == 0:
        print(*times[2:], sep="\n", flush=True)
    assert outs[-1].asnumpy()[-1] == kv.num_workers


def launched(workers, *command):
    """The seconds that rank 0 printed."""
    root = ["--allow-run-as-root"] if os.getuid() == 0 else []
    everything = ["mpirun", *root, "--oversubscribe", "-n", str(workers), *map(str, command)]
    result = subprocess.run(everything, capture_output=True, text=True, timeout=300)
    if result.returncode:
        sys.exit(f"{' '.join(everything)}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return [float(line) for line in result.stdout.split()]


def measure(direct, options, size, keys):
    """{side: median seconds} of one row."""
    sides = {
        "MPI_Allreduce": [direct, size // 4, options.calls, keys],
        "pushpull": [sys.executable, __file__, "--worker", size, keys, options.calls, "pushpull"],
        "push, pull": [sys.executable, __file__, "--worker", size, keys, options.calls, "push"],
    }
    times = {name: [] for name in sides}
    for turn in range(options.rounds):
        for name in sorted(sides, reverse=turn % 2):
            times[name] += launched(options.workers, *sides[name])
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def main():
    if sys.argv[1:2] == ["--worker"]:
        return worker(*map(int, sys.argv[2:5]), sys.argv[5])
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--calls", type=int, default=20)
    options.add_argument("--sizes", type=int, nargs="+", help="only rows of so many bytes a key")
    options = options.parse_args()
    out = table.Table("mpi", "Sums over workers", ["keys x bytes", "MPI_Allreduce ms", "pushpull ms", "push, pull ms", *RATIOS])
    with tempfile.TemporaryDirectory() as folder:
        direct = pathlib.Path(folder) / "mpi_direct"
        subprocess.run(["mpicc", "-O2", ROOT / "benchmarks" / "mpi_direct.c", "-o", direct], check=True)
        for size, keys in SIZES:
            if options.sizes and size not in options.sizes:
                continue
            found = measure(direct, options, size, keys)
            own = found["MPI_Allreduce"]
            ratios = [f"{own / found[way]:.2f}" for way in ("pushpull", "push, pull")]
            out.add([f"{keys} x {size:,}", *(f"{seconds * 1e3:.3f}" for seconds in found.values()), *ratios])
    version = subprocess.run(["mpirun", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    cores = len(os.sched_getaffinity(0))
    out.note(f"{options.workers} processes on {cores} cores, {options.rounds} rounds of {options.calls}, {version}. A ratio above 1: ours is faster.")
    out.save()
    return None


if __name__ == "__main__":
    main()
