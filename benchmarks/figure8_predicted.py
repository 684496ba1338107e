"""Figure 8 of the paper, predicted: Inception-BN on 10 machines from a step recorded here, and what 100 and 1,000 machines would give.

python benchmarks/figure8_predicted.py [--record]
The paper: GoogLeNet with batch normalisation on ILSVRC12 (1,281,167 images), Amazon EC2 g2.8x machines, four GPUs each with 36 images in a batch,
10 Gb/s; a pass over the data took 14K s on one machine and 1.4K s (1,422 s) on ten. The recorded step gives the shape, when gradients become
ready and weights are needed; its length is set to the paper's single machine. Servers are as many as workers. `--record` measures
traces/inception_bn.json anew, 36 images on this machine's processors; without it the one in the repository is taken.
"""

import argparse
import math
import pathlib

import table

from mixnet.simulate import Cluster, Trace, simulate

TRACE = pathlib.Path(__file__).resolve().parent / "traces" / "inception_bn.json"
IMAGES, BATCH, ONE_MACHINE, TEN_MACHINES = 1_281_167, 4 * 36, 14_000, 1_422
MACHINES = (1, 10, 100, 1000)
BANDWIDTH, PART = 1.25e9, 4 << 20
# What varies, machines that compute so many times faster, settings.
SETTINGS = [
    ("the paper's machines, sync", 1, {}),
    ("servers beside workers: half of each link", 1, {"bandwidth": BANDWIDTH / 2}),
    ("computing times vary by 10 %, sync", 1, {"straggle": "lognormal:0.1"}),
    ("the same, 3 rounds ahead at most", 1, {"straggle": "lognormal:0.1", "staleness": 3}),
    ("the same, async", 1, {"straggle": "lognormal:0.1", "staleness": math.inf}),
    ("parts of 256 KiB, sync", 1, {"part_bytes": 256 << 10}),
    ("1 Gb/s, sync", 1, {"bandwidth": BANDWIDTH / 10}),
    ("machines 20 times faster, sync", 20, {}),
    ("the same, parts of 256 KiB", 20, {"part_bytes": 256 << 10}),
]


def measure():
    """Records a step of 36 images."""
    import mixnet as mx
    import nets
    from mixnet.simulate import record

    module = mx.mod.Module(nets.inception_bn())
    module.bind([("data", nets.shape("Inception-BN", 36))], [("softmax_label", (36,))])
    module.init_params(mx.init.Xavier())
    batch = mx.io.DataBatch([mx.nd.ones(nets.shape("Inception-BN", 36))], [mx.nd.zeros((36,))])
    TRACE.parent.mkdir(exist_ok=True)
    record(module, batch, steps=2, needs="layers", model="Inception-BN").save(TRACE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="measure the step on this machine")
    if parser.parse_args().record:
        measure()
    trace = Trace.load(TRACE)
    steps = IMAGES / BATCH
    caption = f"Figure 8 predicted: {trace.model}, {trace.bytes / 1e6:.0f} MB in {len(trace.names)} keys; seconds of a pass on 10 machines, efficiency"
    out = table.Table("figure8_predicted", caption, ["setting", "10 machines, s", "speed-up", *(f"{n}: efficiency" for n in MACHINES[1:]), "staleness at 10"])
    for label, faster, settings in SETTINGS:
        found = []
        for machines in MACHINES:
            cluster = Cluster(workers=machines, servers=machines, **{"bandwidth": BANDWIDTH, "part_bytes": PART, **settings})
            found.append(simulate(trace.scaled(ONE_MACHINE / steps / faster), cluster))
        ten = found[1]
        seconds = steps / 10 * ten.step_time
        out.add([label, f"{seconds:,.0f}", f"{ten.speedup:.2f}", *(f"{100 * p.efficiency:.1f} %" for p in found[1:]), f"{ten.staleness['mean']:.1f}"])
    out.note(f"The paper: {ONE_MACHINE:,} s on one machine, {TEN_MACHINES:,} s on ten, {ONE_MACHINE / TEN_MACHINES:.2f} times as fast.")
    measured = Trace.load(TRACE)
    slow = steps * BATCH / measured.samples * measured.compute
    out.note(f"The recorded step itself: {measured.samples} images in {measured.compute:.2f} s, {slow:,.0f} s a pass on one machine as here.")
    out.save()


if __name__ == "__main__":
    main()
