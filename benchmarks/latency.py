"""One image through a net: time and real memory, ours through the executor and through the predictor, beside the peers.

python benchmarks/latency.py [--nets VGG-16 VGG-A ResNet-50 GoogLeNet] [--seconds 3]
Milliseconds as in figure6.py. Memory is anonymous memory of the process, MB of 10^6 bytes, after a small net has warmed the library up:
"forward" is the most during predictions less what the process held after load and warm-up; "besides the model" is the most less what
the process held before the load, less the parameters once. The predictor keeps a second copy of weights, in the layouts of its kernels:
"besides all weights" is without that too, to be read beside "planned", the bytes of inner values. Strips are those of MIXNET_STRIPS=8000000.
"""

import os
import tempfile

import numpy as np

import case
import contestants
import driver
import macs
import nets
import rows
import step_nets
import table

SINGLE = ["VGG-16", "VGG-A", "ResNet-50", "GoogLeNet"]
STEPS = 5
STRIPS = 8_000_000


def parameter_bytes(paths):
    arrays = np.load(paths["arrays"])
    return sum(arrays[key].nbytes for key in arrays.files if not key.startswith("data:"))


def small_case(folder):
    """LeNet: what a library allocates once, it allocates for this."""
    net = step_nets.ALL["LeNet"]
    return case.write(folder, net.make(), {key: value[:1] for key, value in net.inputs(np.random.RandomState(1)).items()})


def real_memory(peer, small, paths):
    """((bytes in forward, bytes besides the model), "") or (None, why not)."""
    try:
        peer.ask("load", **small, mode="predict")
        peer.ask("drop")
        before = peer.ask("memory")["bytes"]
        peer.ask("load", **paths, mode="predict")
        peer.ask("step", count=2)
        loaded = peer.ask("memory")["bytes"]
        most = peer.ask("peak", count=STEPS)["bytes"]
    except driver.PeerError as error:
        return None, str(error)
    finally:
        peer.stop()
    return (max(0, most - loaded), most - before - parameter_bytes(paths)), ""


def estimate(name, strips):
    """What a plan for prediction takes, with this setting of MIXNET_STRIPS."""
    before = os.environ.get("MIXNET_STRIPS")
    os.environ["MIXNET_STRIPS"] = str(strips)
    try:
        return nets.ALL[name].make().memory_estimate(training=False, data=nets.shape(name, 1))
    finally:
        del os.environ["MIXNET_STRIPS"]
        if before is not None:
            os.environ["MIXNET_STRIPS"] = before


def own_rows(name, peers, results):
    """Planned bytes of our predictors, and what they take besides weights in both layouts; None for the others."""
    planned, besides = [], []
    for peer, (sizes, _) in zip(peers, results):
        sizes_of = {"mixnet predictor": 0, "mixnet predictor, strips": STRIPS}
        known = estimate(name, sizes_of[peer.name]) if peer.name in sizes_of else None
        planned.append(known and known["planned"] / 1e6)
        besides.append(known and sizes and (sizes[1] - known["kept"]) / 1e6)
    return ("planned", planned), ("besides all weights", besides)


def memory_table(options, peers, folder):
    columns = ["net", "what", *(peer.name for peer in peers)]
    out = table.Table("latency-memory", "One image: MB of real memory of the process", columns)
    small_folder = tempfile.TemporaryDirectory()
    small = small_case(small_folder.name)
    for name in options.nets:
        paths = case.write(folder, nets.ALL[name].make(), case.images(nets.shape(name, 1)))
        results = [real_memory(peer, small, paths) for peer in peers]
        for i, what in enumerate(("forward", "besides the model")):
            out.add([name, what, *(reason if sizes is None else f"{sizes[i] / 1e6:.1f}" for sizes, reason in results)])
        for what, sizes in own_rows(name, peers, results):
            out.add([name, what, *(table.number(size, "{:.1f}") for size in sizes)])
    out.save()
    small_folder.cleanup()


def main():
    parser = rows.parser(__doc__)
    parser.add_argument("--nets", nargs="+", default=SINGLE, choices=list(nets.ALL))
    parser.add_argument("--only", choices=["time", "memory"])
    options = parser.parse_args()
    ours, *others = rows.sides(options, "mixnet predictor")
    peers = [ours, contestants.all_sides()["mixnet predictor"], contestants.predictor_in_strips(STRIPS), *others]
    if options.only != "memory":
        shown, peaks, groups = rows.columns(peers), [], {}
        caption = f"One image, float32: milliseconds, median of {options.seconds:g} s per side, interleaved"
        out = table.Table("latency", caption, ["net", *shown, "best peer / ours", "of peak"])
        for name in options.nets:
            symbol, shape = nets.ALL[name].make(), nets.shape(name, 1)
            results, peak = rows.run(peers, symbol, case.images(shape), options, "predict")
            ours = min((r for c, r in results.items() if c.startswith("mixnet") and r.seconds), key=lambda r: r.seconds, default=None)
            peaks += [peak] if peak else []
            used = ours and rows.share(macs.count(symbol, data=shape), "predict", ours.seconds, peaks)
            out.add([name, *rows.cells(results, shown, ours.column if ours else contestants.OURS), table.number(used, "{:.0f} %")])
            groups[name] = {column: r.seconds and r.seconds * 1000 for column, r in results.items()}
        out.note("Ours in the ratio is the faster of the executor and the predictor. " + rows.machine(peers, peaks))
        out.save()
        table.bars("latency", caption, "milliseconds", groups)
    if options.only != "time":
        with tempfile.TemporaryDirectory() as folder:
            memory_table(options, peers, folder)


if __name__ == "__main__":
    main()
