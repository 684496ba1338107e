"""JPEG of 500 x 375 to augmented batches of 64 x 3 x 224 x 224 floats, images a second: mixnet, Apache MXNet 1.9.1, PyTorch with OpenCV, tf.data.

python benchmarks/image_pipeline.py [--images 2000] [--threads 2] [--rounds 5] [--rows crop resized_crop]
Beside them bare decoding: libjpeg(-turbo) at full size on as many threads, files in memory, nothing else (bare_decode.c). One interleaved run: each
round every side makes one pass over all images, in another order each time. Medians of passes; the first pass of each side is not counted.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import contestants
import photos
import table
from driver import PAUSE, PeerError

HERE = pathlib.Path(__file__).resolve().parent
BARE = "bare decoding"


class Bare:
    """bare_decode as a side; compiled when first asked."""

    def __init__(self, folder):
        self._program, self._command, self._paths = pathlib.Path(folder) / "bare_decode", None, ""

    def ask(self, do, paths=(), threads=None, **_):
        if do == "open":
            self._command, self._paths = [str(self._program), str(threads)], "\n".join(paths)
            return {}
        try:
            if not self._program.exists():
                subprocess.run(["cc", "-O2", HERE / "bare_decode.c", "-ljpeg", "-lpthread", "-o", self._program], check=True, capture_output=True)
            return json.loads(subprocess.run(self._command, input=self._paths, text=True, check=True, capture_output=True).stdout)
        except (OSError, subprocess.CalledProcessError) as error:
            raise PeerError(f"cannot be compiled or run: {error}") from None

    def stop(self):
        pass


def open_sides(sides, **fields):
    """{name: [images a second]} of those that can, {name: reason} of the others. The first pass is not counted."""
    rates, reasons = {}, {}
    for name, side in sides.items():
        try:
            side.ask("open", **fields)
            side.ask("epoch")
            rates[name] = []
        except PeerError as error:
            reasons[name] = str(error)
    return rates, reasons


def measure(sides, rounds, **fields):
    """({name: median images a second}, {name: why not})."""
    rates, reasons = open_sides(sides, **fields)
    for i in range(rounds):
        names = [name for name in sides if name in rates]
        for name in names[i % len(names) :] + names[: i % len(names)]:
            time.sleep(PAUSE)
            try:
                answer = sides[name].ask("epoch")
                rates[name].append(answer["images"] / answer["seconds"])
            except PeerError as error:
                reasons[name] = str(error)
                del rates[name]
    for side in sides.values():
        side.stop()
    return {name: statistics.median(values) for name, values in rates.items()}, reasons


def run(options, prefix, sides):
    names = list(sides)
    caption = f"Images a second, JPEG {photos.WIDTH} x {photos.HEIGHT} to batches of 64, {options.threads} threads"
    out = table.Table("image_pipeline", caption, ["row", *names, "mixnet / best peer", "mixnet / bare"])
    groups = {}
    for row in options.rows:
        rates, reasons = measure(sides, options.rounds, row=row, threads=options.threads, **photos.listed(prefix))
        ours, peers = rates.get(contestants.OURS), [rate for name, rate in rates.items() if name not in (contestants.OURS, BARE)]
        to_best = ours / max(peers) if ours and peers else None
        to_bare = ours / rates[BARE] if ours and BARE in rates else None
        out.add([row, *(f"{rates[n]:.0f}" if n in rates else reasons[n] for n in names), table.number(to_best), table.number(to_bare)])
        groups[row] = rates
    out.note("Versions: " + ", ".join(f"{name} {side.version}" for name, side in sides.items() if getattr(side, "version", "")))
    out.save()
    table.bars("image_pipeline", caption, "images a second", groups)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", nargs="+", default=["crop", "resized_crop"], choices=["crop", "resized_crop"])
    parser.add_argument("--folder", help="keeps the pictures there for the next run (default: they are made anew)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prefix = photos.make(options.folder or folder, options.images)
        sides = {side.name: side for side in contestants.images()}
        run(options, prefix, {**sides, BARE: Bare(folder)})


if __name__ == "__main__":
    main()
