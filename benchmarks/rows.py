"""What the speed tables have in common: options, one row from one measurement, the columns of a row."""

import argparse
import os
import platform
import tempfile

import case
import contestants
import driver
import table

CLOSENESS = {"float32": 1e-3, "bfloat16": 0.06, "float16": 0.01}  # driver.difference of outputs to ours in float32


def parser(text):
    options = argparse.ArgumentParser(description=text.splitlines()[0])
    options.add_argument("--seconds", type=float, default=3, help="per side and row (3)")
    options.add_argument("--peers", nargs="+", metavar="NAME", help="only these beside ours, as named in contestants.py")
    options.add_argument("--together", type=int, metavar="N", help="peers in memory at a time; by default as many as fit")
    return options


def sides(options, *left_out):
    """Ours first; all that are installed or should be."""
    names = None if options.peers is None else [contestants.OURS, *options.peers]
    return [side for side in contestants.chosen(names) if side.name not in left_out]


def columns(peers):
    return list(dict.fromkeys(peer.column for peer in peers))


def fit(peers, bytes_each):
    """How many others may be loaded beside ours when each takes this much, leaving a third of what is free."""
    with open("/proc/meminfo") as file:
        free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    return max(1, min(len(peers), int(free * 2 / 3 / bytes_each) - 1))


def footprint(symbol, inputs, training):
    """Bytes that a side which shares nothing would take for a case, and a runtime's own 400 MB."""
    shapes = {name: value.shape for name, value in inputs.items() if name in symbol.list_arguments()}
    estimate = symbol.memory_estimate(training=training, **shapes)
    return estimate["naive"] + 3 * estimate["external"] + 400_000_000


def run(peers, symbol, inputs, options, mode, dtype="float32", **fields):
    """({column: Result}, peak GFLOP/s) of one row."""
    with tempfile.TemporaryDirectory() as folder:
        paths = case.write(folder, symbol, inputs)
        together = options.together or fit(peers, footprint(symbol, case.arrays(inputs), mode != "predict"))
        results, peak = driver.measure(peers, paths, options.seconds, CLOSENESS[dtype], together, mode=mode, dtype=dtype, **fields)
    return table.faster(results), peak


def share(multiply_adds, mode, seconds, peaks):
    """Percent of the peak, None without a time. peaks: GFLOP/s so far; what disturbs a measurement only lowers it."""
    if not seconds or not peaks:
        return None
    return 100 * 2 * multiply_adds * (1 if mode == "predict" else 3) / seconds / (max(peaks) * 1e9)


def cells(results, shown, ours=contestants.OURS):
    """Milliseconds of every column, then the ratio to the best peer and its name."""
    own = results[ours]
    rivals = [result for column, result in results.items() if not column.startswith("mixnet")]
    ratio, rival = table.best(own, rivals)
    return [table.time_cell(results.get(column)) for column in shown] + [f"{table.number(ratio)} {rival}".strip()]


def machine(peers, peaks):
    """One line: what this was measured on, and the versions that answered."""
    versions = ", ".join(sorted({f"{peer.name} {peer.version}" for peer in peers if peer.version}))
    cores = len(os.sched_getaffinity(0))
    peak = f", {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s float32 peak measured meanwhile" if peaks else ""
    return f"{platform.machine()}, {cores} cores{peak}. {versions}."
