"""Microseconds per call of add on 1, 1,000 and 1,000,000 floats: ours beside numpy and, where it is installed, PyTorch.

One interleaved run; the median of rounds, and the ratio of ours to each peer.
"""

import statistics
import time

import numpy as np

import mixnet as mx

ROUNDS = 15


def peers(size):
    """{name: (function that adds, function that waits)}."""
    a, b = np.ones(size, "float32"), np.ones(size, "float32")
    x, y = mx.nd.array(a), mx.nd.array(b)
    table = {"mixnet": (lambda: x + y, mx.nd.waitall), "numpy": (lambda: a + b, lambda: None)}
    try:
        import torch
    except ImportError:
        return table
    p, q = torch.ones(size), torch.ones(size)
    table[f"torch {torch.__version__}"] = (lambda: p + q, lambda: None)
    return table


def measure(function, wait, calls):
    wait()
    started = time.perf_counter()
    for _ in range(calls):
        function()
    wait()
    return (time.perf_counter() - started) / calls * 1e6


def main():
    for size in (1, 1000, 1_000_000):
        table, calls = peers(size), 5000 if size < 10000 else 200
        times = {name: [] for name in table}
        for _ in range(ROUNDS):
            for name, (function, wait) in table.items():
                times[name].append(measure(function, wait, calls))
        medians = {name: statistics.median(values) for name, values in times.items()}
        ours = medians.pop("mixnet")
        text = "".join(f", {name} {value:.2f} us (ours / theirs {ours / value:.2f})" for name, value in medians.items())
        print(f"add of {size:>9,} floats from Python: mixnet {ours:.2f} us{text}")


if __name__ == "__main__":
    main()
