"""Figure 8 of the paper on this machine: nets on Fashion-MNIST by 1, 2 and 4 worker processes, accuracy over passes and over time.

python benchmarks/figure8.py [--nets ResNet Inception-BN] [--passes 6] [--images 12000]
The nets, then a smooth net without BatchNorm by one process without a store and by 1, 2 and 4 with dist_sync, the same total batch: the largest difference of
their weights after 40 steps. The processes share this machine's processors, so the time of a pass is that of one machine whatever their number;
"own machines" is what the simulator makes of the step of the one process on machines as fast as this one at 10 Gb/s.
"""

import argparse
import os
import pathlib
import tempfile

import numpy as np
import processes
import table

BATCH = 120
WAYS = [  # (label, store, workers)
    ("one process", "none", 1),
    ("sync, 1 worker", "dist_sync", 1),
    ("sync, 2 workers", "dist_sync", 2),
    ("sync, 4 workers", "dist_sync", 4),
    ("async, 4 workers", "dist_async", 4),
    ("2 rounds ahead, 4 workers", "dist_async:2", 4),
]
WORKER = str(pathlib.Path(__file__).resolve().parent / "figure8_worker.py")


def train(net, store, workers, options, **more):
    """What rank 0 reports."""
    arguments = {"net": net, "store": store, "batch": BATCH, "passes": options.passes, "images": options.images, "rate": options.rate, **more}
    command = [WORKER, *(text for name, value in arguments.items() for text in (f"--{name}", str(value)))]
    if store == "none":
        return processes.run_alone(command)
    return next(line for line in processes.run(command, workers, servers=2) if line["rank"] == 0)


def sync_difference(options):
    """{workers: largest difference of a weight from the one process's, divided by the largest weight} after two passes."""
    from mixnet import nd

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for label, store, workers in WAYS[:4]:
            path = os.path.join(folder, f"{label}.params")
            train("plain", store, workers, options, passes=2, images=2400, rate=0.05, weights=path)
            weights = {name: array.asnumpy() for name, array in nd.load(path).items()}
            if store == "none":
                alone = weights
                continue
            largest = max(float(np.abs(value).max()) for value in alone.values())
            found[workers] = max(float(np.abs(weights[name] - alone[name]).max()) for name in alone) / largest
    return found


def own_machines(net, options, store, workers):
    """Predicted seconds of a pass."""
    import math

    import mixnet as mx
    import small_nets
    from mixnet.simulate import Cluster, record, simulate

    part = BATCH // workers
    module = mx.mod.Module(small_nets.ALL[net]())
    module.bind([("data", (part, 1, 28, 28))], [("softmax_label", (part,))])
    module.init_params(mx.init.Xavier())
    trace = record(module, mx.io.DataBatch([mx.nd.ones((part, 1, 28, 28))], [mx.nd.zeros((part,))]), steps=5)
    trace.steps[:] = [min(trace.steps, key=lambda step: step.compute)]
    steps = options.images // BATCH
    if store == "none":
        return steps * trace.compute
    staleness = {"dist_sync": 0, "dist_async": math.inf, "dist_async:2": 2}[store]
    return steps * simulate(trace, Cluster(workers=workers, servers=2, staleness=staleness)).step_time


def curves(results, passes):
    """results/figure8.png: accuracy over passes and over time, a row per net."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6 * len(results)), dpi=110, layout="constrained")
    rows = figure.subplots(len(results), 2, squeeze=False)
    for (net, found), (left, right) in zip(results.items(), rows):
        for label, line in found.items():
            percent = [100 * value for value in line["accuracy"]]
            left.plot(range(1, passes + 1), percent, marker="o", markersize=3, label=label)
            right.plot(np.cumsum(line["seconds"]), percent, marker="o", markersize=3, label=label)
        left.set(xlabel="passes over the data", ylabel="test accuracy, per cent", title=net)
        right.set(xlabel="seconds, all processes on this machine", title=net)
        left.legend(fontsize=8)
        for axes in (left, right):
            axes.grid(alpha=0.3)
    table.FOLDER.mkdir(exist_ok=True)
    figure.savefig(table.FOLDER / "figure8.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", nargs="+", default=["ResNet", "Inception-BN"])
    parser.add_argument("--passes", type=int, default=6)
    parser.add_argument("--images", type=int, default=12000)
    parser.add_argument("--rate", type=float, default=0.1)
    options = parser.parse_args()
    caption = f"Figure 8: test accuracy on Fashion-MNIST, {options.images} images, batch {BATCH} of all workers, 2 servers"
    columns = ["net", "way", *(f"pass {n + 1}" for n in range(options.passes)), "s/pass here", "s/pass on own machines"]
    out = table.Table("figure8", caption, columns)
    results = {}
    for net in options.nets:
        results[net] = {}
        for label, store, workers in WAYS:
            line = results[net][label] = train(net, store, workers, options)
            cells = [f"{100 * value:.1f} %" for value in line["accuracy"]]
            predicted = own_machines(net, options, store, workers)
            out.add([net, label, *cells, f"{np.median(line['seconds']):.2f}", f"{predicted:.2f}"])
    for workers, difference in sync_difference(options).items():
        out.note(f"A smooth net without BatchNorm, sync, {workers} workers, 40 steps: weights differ from one process's by {difference:.1e} of the largest.")
    out.save()
    curves(results, options.passes)


if __name__ == "__main__":
    main()
