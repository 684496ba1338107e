"""The key-value store on one machine: large arrays against copies of memory, and many small keys; ours beside MXNet.

python benchmarks/kvstore.py [--rounds 15] [--peers ...]
Large: one key of 100 MB pushed by 1, 2 and 4 devices, and pulled. Bandwidth counts bytes read and written: 100 MB for every value that
is read and 100 MB for the sum or the copy that is written. A copy of memory is numpy's, of 100 MB, on one thread or on all cores,
whichever is faster in this run. MXNet's push of one array only keeps that array, so its time there is no copy's. Small: 1,000 keys of
16 floats; a key operation is a push or a pull of one key, waiting included. All sides take turns; medians over the rounds.
"""

import argparse
import os
import statistics

import contestants
import driver
import table

SIZE, KEYS = 25_000_000, 1000
LARGE = [("push, 1 array", "push", 1), ("push, 2 arrays", "push", 2), ("push, 4 arrays", "push", 4), ("pull", "pull", 1)]
SMALL = [("lists of keys", "lists"), ("key by key", "one_by_one")]


def questions():
    """{row: what a side is asked}."""
    rows = {row: {"do": "large", "size": SIZE, "devices": devices, "what": what} for row, what, devices in LARGE}
    rows.update({row: {"do": "small", "count": KEYS, "how": how} for row, how in SMALL})
    return rows


def measure(peers, rounds):
    """{(column, row): seconds, or why there are none}; copies are the first peer's."""
    times, reasons = {}, {}
    for k in range(rounds + 1):
        asked = [(peer, row, question) for row, question in questions().items() for peer in peers]
        asked += [(peers[0], f"copy {n}", {"do": "copy", "size": SIZE, "threads": n}) for n in sorted({1, os.cpu_count()})]
        for peer, row, question in asked:
            if (peer.column, row) in reasons:
                continue
            try:
                seconds = peer.ask(**question)["seconds"]
            except driver.PeerError as error:
                reasons[peer.column, row] = str(error)
                continue
            if k > 0:  # the first round makes arrays and starts threads
                times.setdefault((peer.column, row), []).append(seconds)
    return {**{key: statistics.median(values) for key, values in times.items()}, **reasons}


def speed(seconds, amount, form):
    return seconds if isinstance(seconds, str) else form.format(amount / seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--peers", nargs="*", default=["MXNet 1.9.1"], choices=["MXNet 1.9.1"])
    options = parser.parse_args()
    peers = contestants.stores(options.peers)
    columns = [peer.column for peer in peers]
    results = measure(peers, options.rounds)
    for peer in peers:
        peer.stop()
    array = SIZE * 4
    copy = max(2 * array / seconds for (_, row), seconds in results.items() if row.startswith("copy"))

    out = table.Table("kvstore", "The store on one machine", ["what", "unit", *columns, "copy of memory", "ours of copy"])
    for row, what, devices in LARGE:
        moved = (devices + 1 if what == "push" else 2) * array
        cells = [speed(results[column, row], moved / 1e9, "{:.2f}") for column in columns]
        share = speed(results[columns[0], row], moved / copy * 100, "{:.0f} %")
        out.add([row, "GB/s", *cells, f"{copy / 1e9:.2f}", share])
    for row, _ in SMALL:
        out.add([row, "key operations/s", *(speed(results[column, row], 2 * KEYS, "{:,.0f}") for column in columns), "", ""])
    copies = ", ".join(f"{row[5:]} threads {2 * array / s / 1e9:.2f} GB/s" for (_, row), s in results.items() if row.startswith("copy"))
    versions = ", ".join(f"{peer.column} {peer.version}" for peer in peers)
    out.note(f"{options.rounds} rounds, {os.cpu_count()} cores. Copies of memory: {copies}. {versions}.")
    out.save()


if __name__ == "__main__":
    main()
