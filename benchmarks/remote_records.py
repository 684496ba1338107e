"""Reading a file of records from a web server on loopback, beside the command curl, in turns; and with a distance: so many milliseconds per request.

    python benchmarks/remote_records.py [--megabytes 300] [--rounds 5] [--distance 20]

The server is the tests' (tests/python/range_server.py), in a process of its own, with the file in memory. curl takes the file with one request and throws
it away: the rate of the server. mixnet gives every record as bytes. At a distance the same is read without reading ahead, too.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from mixnet import recordio

ROOT = pathlib.Path(__file__).resolve().parents[1]
SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from range_server import RangeServer
late = float(sys.argv[3])
with RangeServer({"a.rec": open(sys.argv[2], "rb").read()}, fault=lambda number, path, part: late or None) as server:
    print(server.url("a.rec"), flush=True)
    sys.stdin.read()
"""
RECORD = 60000  # bytes, as of a small picture


def write_file(path, megabytes):
    with recordio.MXRecordIO(path, "w") as file:
        for number in range(int(megabytes * 1e6 / RECORD)):
            file.write(number.to_bytes(4, "little") + os.urandom(RECORD - 4))


def by_curl(url):
    subprocess.run(["curl", "--silent", "--fail", "--output", os.devnull, url], check=True)


def by_mixnet(url, ahead="16777216"):
    os.environ["MIXNET_IO_AHEAD_BYTES"] = ahead
    with recordio.MXRecordIO(url, "r") as file:
        assert all(int.from_bytes(record[:4], "little") == number for number, record in enumerate(file))


def rates(path, late_s, sides, rounds):
    """{side: median MB/s}, all sides in every round."""
    arguments = [sys.executable, "-c", SERVER, str(ROOT / "tests" / "python"), path, str(late_s)]
    server = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url, found = server.stdout.readline().strip(), {name: [] for name in sides}
    try:
        for _ in range(rounds):
            for name, read in sides.items():
                begin = time.perf_counter()
                read(url)
                found[name].append(os.path.getsize(path) / 1e6 / (time.perf_counter() - begin))
    finally:
        server.stdin.close()
        server.wait()
    return {name: statistics.median(values) for name, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--distance", type=float, default=20, help="milliseconds before each answer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "a.rec")
        write_file(path, options.megabytes)
        near = rates(path, 0.0, {"curl": by_curl, "mixnet": by_mixnet}, options.rounds)
        print(f"near: curl {near['curl']:.0f} MB/s, mixnet {near['mixnet']:.0f} MB/s, {near['mixnet'] / near['curl']:.2f}x of curl")
        sides = {"mixnet": by_mixnet, "without reading ahead": lambda url: by_mixnet(url, "0")}
        far = rates(path, options.distance / 1000, sides, min(options.rounds, 3))
        gain = far["mixnet"] / far["without reading ahead"]
        print(f"{options.distance:g} ms away: mixnet {far['mixnet']:.0f} MB/s, {gain:.2f}x of reading without looking ahead")


if __name__ == "__main__":
    main()
