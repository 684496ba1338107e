"""What overlap.py could measure at best: when a net's gradients are there and its weights needed, and the step that a perfect store makes of it.

    MIXNET_PLAN_SEGMENTS=1000 python benchmarks/overlap_bound.py [--net GoogLeNet] [--batch 8] [--ratios 0.5 1 2]

A step is recorded here (mixnet.simulate, layer by layer), then computed and communicated in small slices of time: the link carries, of what is ready,
always the most urgent bytes, pushes and answers sharing its rate, without latency. "By urgency" is first layers first, "in order" is as gradients
come. Run it on a quiet machine: times between layers are what counts.
"""

import argparse
import heapq

import mixnet as mx
import nets
import table

SLICES, STEPS = 4000, 8


def record(name, batch):
    mx.random.seed(1)
    shape = nets.shape(name, batch)
    module = mx.mod.Module(nets.ALL[name].make())
    module.bind([mx.io.DataDesc("data", shape)], [mx.io.DataDesc("softmax_label", (batch,))])
    module.init_params(mx.init.Xavier())
    data = mx.io.DataBatch([mx.nd.random.uniform(shape=shape)], [mx.nd.zeros((batch,))])
    return mx.simulate.record(module, data, steps=3, needs="layers", model=name)


def best_step(step, sizes, ratio, by_urgency):
    """Seconds of a step when all bytes both ways take `ratio` times its computation."""
    keys = range(len(sizes))
    need, ready = sorted(keys, key=lambda k: step.need[k]), sorted(keys, key=lambda k: step.ready[k])
    slice_s = step.compute / SLICES
    budget = 2 * sum(sizes) / (ratio * step.compute) * slice_s
    left, queue, ends = [0.0] * len(sizes), [], []
    at = needed = given = slices = 0
    while len(ends) < STEPS:
        while needed < len(need) and step.need[need[needed]] <= at * slice_s and not left[need[needed]]:
            needed += 1
        if needed == len(need) or step.need[need[needed]] > at * slice_s:
            at += 1
        while needed == len(need) and given < len(ready) and step.ready[ready[given]] <= at * slice_s:
            key = ready[given]
            left[key] = 2.0 * sizes[key]
            heapq.heappush(queue, (key if by_urgency else slices, key))
            given += 1
        room = budget
        while room > 0 and queue:
            key = queue[0][1]
            carried = min(room, left[key])
            room, left[key] = room - carried, left[key] - carried
            if not left[key]:
                heapq.heappop(queue)
        slices += 1
        if at >= SLICES and given == len(ready):
            ends.append(slices)
            at = needed = given = 0
    return (ends[-1] - ends[1]) / (len(ends) - 2) * slice_s


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", default="GoogLeNet")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.5, 1, 2])
    options = parser.parse_args()
    trace = record(options.net, options.batch)
    step = min(trace.steps, key=lambda step: step.compute)
    out = table.Table("overlap_bound", f"{options.net}, batch {options.batch}: bytes whose gradients are there", ["part of the step", "part of the bytes"])
    for part in (0.3, 0.4, 0.5, 0.6, 0.8, 1):
        there = sum(size for size, ready in zip(trace.sizes, step.ready) if ready <= part * step.compute)
        out.add([f"{part:.1f}", f"{there / trace.bytes:.2f}"])
    out.note(f"{trace.bytes / 1e6:.1f} MB; the first gradient is there at {min(step.ready) / step.compute:.2f} of the step.")
    out.save()
    out = table.Table(
        "overlap_bound_steps", "The best step / the longer of computation and communication", ["communication / computation", "by urgency", "in order"]
    )
    for ratio in options.ratios:
        times = [best_step(step, trace.sizes, ratio, urgent) / (step.compute * max(1, ratio)) for urgent in (True, False)]
        out.add([f"{ratio:g}", *(f"{time:.2f}" for time in times)])
    out.save()
    return 0


if __name__ == "__main__":
    main()
