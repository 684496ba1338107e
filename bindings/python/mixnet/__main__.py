"""The command line, `mixnet` or `python -m mixnet`: `mixnet profile script.py`, `mixnet pack model-symbol.json model-0000.params`,
`mixnet launch -n 4 -s 2 python train.py`, `mixnet serve`, `mixnet simulate trace.json`, `mixnet convert caffe net.prototxt net.caffemodel net`,
`mixnet im2rec train photos/`."""

import argparse
import pathlib
import runpy
import sys

from . import convert, im2rec, launch, ndarray, profiler, symbol, waitall
from .base import MXNetError
from .predictor import pack
from .simulate import command as simulation


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


def pack_files(options):
    """Writes a packed model; text that is no symbol and bytes that are no parameters are refused before anything is written."""
    out = options.out or options.symbol.removesuffix("-symbol.json") + ".mixnet"
    try:
        symbol.load(options.symbol)
        ndarray.load(options.params)
        pack(pathlib.Path(options.symbol), options.params, out)
    except (MXNetError, OSError) as error:
        sys.exit(str(error) if isinstance(error, MXNetError) else f"[pack] {error.filename}: {error.strerror}")
    print(f"{out}: {pathlib.Path(out).stat().st_size} bytes")


def main(arguments=None):
    """Entry point of the command `mixnet`."""
    parser = argparse.ArgumentParser(prog="mixnet", description="mixnet's command line.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("profile", help="run a Python script, print where time and memory went, write a trace")
    command.add_argument("--out", default="profile.json", help="the trace, for chrome://tracing or ui.perfetto.dev (default: profile.json)")
    command.add_argument("--sort-by", default="total", choices=["total", "avg", "min", "max", "count"], help="order of the table")
    command.add_argument("script", help="the Python file")
    command.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")
    command.set_defaults(run=profile)
    command = commands.add_parser("pack", help="write a symbol and its parameters as one file for the predictor")
    command.add_argument("-o", "--out", help="the file to write (default: NAME.mixnet)")
    command.add_argument("symbol", help="NAME-symbol.json")
    command.add_argument("params", help="NAME-0000.params")
    command.set_defaults(run=pack_files)
    launch.add_commands(commands)
    simulation.add_to(commands)
    convert.add_to(commands)
    im2rec.add_to(commands)
    options = parser.parse_args(arguments)
    options.run(options)


if __name__ == "__main__":
    main()
