"""One GPU beside PyTorch on the same one: nets as in figure6.py, one image, an LSTM's training step, attention, and what a call costs.

python benchmarks/gpu.py [--only nets latency lstm attention calls] [--nets ...] [--batch 32 256] [--dtypes float32 bfloat16] [--seconds 2] [--quick]
float32 is TF32 on both sides. PyTorch runs with channels last, eager with cuDNN's autotuning, and compiled with CUDA graphs; the table names the faster.
"of peak" is 2 x multiply-adds (x 3 with gradients) / time / what PyTorch's largest matrix product reaches in the same run. Memory is the most that
arrays and workspaces took of the device at a time, MB of 10^6 bytes. "Recomputing" is ours with MIXNET_BACKWARD_DO_MIRROR=1, in training. The library is
the one that LD_LIBRARY_PATH names, such as build/cuda.
"""

import argparse
import sys
import tempfile

import numpy as np

import attention
import case
import contestants
import driver
import figure6
import macs
import nets
import step_nets
import table

import mixnet as mx

CLOSENESS = {"float32": 2e-2, "bfloat16": 0.06}  # driver.difference of outputs to ours; TF32 has ten bits
CALLS, FLOATS = 2000, (1, 1000)
RECOMPUTED = ("recomputing, ms", "MB, recomputing", "least MB of peers / that")
PARTS = ("nets", "latency", "lstm", "attention", "calls")
ATTENTION = [(32, 12, 128, 64), (8, 16, 512, 64), (4, 16, 2048, 64), (1, 16, 8192, 128)]  # batch, heads, length, depth
QUICK = {"nets": ["ResNet-50"], "batch": [32], "dtypes": ["bfloat16"], "seconds": 0.5, "attention": ATTENTION[1:2]}  # options not given otherwise


class Ceiling:
    """What the GPU can do at most, asked of PyTorch in a process of its own; the best answers so far."""

    def __init__(self):
        self._side = contestants.all_sides()["PyTorch eager"]
        self.flops, self.bandwidth = {}, 0

    def look(self, dtype):
        """GFLOP/s of products of this dtype, None where PyTorch cannot say."""
        try:
            told = self._side.ask("ceilings", dtype=dtype)
        except driver.PeerError:
            return None
        finally:
            self._side.stop()  # gives the memory back
        self.bandwidth = max(self.bandwidth, told["bandwidth"])
        self.flops[dtype] = max(self.flops.get(dtype, 0), told["flops"] / 1e9)
        return self.flops[dtype]

    def text(self):
        """One line for under a table."""
        products = ", ".join(f"{dtype} products {flops / 1e3:.0f} TFLOP/s" for dtype, flops in self.flops.items())
        return f"Ceilings in this run: {products}, copies {self.bandwidth / 1e12:.2f} TB/s." if products else "No ceilings: PyTorch did not say."


def row(options, ceiling, symbol, inputs, mode, dtype, recomputing=False, **fields):
    """({column: Result}, percent of the peak or None)."""
    peak, peers = ceiling.look(dtype), contestants.on_gpu(options.peers, recomputing)
    with tempfile.TemporaryDirectory() as folder:
        paths = case.write(folder, symbol, inputs)
        more = {"ceiling": lambda: 0, "question": "device_memory", "mode": mode, "dtype": dtype, **fields}
        results = table.faster(driver.measure(peers, paths, options.seconds, CLOSENESS[dtype], **more)[0])
    seconds = results[contestants.OURS].seconds
    shapes = {key: np.shape(value) for key, value in inputs.items() if key in symbol.list_arguments()}
    work = 2 * macs.count(symbol, **shapes) * (1 if mode == "predict" else 3)
    return results, 100 * work / seconds / (peak * 1e9) if seconds and peak else None


def cells(results, used):
    """Times, the ratio and its rival, percent of the peak, memory of both sides and theirs over ours."""
    ours = results[contestants.OURS]
    again = results.get(contestants.RECOMPUTING)
    rivals = [result for result in results.values() if result not in (ours, again)]
    ratio, rival = table.best(ours, rivals)
    sizes = [r.told.get("bytes") for r in (ours, next((r for r in rivals if r.column == rival), ours))]
    less = sizes[1] / sizes[0] if rival and all(sizes) else None
    memory = [table.number(size and size / 1e6, "{:.0f}") for size in sizes[: 1 if not rival else 2]] + [table.MISSING] * (not rival)
    return [
        *(table.time_cell(r) for r in (ours, *rivals)),
        f"{table.number(ratio)} {rival}".strip(),
        table.number(used, "{:.0f} %"),
        *memory,
        table.number(less),
    ]


