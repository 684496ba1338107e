"""Milliseconds of gluon's blocks on CPUs, called and trained, ours beside MXNet 1.9.1: python benchmarks/blocks.py [--rounds N].

Both run at the same time of day, round by round; medians.
"""

import argparse
import statistics
import sys

import contestants
import driver
import table

sys.path.insert(0, str(contestants.HERE / "peers"))
import block_calls  # noqa: E402

RIVALS = ("MXNet 1.9.1 fused", "MXNet 1.9.1 plain")


def measure(sides, net, kind, rounds):
    """[seconds or why there are none] of the sides."""
    times = [[] for _ in sides]
    for _ in range(rounds):
        for side, own in zip(sides, times):
            try:
                own.extend(side.ask("block", net=net, kind=kind)["seconds"])
            except driver.PeerError as error:
                return [str(error) if other is side else None for other in sides]
    return [statistics.median(own) for own in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    sides = contestants.chosen([contestants.OURS, *RIVALS])
    out = table.Table("blocks", "Gluon's blocks on CPUs: milliseconds", ["net", "what", contestants.OURS, "MXNet 1.9.1", "MXNet / ours"])
    for net, kind in block_calls.names():
        ours, *theirs = measure(sides, net, kind, options.rounds)
        known = [value for value in theirs if isinstance(value, float)]
        best = min(known) if known else None
        ratio = best / ours if best and isinstance(ours, float) else None
        show = [f"{value * 1e3:.3g}" if isinstance(value, float) else value or table.MISSING for value in (ours, best)]
        out.add([net, kind, *show, table.number(ratio)])
    out.save()
    for side in sides:
        side.stop()


if __name__ == "__main__":
    main()
