"""Figure 6 of the paper against today's peers: forward, and forward and backward, of convolutional nets.

python benchmarks/figure6.py [--nets ...] [--batch 32] [--modes predict train] [--dtype float32] [--seconds 3]
Milliseconds (median); ratio: the best peer's time divided by ours, above 1 we are faster; percent of the float32 peak, measured in
the same run. All sides compute the same thing on all cores.
"""

import case
import contestants
import macs
import nets
import rows
import table

PAPER = ["AlexNet", "OverFeat", "VGG-A", "GoogLeNet", "ResNet-50"]
MODES = {"predict": "forward", "train": "forward+backward"}


def main():
    parser = rows.parser(__doc__)
    parser.add_argument("--nets", nargs="+", default=PAPER, choices=list(nets.ALL))
    parser.add_argument("--batch", type=int, nargs="+", default=[32])
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=list(MODES))
    parser.add_argument("--dtype", default="float32", choices=list(rows.CLOSENESS))
    options = parser.parse_args()
    peers = rows.sides(options, "mixnet predictor")
    shown, peaks, groups = rows.columns(peers), [], {}
    name = "figure6" if options.dtype == "float32" else f"figure6-{options.dtype}"
    caption = f"Figure 6, {options.dtype}: milliseconds, median of {options.seconds:g} s per side, interleaved"
    out = table.Table(name, caption, ["net", "batch", "pass", *shown, "best peer / ours", "of peak"])
    for net in options.nets:
        for batch in options.batch:
            symbol, shape = nets.ALL[net].make(), nets.shape(net, batch)
            work = macs.count(symbol, data=shape)
            for mode in options.modes:
                results, peak = rows.run(peers, symbol, case.images(shape), options, mode, options.dtype)
                peaks += [peak] if peak else []
                used = rows.share(work, mode, results[contestants.OURS].seconds, peaks)
                out.add([net, batch, MODES[mode], *rows.cells(results, shown), table.number(used, "{:.0f} %")])
                groups[f"{net} {batch} {MODES[mode]}"] = {c: r.seconds and r.seconds * 1000 / batch for c, r in results.items()}
    out.note(rows.machine(peers, peaks))
    out.save()
    table.bars(name, caption, "milliseconds per image", groups)


if __name__ == "__main__":
    main()
