"""Training steps of small nets beside the peers: forward, backward and an SGD update of every parameter.

python benchmarks/steps.py [--nets ...] [--seconds 3]
Ours is the paper's mixed loop: an executor, then one imperative sgd_update per parameter. "mixnet fused" updates all parameters by one
operator (multi_sgd_update); the last column is the mixed loop's time over that. PyTorch takes its fused SGD, JAX one jitted
function with donated parameters, MXNet 1.9.1 the same loop as ours.
"""

import numpy as np

import contestants
import macs
import rows
import step_nets
import table

FUSED = "mixnet fused"
LEFT_OUT = ("mixnet predictor", "onnxruntime")  # no training


def main():
    parser = rows.parser(__doc__)
    parser.add_argument("--nets", nargs="+", default=list(step_nets.ALL), choices=list(step_nets.ALL))
    options = parser.parse_args()
    fused = contestants.fused_update(FUSED)
    peers = rows.sides(options, *LEFT_OUT)
    peers.insert(1, fused)
    shown, peaks, groups = rows.columns(peers), [], {}
    caption = f"Training steps, float32: milliseconds, median of {options.seconds:g} s per side, interleaved"
    out = table.Table("steps", caption, ["net", *shown, "best peer / ours", "of peak", "mixed / fused"])
    for name in options.nets:
        net = step_nets.ALL[name]
        symbol, inputs = net.make(), net.inputs(np.random.RandomState(3))
        results, peak = rows.run(peers, symbol, inputs, options, "update", lr=1e-4)
        ours, other = results[contestants.OURS], results[FUSED]
        work = macs.count(symbol, **{key: np.shape(value) for key, value in inputs.items() if key in symbol.list_arguments()})
        mixed = ours.seconds / other.seconds if ours.seconds and other.seconds else None
        peaks += [peak] if peak else []
        used = rows.share(work, "update", ours.seconds, peaks)
        out.add([name, *rows.cells(results, shown), table.number(used, "{:.0f} %"), table.number(mixed)])
        groups[name] = {column: ours.seconds and r.seconds and r.seconds / ours.seconds for column, r in results.items()}
    out.note(rows.machine(peers, peaks))
    out.save()
    table.bars("steps", caption, "time over ours", groups)


if __name__ == "__main__":
    main()
