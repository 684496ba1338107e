"""Runs the tests of kernels on a GPU under compute-sanitizer: python tools/sanitize_gpu.py [--tools memcheck racecheck] [-- doctest options].

compute-sanitizer is taken from PATH, from CUDA's folder or from Python's packages (pip install nvidia-cuda-sanitizer-api). Graphs, libraries' own kernels
and several devices are included. Exits with 1 when a tool finds something, a test fails, or it cannot run.
"""

import argparse
import os
import pathlib
import subprocess
import sys

import cuda_tool

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build" / "cuda" / "mixnet_gpu_tests"
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")


def run(program, tool, options, found):
    """Whether the program ends well under a tool of `found`; the end of what was said is shown."""
    command = [found, "--tool", tool, "--error-exitcode", "1", program, *options]
    env = {**os.environ, "MIXNET_GPU_MEM_POOL_TYPE": "Unpooled"}  # else a tool sees the pool's segments, not the blocks
    result = subprocess.run([str(part) for part in command], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(f"{tool}: {'clean' if result.returncode == 0 else f'failed, exit code {result.returncode}'}")
    print("\n".join("  " + line for line in result.stdout.splitlines()[-4 if result.returncode == 0 else -60 :]))
    return result.returncode == 0


def main(arguments=None, program=PROGRAM):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", nargs="+", default=["memcheck", "racecheck"], choices=TOOLS)
    parser.add_argument("options", nargs="*", help="for the test program, behind --")
    options = parser.parse_args(arguments)
    found = cuda_tool.find("compute-sanitizer")
    if not found or not program.exists():
        missing = "compute-sanitizer (pip install nvidia-cuda-sanitizer-api)" if not found else f"{program} (python tools/build.py cuda)"
        print(f"sanitize_gpu: expected {missing}, found none")
        return 1
    return 0 if all([run(program, tool, options.options, found) for tool in options.tools]) else 1


if __name__ == "__main__":
    sys.exit(main())
