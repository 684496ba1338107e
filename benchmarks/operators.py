"""Milliseconds of single operators on CPUs, ours beside MXNet 1.9.1: python benchmarks/operators.py [NAME ...] [--rounds N].

Every operator runs in both at the same time of day, round by round; medians. The table begins with those where we do worst: what is much slower than the
copy of its arrays is worth a look.
"""

import argparse
import statistics
import sys

import contestants
import driver
import table

sys.path.insert(0, str(contestants.HERE / "peers"))
import operator_calls  # noqa: E402

RIVAL = "MXNet 1.9.1 plain"


def measure(sides, name, gradient, rounds):
    """[seconds or why there are none] of the sides."""
    times = [[] for _ in sides]
    for _ in range(rounds):
        for side, own in zip(sides, times):
            try:
                own.extend(side.ask("operator", name=name, gradient=gradient)["seconds"])
            except driver.PeerError as error:
                return [str(error) if other is side else None for other in sides]
    return [statistics.median(own) for own in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of benchmarks/peers/operator_calls.py; all of them if none is given")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    wanted = [row for row in operator_calls.names() if not options.names or row[0] in options.names]
    if not wanted:
        parser.error(f"expected names such as {', '.join(list(operator_calls.LAYERS)[:5])}, got {' '.join(options.names)}")
    sides = contestants.chosen([contestants.OURS, RIVAL])
    rows = []
    for name, gradient in wanted:
        ours, theirs = measure(sides, name, gradient, options.rounds)
        ratio = theirs / ours if isinstance(ours, float) and isinstance(theirs, float) else None
        rows.append((ratio if ratio is not None else float("inf"), name + (", with its gradient" if gradient else ""), ours, theirs, ratio))
    out = table.Table("operators", "Operators on CPUs: milliseconds", ["operator", *(side.column for side in sides), f"{RIVAL} / ours"])
    for _, name, *times, ratio in sorted(rows, key=lambda row: row[:2]):
        out.add([name, *(f"{t * 1e3:.3g}" if isinstance(t, float) else t or table.MISSING for t in times), table.number(ratio)])
    out.save()
    for side in sides:
        side.stop()


if __name__ == "__main__":
    main()
