"""The simulator against the store: step times of 1, 2 and 4 worker processes beside what it predicts for this machine.

python benchmarks/simulate_check.py [--compute 0.15 0.6] [--modes dist_sync dist_async] [--workers 1 2 4]
Computing is replaced by waits of the recorded length, since the processes share this machine's processors; keys, pushes and pulls are real, through
a scheduler and two servers on the loopback. What the simulator is told is measured in the same run, in turns with the steps and with other keys:
the rate of all traffic when all workers push and pull large keys, the time that small messages take of the processors that all share, and the time
for one number there and back.
Exits with 1 when a prediction is off by more than 15 %. On a machine that others use too, every message waits for them: such runs say nothing.
"""

import argparse
import math
import os
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


def measured(trace, store, workers, options):
    """Of the real group: what each worker measured, averaged."""
    path = HERE / "results" / "simulate_check.json"
    path.parent.mkdir(exist_ok=True)
    trace.save(path)
    command = [WORKER, "--store", store, "--trace", str(path), "--rounds", str(options.rounds), "--steps", str(options.steps)]
    found = processes.run(command, workers, SERVERS)
    return {name: float(np.mean([line[name] for line in found])) for name in found[0]}


def predicted(trace, store, workers, found):
    """The step on a machine with the rates that were found."""
    free = {"bandwidth": math.inf, "sum_rate": math.inf, "update_rate": math.inf, "request_cost": 0.0}
    shared = 2 * workers * found["bytes"] / found["large"]
    cost = found["small"] / (2 * found["keys"] * workers * os.cpu_count())
    cluster = Cluster(workers, SERVERS, shared=shared, shared_cost=cost, latency=found["one"] / 4, staleness=STALENESS[store], **free)
    return simulate(trace, cluster).step_time, f"{shared / 1e9:.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compute", type=float, nargs="+", default=[0.15, 0.6], help="seconds of a step without waiting")
    parser.add_argument("--modes", nargs="+", default=["dist_sync", "dist_async"], choices=list(STALENESS))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=6, help="in each round")
    options = parser.parse_args()
    net = Trace.load(TRACE)
    net.steps[1:] = []  # the median over steps that differ would be one of them
    caption = f"Predicted and real step times: {net.model}, {net.bytes / 1e6:.0f} MB in {len(net.names)} keys, {SERVERS} servers"
    out = table.Table("simulate_check", caption, ["store", "compute, ms", "workers", "loopback, GB/s", "real, ms", "predicted, ms", "difference"])
    worst = 0.0
    for store in options.modes:
        for compute in options.compute:
            trace = net.scaled(compute)
            for workers in options.workers:
                found = measured(trace, store, workers, options)
                real, (step, rate) = found["step"], predicted(trace, store, workers, found)
                worst = max(worst, abs(step / real - 1))
                out.add([store, f"{1000 * compute:.0f}", workers, rate, f"{1000 * real:.0f}", f"{1000 * step:.0f}", f"{100 * (step / real - 1):+.0f} %"])
    out.note(f"The largest difference is {100 * worst:.0f} %.")
    out.save()
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
