"""What recomputation saves and costs: planned bytes of training and the time of a step, under every MIXNET_BACKWARD_DO_MIRROR.

python benchmarks/recomputation.py [batch] [net ...]; times only with MIXNET_BENCH_STEPS=n, medians of n steps that take turns, as
ratios to the step that recomputes nothing.
"""

import os
import statistics
import sys
import time

import nets

import mixnet as mx

MODES = ("0", "1", "sqrt")
SIZE = 224


def bind(net, batch, mode):
    os.environ["MIXNET_BACKWARD_DO_MIRROR"] = mode
    executor = net.simple_bind(mx.cpu(), data=(batch, 3, SIZE, SIZE), softmax_label=(batch,))
    for name, array in executor.arg_dict.items():
        array[:] = 1 if name.endswith("gamma") else mx.nd.random.uniform(-0.05, 0.05, array.shape)
    return executor


def step(executor):
    start = time.perf_counter()
    executor.forward(is_train=True)
    executor.backward()
    mx.nd.waitall()
    return time.perf_counter() - start


def step_ratios(net, batch, steps):
    executors = [bind(net, batch, mode) for mode in MODES]
    times = [[] for _ in MODES]
    for i in range(steps + 1):
        for executor, list_ in zip(executors, times):
            seconds = step(executor)
            if i:
                list_.append(seconds)
    medians = [statistics.median(list_) for list_ in times]
    return [f"{m / medians[0]:.2f}x" for m in medians]


def main():
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    names = sys.argv[2:] or list(nets.ALL)
    steps = int(os.environ.get("MIXNET_BENCH_STEPS", "0"))
    print(f"batch {batch}: MB planned for training with MIXNET_BACKWARD_DO_MIRROR={', '.join(MODES)}")
    for name in names:
        net = nets.ALL[name].make()
        planned = []
        for mode in MODES:
            os.environ["MIXNET_BACKWARD_DO_MIRROR"] = mode
            planned.append(net.memory_estimate(data=(batch, 3, SIZE, SIZE))["planned"])
        cells = " ".join(f"{p / 1e6:7.0f}" for p in planned)
        times = "  time of a step " + " ".join(step_ratios(net, batch, steps)) if steps else ""
        print(f"{name:13s}{cells}{times}")


if __name__ == "__main__":
    main()
