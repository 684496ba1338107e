"""The machine's float32 peak, from the program peak_bench, so that a row can report percent of peak from its own run."""

import pathlib
import subprocess

BUILD = pathlib.Path(__file__).resolve().parents[1] / "build"


def program():
    """The newest peak_bench that was built."""
    found = sorted(BUILD.glob("*/peak_bench"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise FileNotFoundError(f"[peak] {BUILD}/*/peak_bench: expected the benchmarks to be built (make build)")
    return found[-1]


def measure(seconds=0.1):
    """GFLOP/s of all cores now."""
    return float(subprocess.run([program(), str(seconds)], check=True, capture_output=True, text=True).stdout.split()[-1])
