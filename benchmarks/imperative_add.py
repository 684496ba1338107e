"""Microseconds per call of an imperative addition of 1, 1,000 and 1,000,000 floats from Python, ours beside the peers.

python benchmarks/imperative_add.py [--peers ...]
One interleaved run; medians of rounds. add_bench.c is the same from C.
"""

import argparse

import contestants
import driver
import table

ROUNDS, SIZES = 15, (1, 1000, 1_000_000)
SIDES = [contestants.OURS, "PyTorch eager", "JAX", "MXNet 1.9.1 plain"]


def measure(peers, size):
    """{column: Result} of one size."""
    results = {peer.name: driver.Result(peer) for peer in peers}
    calls = 5000 if size < 10000 else 100
    for _ in range(ROUNDS):
        for peer in peers:
            result = results[peer.name]
            if result.reason:
                continue
            try:
                result.times.append(peer.ask("add", size=size, calls=calls)["seconds"])
            except driver.PeerError as error:
                result.times, result.reason = [], str(error)
    return table.faster(results.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="+", default=SIDES[1:], choices=SIDES[1:])
    peers = contestants.chosen([contestants.OURS, *parser.parse_args().peers])
    peers.insert(1, contestants.numpy_side())
    columns = [peer.column for peer in peers]
    out = table.Table("imperative-add", "Imperative addition from Python: microseconds per call", ["floats", *columns, "best peer / ours"])
    for size in SIZES:
        results = measure(peers, size)
        ratio, rival = table.best(results[contestants.OURS], [r for column, r in results.items() if column != contestants.OURS])
        cells = [results[column].reason or f"{results[column].seconds * 1e6:.2f}" for column in columns]
        out.add([f"{size:,}", *cells, f"{table.number(ratio)} {rival}".strip()])
    out.save()
    for peer in peers:
        peer.stop()


if __name__ == "__main__":
    main()
