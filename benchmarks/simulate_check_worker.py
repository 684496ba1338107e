"""One worker of simulate_check.py: steps of a trace with waits in the place of computing, keys of the right size through a real store.

--task steps: seconds of each step. --task rates: what the machine's loopback and the servers do with large keys and with small ones.
"""

import argparse
import json
import time

import mixnet as mx
import numpy as np
from mixnet.simulate import Trace

WARM = 3
LARGE, SMALL = (24, 1 << 20), (500, 16)  # keys, numbers in each


def wait_until(moment):
    """To a few microseconds; the last stretch is short, as others need the processor."""
    left = moment - time.perf_counter()
    if left > 0:
        time.sleep(left)


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


def run_steps(store, options):
    """Seconds of each step after the first few."""
    trace = Trace.load(options.trace)
    keys = Keys(store, {name: size // 4 for name, size in zip(trace.names, trace.sizes)})
    store.barrier()
    ends = []
    for number in range(options.steps + WARM):
        one_step(keys, trace.steps[number % len(trace.steps)])
        ends.append(time.perf_counter())
    return {"steps": np.diff(ends[WARM - 1 :]).tolist()}


def one_step(keys, step):
    """Waits for weights where they are needed and for the time computing would take; pushes gradients when they would be ready."""
    base = time.perf_counter()
    for place in sorted(range(len(step.need)), key=step.need.__getitem__):
        wait_until(base + step.need[place])
        keys.weights[place].wait_to_read()
        base = max(base, time.perf_counter() - step.need[place])
    for place in sorted(range(len(step.ready)), key=lambda k: (step.ready[k], k)):
        wait_until(base + step.ready[place])
        keys.push(place)
        keys.pull(place)
    wait_until(base + step.compute)


def measure_rates(store):
    """Medians of seconds: pushes, pulls, both, of the large keys together; both of the small ones; both of one number alone."""
    large, small = (Keys(store, {f"{kind}{i}": count for i in range(keys)}) for kind, (keys, count) in (("large", LARGE), ("small", SMALL)))
    one = Keys(store, {"one": 1})
    actions = {"push": (large, large.push), "pull": (large, large.pull), "both": (large, large.push, large.pull)}
    actions.update(small=(small, small.push, small.pull), one=(one, one.push, one.pull))
    found = {name: float(np.median([keys.all(*what) for _ in range(7)])) for name, (keys, *what) in actions.items()}
    return {**found, "bytes": 4 * LARGE[0] * LARGE[1], "keys": SMALL[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=["steps", "rates"], required=True)
    parser.add_argument("--store", default="dist_sync")
    parser.add_argument("--trace")
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    store = mx.kv.create(options.store)
    store.set_optimizer(mx.optimizer.create("sgd", learning_rate=0.01))
    store.barrier()
    found = measure_rates(store) if options.task == "rates" else run_steps(store, options)
    store.barrier()
    print(json.dumps({"rank": store.rank, **found}), flush=True)


if __name__ == "__main__":
    main()
