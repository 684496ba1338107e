"""How much of the communication with a server hides behind the computation, on a link of a chosen rate.

    python benchmarks/overlap.py [--net GoogLeNet] [--batch 16] [--ratios 0.5 1 2] [--rounds 5]      (as root: it makes a network namespace)

One worker and one server in a namespace whose loopback interface is throttled (tc tbf; both directions share its rate). Measured in one process in
turns: a training step without a store, the pushes and pulls of a step without computing, and the step with the store (dist_sync, the optimizer on
the server). The worker computes on one core, so that it does not share it with the server and the network. The link's rate is chosen so that
communication takes `ratio` times the computation. Medians over the rounds.

A step is the time from one to the next in a row of them, as in training: the first ones of a row are not counted, nor is what the link still carries
after the last. A row of n steps measured as a whole would take (n + f) / n of the longer at best, f the part of a step before its first gradient,
when the link has nothing to carry yet: 1.08 for n = 4 and a third.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import processes
import table

NAME = "mixnet-overlap"


def inside(*command):
    subprocess.run(["ip", "netns", "exec", NAME, *command], check=True)


def throttle(bits):
    """The loopback interface of the namespace carries so many bits a second."""
    inside("tc", "qdisc", "replace", "dev", "lo", "root", "tbf", "rate", f"{int(bits)}bit", "burst", "512kbit", "latency", "2s")


class Training:
    """A net with random data, trained alone or with a store."""

    def __init__(self, name, batch, store):
        import mixnet as mx
        import nets

        self.mx = mx
        shape = nets.shape(name, batch)
        self.module = mx.mod.Module(nets.ALL[name].make())
        self.module.bind([mx.io.DataDesc("data", shape)], [mx.io.DataDesc("softmax_label", (batch,))])
        self.module.init_params(mx.init.Xavier())
        self.module.init_optimizer(kvstore=store, optimizer="sgd", optimizer_params={"learning_rate": 1e-4})
        self.batch = mx.io.DataBatch([mx.nd.random.uniform(shape=shape)], [mx.nd.zeros((batch,))])

    def run(self, count, warm=2):
        """Seconds from one step to the next, over `count` of them after `warm` others."""
        ends = []
        for _ in range(warm + count):
            self.module.forward_backward(self.batch)
            self.module.update()
            self.mx.engine.push(lambda: ends.append(time.perf_counter()), reads=[self.module.get_outputs()[0]])
        self.mx.nd.waitall()
        return (ends[-1] - ends[warm - 1]) / count


def communicate(mx, store, names, values, count=2):
    """Seconds that the pushes and pulls of a step take when nothing is computed."""
    begin = time.perf_counter()
    for _ in range(count):
        for index, (name, value) in enumerate(zip(names, values)):
            store.push(name, value, priority=-index)
            store.pull(name, value, priority=-index)
    mx.nd.waitall()
    return (time.perf_counter() - begin) / count


def worker(options):
    # One core computes: the other is the network's and the server's, which elsewhere have machines of their own.
    os.environ["OMP_NUM_THREADS"] = os.environ["MIXNET_CPU_NTHREADS"] = "1"
    import mixnet as mx

    mx.random.seed(1)
    alone = Training(options.net, options.batch, None)
    store = mx.kv.create("dist_sync")
    both = Training(options.net, options.batch, store)
    names = sorted(both.module.get_params()[0])
    values = [both.module.get_params()[0][name] for name in names]
    size = sum(value.size * 4 for value in values)
    compute = alone.run(4)
    both.run(1)
    results = []
    for ratio in options.ratios:
        throttle(2 * 8 * size / (ratio * compute))
        times = {"compute": [], "communicate": [], "both": []}
        for _ in range(options.rounds):
            times["compute"].append(alone.run(3, warm=1))
            times["communicate"].append(communicate(mx, store, names, values))
            times["both"].append(both.run(6))
        results.append({name: statistics.median(values) for name, values in times.items()})
    print(json.dumps([size, results]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", default="GoogLeNet")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.5, 1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return worker(options)
    if os.environ.get("MIXNET_OVERLAP_INSIDE") != "1":
        subprocess.run(["ip", "netns", "add", NAME], check=True)
        try:
            inside("ip", "link", "set", "lo", "up", "mtu", "9000")
            return subprocess.run(["ip", "netns", "exec", NAME, sys.executable, *sys.argv], env={**os.environ, "MIXNET_OVERLAP_INSIDE": "1"}).returncode
        finally:
            subprocess.run(["ip", "netns", "delete", NAME], check=True)
    numbers = ["--ratios", *map(str, options.ratios), "--rounds", str(options.rounds), "--net", options.net, "--batch", str(options.batch)]
    size, results = processes.run([__file__, "--worker", *numbers], workers=1)[0]
    out = table.Table(
        "overlap",
        f"{options.net}, batch {options.batch}: a step over a throttled link",
        ["computation, ms", "communication, ms", "step, ms", "step / longer of the two"],
    )
    for times in results:
        longer = max(times["compute"], times["communicate"])
        out.add([*(f"{times[name] * 1000:.0f}" for name in ("compute", "communicate", "both")), f"{times['both'] / longer:.2f}"])
    out.note(f"{size / 1e6:.1f} MB of weights pushed and pulled. Median of {options.rounds} rounds, {os.cpu_count()} cores.")
    out.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
