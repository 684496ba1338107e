"""Bytes of inner values for the classic nets: planned, naive (a buffer for every value) and the lower bound (most alive at once).

python benchmarks/memory_plans.py [batch]; MB are 10^6 bytes. Workspace of the kernels counts.
"""

import sys

import nets


def main():
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    print(f"batch {batch}: planned / naive / lower bound, MB; ratio naive : planned")
    for name, make in nets.ALL.items():
        net = make()
        cells = []
        for training in (True, False):
            m = net.memory_estimate(training=training, data=(batch, 3, 224, 224))
            cells.append(f"{m['planned'] / 1e6:7.0f} / {m['naive'] / 1e6:7.0f} / {m['lower_bound'] / 1e6:7.0f}  {m['naive'] / m['planned']:4.1f}x")
        print(f"{name:13s} training {cells[0]}   prediction {cells[1]}")


if __name__ == "__main__":
    main()
