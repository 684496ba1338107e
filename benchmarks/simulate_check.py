"""The simulator against the store: step times of 1, 2 and 4 worker processes beside what it predicts for this machine.

python benchmarks/simulate_check.py [--compute 0.15 0.6] [--modes dist_sync dist_async] [--workers 1 2 4]
Computing is replaced by waits of the recorded length, since the processes share this machine's processors; keys, pushes and pulls are real, through
a scheduler and two servers on the loopback. What the simulator is told is measured first, with other keys: for each number of workers the rate of
all traffic when they push and pull large keys, the time of a small request, and the time for one number there and back.
Exits with 1 when a prediction is off by more than 15 %. On a machine that others use too, every message waits for them: such runs say nothing.
"""

import argparse
import math
import pathlib
import sys

import numpy as np
import processes
import table

from mixnet.simulate import Cluster, Trace, simulate

HERE = pathlib.Path(__file__).resolve().parent
WORKER, TRACE = str(HERE / "simulate_check_worker.py"), HERE / "traces" / "inception_bn.json"
SERVERS, TOLERANCE = 2, 0.15
STALENESS = {"dist_sync": 0, "dist_async": math.inf, "dist_async:2": 2}


def rates(workers):
    """Of the slowest of so many workers at once."""
    found = processes.run([WORKER, "--task", "rates"], workers, SERVERS)
    return {name: max(line[name] for line in found) for name in found[0]}


def calibrate(workers):
    """Cluster's settings for so many workers on this machine, and what they say in words."""
    found = rates(workers)
    settings = {
        "bandwidth": math.inf,
        "shared": 2 * workers * found["bytes"] / found["both"],
        "latency": found["one"] / 4,
        "request_cost": found["small"] * SERVERS / (workers * found["keys"]),
        "sum_rate": math.inf,
        "update_rate": math.inf,
    }
    small, one = settings["request_cost"] * 1e6, found["one"] * 1e6
    return settings, f"{workers} at once: {settings['shared'] / 1e9:.2f} GB/s, {small:.0f} us for a small request, {one:.0f} us for one number there and back"


def measured(trace, store, workers, steps):
    """Seconds of a step: the median over the steps, the mean over the workers."""
    path = HERE / "results" / "simulate_check.json"
    path.parent.mkdir(exist_ok=True)
    trace.save(path)
    found = processes.run([WORKER, "--task", "steps", "--store", store, "--trace", str(path), "--steps", str(steps)], workers, SERVERS)
    return float(np.mean([np.median(line["steps"]) for line in found]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compute", type=float, nargs="+", default=[0.15, 0.6], help="seconds of a step without waiting")
    parser.add_argument("--modes", nargs="+", default=["dist_sync", "dist_async"], choices=list(STALENESS))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    settings, words = {}, []
    for workers in options.workers:
        settings[workers], text = calibrate(workers)
        words.append(text)
    net = Trace.load(TRACE)
    caption = f"Predicted and real step times: {net.model}, {net.bytes / 1e6:.0f} MB in {len(net.names)} keys, {SERVERS} servers"
    out = table.Table("simulate_check", caption, ["store", "compute, ms", "workers", "real, ms", "predicted, ms", "difference"])
    worst = 0.0
    for store in options.modes:
        for compute in options.compute:
            trace = net.scaled(compute)
            for workers in options.workers:
                real = measured(trace, store, workers, options.steps)
                cluster = Cluster(workers=workers, servers=SERVERS, staleness=STALENESS[store], **settings[workers])
                predicted = simulate(trace, cluster).step_time
                worst = max(worst, abs(predicted / real - 1))
                out.add([store, f"{1000 * compute:.0f}", workers, f"{1000 * real:.0f}", f"{1000 * predicted:.0f}", f"{100 * (predicted / real - 1):+.0f} %"])
    out.note("Loopback: " + "; ".join(words) + ".")
    out.note(f"The largest difference is {100 * worst:.0f} %.")
    out.save()
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