def recomputing_cells(results):
    """Our time and memory when backward computes cheap values again, and the least memory of a peer over that."""
    again = results.get(contestants.RECOMPUTING)
    if not again or not again.told.get("bytes"):
        return [table.MISSING] * 3
    others = [r.told["bytes"] for column, r in results.items() if column not in (contestants.OURS, contestants.RECOMPUTING) and r.told.get("bytes")]
    own = again.told["bytes"]
    return [table.time_cell(again), f"{own / 1e6:.0f}", table.number(min(others) / own if others else None)]


def columns(options):
    shown = [peer.column for peer in contestants.on_gpu(options.peers)]
    return [*shown, "best peer / ours", "of peak", "MB, ours", "MB, that peer", "that peer / ours"]


def nets_table(options, ceiling):
    out = table.Table("gpu", "Nets on one GPU: milliseconds, interleaved medians", ["net", "dtype", "batch", "pass", *columns(options), *RECOMPUTED])
    for name in options.nets:
        for dtype in options.dtypes:
            for batch in options.batch:
                for mode, label in figure6.MODES.items():
                    shape = nets.shape(name, batch)
                    results, used = row(options, ceiling, nets.ALL[name].make(), case.images(shape), mode, dtype, recomputing=mode == "train")
                    out.add([name, dtype, batch, label, *cells(results, used), *recomputing_cells(results)])
    out.note(ceiling.text())
    out.save()


def latency_table(options, ceiling):
    out = table.Table("gpu-latency", "One image on one GPU: milliseconds", ["net", "dtype", *columns(options)])
    for name in options.nets:
        for dtype in options.dtypes:
            out.add([name, dtype, *cells(*row(options, ceiling, nets.ALL[name].make(), case.images(nets.shape(name, 1)), "predict", dtype))])
    out.save()


def lstm_table(options, ceiling):
    name = "LSTM language model"
    out = table.Table("gpu-lstm", "A training step on one GPU: milliseconds", ["net", *columns(options)])
    net = step_nets.ALL[name]
    out.add([name, *cells(*row(options, ceiling, net.make(), net.inputs(np.random.RandomState(3)), "update", "float32", lr=1e-4))])
    out.save()


def attention_table(options, ceiling):
    peers = contestants.attention("gpu")[: None if options.peers is None else -1]
    out = table.Table("gpu-attention", "Attention on one GPU: milliseconds", attention.columns(peers))
    attention.fill(out, peers, options, options.attention, [dtype for dtype in options.dtypes if dtype != "float32"], ceiling=lambda: 0)
    for peer in peers:
        peer.stop()
    out.save()


def calls_table(options, ceiling):
    peers = contestants.on_gpu(["PyTorch eager"] if options.peers is None else options.peers)
    out = table.Table("gpu-calls", "Imperative addition on one GPU: microseconds per call", ["floats", *(peer.column for peer in peers)])
    for size in FLOATS:
        results = [driver.Result(peer) for peer in peers]
        for _ in range(9):
            for peer, result in zip(peers, results):
                try:
                    if not result.reason:
                        result.times.append(peer.ask("add", size=size, calls=CALLS, device="gpu")["seconds"])
                except driver.PeerError as error:
                    result.times, result.reason = [], str(error)
        out.add([size, *(result.reason or f"{result.seconds * 1e6:.2f}" for result in results)])
    for peer in peers:
        peer.stop()
    out.save()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--nets", nargs="+", default=figure6.PAPER, choices=list(nets.ALL))
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 256])
    parser.add_argument("--dtypes", nargs="+", default=list(CLOSENESS), choices=list(CLOSENESS))
    parser.add_argument("--seconds", type=float, default=2, help="per side and row (2)")
    parser.add_argument("--peers", nargs="*", metavar="NAME", help="only these beside ours: PyTorch eager, PyTorch compile")
    parser.add_argument("--quick", action="store_true", help="a first table in minutes: one net, one batch and dtype, half a second per side and row")
    parser.add_argument("--attention", nargs=4, type=int, action="append", metavar=("BATCH", "HEADS", "LENGTH", "DEPTH"), help="these shapes")
    if "--quick" in sys.argv:
        parser.set_defaults(**QUICK)
    options = parser.parse_args()
    options.attention = options.attention or ATTENTION
    if mx.num_gpus() == 0:
        parser.exit(1, "gpu.py: expected a GPU, and LD_LIBRARY_PATH to name a library with CUDA, found none\n")
    ceiling = Ceiling()
    for part, show in (("nets", nets_table), ("latency", latency_table), ("lstm", lstm_table), ("attention", attention_table), ("calls", calls_table)):
        if part in options.only:
            show(options, ceiling)


if __name__ == "__main__":
    main()
