"""The command line: `mixnet profile script.py` or `python -m mixnet profile script.py`."""

import argparse
import pathlib
import runpy
import sys

from . import profiler, waitall
from .base import MXNetError


def run_script(script, arguments):
    """Runs a Python file as the main program."""
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(pathlib.Path(script).resolve().parent))
    runpy.run_path(script, run_name="__main__")


def profile(options):
    """Runs the script under the profiler; the table and the trace are written however it ends."""
    script = pathlib.Path(options.script)
    if not script.is_file():
        sys.exit(f"[profile] script: expected a Python file, got {script}")
    out = pathlib.Path(options.out).absolute()
    profiler.set_config(profile_all=True, filename=str(out))
    profiler.set_state("run")
    error = None
    try:
        run_script(options.script, options.arguments)
    finally:
        try:
            waitall()
        except MXNetError as late:
            error = late
        profiler.set_state("stop")
        print(profiler.dumps(sort_by=options.sort_by), flush=True)
        profiler._write(out)
        print(f"trace: {out}", flush=True)
    if error is not None:
        raise error


def main(arguments=None):
    """Entry point of the command `mixnet`."""
    parser = argparse.ArgumentParser(prog="mixnet", description="mixnet's command line.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("profile", help="run a Python script, print where time and memory went, write a trace")
    command.add_argument("--out", default="profile.json", help="the trace, for chrome://tracing or ui.perfetto.dev (default: profile.json)")
    command.add_argument("--sort-by", default="total", choices=["total", "avg", "min", "max", "count"], help="order of the table")
    command.add_argument("script", help="the Python file")
    command.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")
    profile(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
