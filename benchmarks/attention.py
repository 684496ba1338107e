"""Scaled dot-product attention: the fused operator beside batch_dot + softmax + batch_dot and beside PyTorch's.

python benchmarks/attention.py [--seconds 2] [--dtypes float32 bfloat16]
Milliseconds, median of the time given to each side, interleaved in one run; forward alone, and forward with all three gradients.
"""

import json
import pathlib
import tempfile

import contestants
import driver
import numpy as np
import rows
import table

SHAPES = [(1, 8, 128, 64), (4, 8, 512, 64), (1, 8, 2048, 64), (1, 4, 4096, 128)]  # batch, heads, length, depth


def write(folder, shape):
    random = np.random.RandomState(1)
    arrays = {f"data:{name}": random.randn(*shape).astype("float32") for name in ("query", "key", "value")}
    paths = {"symbol": str(pathlib.Path(folder) / "none.json"), "arrays": str(pathlib.Path(folder) / "attention.npz")}
    pathlib.Path(paths["symbol"]).write_text(json.dumps({}))
    np.savez(paths["arrays"], **arrays)
    return paths


def fill(out, peers, options, shapes, dtypes, ceiling=None):
    """Adds a row per shape, dtype and mode; what the machine could do meanwhile, of its cores or by `ceiling`."""
    shown, peaks = [peer.column for peer in peers], []
    for shape in shapes:
        for dtype in dtypes:
            for mode, what in (("predict", "forward"), ("train", "forward, backward")):
                with tempfile.TemporaryDirectory() as folder:
                    paths, more = write(folder, shape), {"mode": mode, "dtype": dtype, "ceiling": ceiling}
                    found, peak = driver.measure(peers, paths, options.seconds, rows.CLOSENESS[dtype], **more)
                results = {result.column: result for result in found}
                peaks += [peak] if peak else []
                ratios = [table.ratio(results[shown[0]], results[c]) for c in shown[1:]]
                out.add([str(shape), f"{what}, {dtype}", *(table.time_cell(results[c]) for c in shown), *(table.number(r) for r in ratios)])
    return peaks


def columns(peers):
    return ["batch, heads, length, depth", "what", *(peer.column for peer in peers), *("composed / fused", "PyTorch / fused")[: len(peers) - 1]]


def main():
    parser = rows.parser(__doc__)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"], choices=list(rows.CLOSENESS))
    options = parser.parse_args()
    peers = contestants.attention()
    caption = f"Attention: milliseconds, median of {options.seconds:g} s per side, interleaved"
    out = table.Table("attention", caption, columns(peers))
    peaks = fill(out, peers, options, SHAPES, options.dtypes)
    out.note(rows.machine(peers, peaks))
    out.save()


if __name__ == "__main__":
    main()
