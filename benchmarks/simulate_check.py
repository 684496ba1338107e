"""The simulator against the store: step times of 1, 2 and 4 worker processes beside what it predicts for this machine.

python benchmarks/simulate_check.py [--compute 0.15 0.6] [--modes dist_sync dist_async] [--workers 1 2 4]
Computing is replaced by waits of the recorded length, since the processes share this machine's processors; keys, pushes and pulls are real, through
a scheduler and two servers on the loopback. What the simulator is told is measured first, with other keys: the rate at which one worker pushes
large keys, the rate of all traffic when four push and pull them, the time of a small request, and the time for one number there and back.
Exits with 1 when a prediction is off by more than 15 %.
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
SERVERS, MOST, TOLERANCE = 2, 4, 0.15
STALENESS = {"dist_sync": 0, "dist_async": math.inf, "dist_async:2": 2}


def rates(workers):
    """Of the slowest of so many workers at once."""
    found = processes.run([WORKER, "--task", "rates"], workers, SERVERS)
    return {name: max(line[name] for line in found) for name in found[0]}


def calibrate():
    """Cluster's settings for this machine, and a line that says them."""
    one, all_ = rates(1), rates(MOST)
    settings = {
        "bandwidth": one["bytes"] / one["push"],
        "server_bandwidth": math.inf,
        "shared": 2 * MOST * all_["bytes"] / all_["both"],
        "latency": one["one"] / 4,
        "request_cost": all_["small"] * SERVERS / (MOST * all_["keys"]),
        "sum_rate": math.inf,
        "update_rate": math.inf,
    }
    text = f"one worker pushes {settings['bandwidth'] / 1e9:.2f} GB/s, all traffic {settings['shared'] / 1e9:.2f} GB/s"
    return settings, f"{text}, a small request {settings['request_cost'] * 1e6:.1f} us, one number there and back {one['one'] * 1e6:.0f} us"


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
    settings, text = calibrate()
    net = Trace.load(TRACE)
    caption = f"Predicted and real step times: {net.model}, {net.bytes / 1e6:.0f} MB in {len(net.names)} keys, {SERVERS} servers; {text}"
    out = table.Table("simulate_check", caption, ["store", "compute, ms", "workers", "real, ms", "predicted, ms", "difference"])
    worst = 0.0
    for store in options.modes:
        for compute in options.compute:
            trace = net.scaled(compute)
            for workers in options.workers:
                real = measured(trace, store, workers, options.steps)
                cluster = Cluster(workers=workers, servers=SERVERS, staleness=STALENESS[store], **settings)
                predicted = simulate(trace, cluster).step_time
                worst = max(worst, abs(predicted / real - 1))
                out.add([store, f"{1000 * compute:.0f}", workers, f"{1000 * real:.0f}", f"{1000 * predicted:.0f}", f"{100 * (predicted / real - 1):+.0f} %"])
    out.note(f"The largest difference is {100 * worst:.0f} %.")
    out.save()
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
