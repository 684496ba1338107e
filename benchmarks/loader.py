"""Batches per second of DataLoaders on FashionMNIST: mixnet's (threads), PyTorch's and MXNet's (processes), with 0 and 2 workers.

FASHION_MNIST=FOLDER python benchmarks/loader.py [--peers ...] [--rounds N]
Rows: `plain` is ToTensor and Normalize, `flip` a random flip before them. An epoch is the 10,000 test pictures in batches of 128; epochs of all sides
take turns in one run. The table shows medians; a ratio is ours beside the faster setting of the peer.
"""

import argparse
import os
import statistics

import contestants
from driver import PeerError

ROWS, WORKERS = ("plain", "flip"), (0, 2)


def epochs(sides, row, rounds):
    """{side: seconds of each epoch, or why there are none}; the first epoch of a side is not counted."""
    seconds = {side: [] for side in sides}
    for number in range(rounds + 1):
        for side in list(sides):
            try:
                answer = side.ask(row)
            except PeerError as error:
                seconds[side] = str(error)
                sides = [s for s in sides if s is not side]
                continue
            if number:
                seconds[side].append(answer["seconds"] / answer["batches"])
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=["PyTorch", "MXNet 1.9.1"], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if "FASHION_MNIST" not in os.environ:
        parser.error("FASHION_MNIST: expected the folder of FashionMNIST's files, got nothing")
    sides = contestants.loaders(options.peers, WORKERS)
    print("| transforms | side | batches/s | ratio |\n|---|---|---|---|")
    for row in ROWS:
        results = epochs(sides, row, options.rounds)
        rates = {side: 1 / statistics.median(times) for side, times in results.items() if not isinstance(times, str)}
        ours = max((rate for side, rate in rates.items() if side.column == contestants.OURS), default=None)
        for side, times in results.items():
            best = max((rate for other, rate in rates.items() if other.column == side.column), default=0)
            ratio = f"{ours / best:.2f}" if side in rates and rates[side] == best and ours else ""
            print(f"| {row} | {side.name} | {rates[side]:.0f} | {ratio} |" if side in rates else f"| {row} | {side.name} | {times} | |", flush=True)
    for side in sides:
        side.stop()


if __name__ == "__main__":
    main()
