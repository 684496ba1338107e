"""One worker of simulate_check.py: steps of a trace with waits in the place of computing, keys of the right size through a real store.

In turns with the steps: what the machine's loopback and the servers do with large keys and with small ones, so that both see the same machine.
"""

import argparse
import json
import os
import pathlib
import time

import mixnet as mx
import numpy as np
from mixnet.simulate import Trace

WARM = 2
LARGE, SMALL = (12, 1 << 20), 16  # keys, numbers in each; numbers in each of as many keys as the trace has


def wait_until(moment):
    """To a few microseconds; the last stretch is short, as others need the processor."""
    left = moment - time.perf_counter()
    if left > 0:
        time.sleep(left)


def group_processes():
    """Folders of the group's processes, which have one parent."""
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rpartition(")")[2].split()[1]) == os.getppid():
                found.append(status.parent)
        except OSError:
            continue  # ended meanwhile
    return found


def processor_seconds(processes):
    """Of all their threads."""
    return sum(int(task.read_text().split()[0]) for process in processes for task in process.glob("task/*/schedstat")) / 1e9


class Keys:
    """Gradients and weights of so many numbers in a store."""

    def __init__(self, store, sizes):
        self.store, self.names = store, list(sizes)
        self.gradients = [mx.nd.ones((count,)) for count in sizes.values()]
        self.weights = [mx.nd.zeros((count,)) for count in sizes.values()]
        for name, weight in zip(self.names, self.weights):
            store.init(name, weight)
        mx.nd.waitall()

    def push(self, place):
        self.store.push(self.names[place], self.gradients[place], priority=-place)

    def pull(self, place):
        self.store.pull(self.names[place], self.weights[place], priority=-place)

    def all(self, *actions):
        """Seconds until each key has had these actions."""
        mx.nd.waitall()
        self.store.barrier()
        started = time.perf_counter()
        for place in range(len(self.names)):
            for action in actions:
                action(place)
        mx.nd.waitall()
        return time.perf_counter() - started

    def processors(self, processes, step, steps):
        """Seconds of processors that a step of all workers takes."""
        mx.nd.waitall()
        self.store.barrier()
        before = processor_seconds(processes)
        for _ in range(steps):
            one_step(self, step)
        mx.nd.waitall()
        self.store.barrier()
        return (processor_seconds(processes) - before) / steps


def run(store, trace, rounds, steps):
    """Medians of seconds: a step, all large keys there and back, of processors for a step on small keys, one number alone; each round measures all."""
    large = Keys(store, {f"large{i}": LARGE[1] for i in range(LARGE[0])})
    small = Keys(store, {f"small {name}": SMALL for name in trace.names})
    one = Keys(store, {"one": 1})
    keys = Keys(store, {name: size // 4 for name, size in zip(trace.names, trace.sizes)})
    processes = group_processes()
    found = {"step": [], "large": [], "small": [], "one": []}
    for _ in range(rounds):
        for name, which in (("large", large), ("one", one)):
            found[name].append(which.all(which.push, which.pull))
        found["small"].append(small.processors(processes, trace.steps[0], 2))
        store.barrier()
        ends = []
        for number in range(WARM + steps):
            one_step(keys, trace.steps[number % len(trace.steps)])
            ends.append(time.perf_counter())
        found["step"] += np.diff(ends[WARM - 1 :]).tolist()
    return {**{name: float(np.median(times)) for name, times in found.items()}, "bytes": 4 * LARGE[0] * LARGE[1], "keys": len(trace.names)}


def one_step(keys, step):
    """Waits for weights where they are needed and for the time computing would take; pushes gradients when they would be ready."""
    base = time.perf_counter()
    for place in sorted(range(len(step.need)), key=step.need.__getitem__):
        wait_until(base + step.need[place])
        arrived = time.perf_counter()
        keys.weights[place].wait_to_read()
        base += time.perf_counter() - arrived  # not what a sleep was too long
    for place in sorted(range(len(step.ready)), key=lambda k: (step.ready[k], k)):
        wait_until(base + step.ready[place])
        keys.push(place)
        keys.pull(place)
    wait_until(base + step.compute)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="dist_sync")
    parser.add_argument("--trace", required=True)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    store = mx.kv.create(options.store)
    store.set_optimizer(mx.optimizer.create("sgd", learning_rate=0.01))
    found = run(store, Trace.load(options.trace), options.rounds, options.steps)
    store.barrier()
    print(json.dumps({"rank": store.rank, **found}), flush=True)


if __name__ == "__main__":
    main()
