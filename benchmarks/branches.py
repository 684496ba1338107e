"""Branches of a net one after the other, every layer on all cores, or side by side, every branch on one core.

python benchmarks/branches.py [--batch 1 8] [--seconds 3]
Milliseconds (median) of GoogLeNet, whose units are cut into two groups of about the same work, and of towers that meet at the end only: four times six
layers of 256 units. Ratio: one after the other divided by side by side, above 1 side by side is faster. Where it is not, plans are right to
put nothing side by side but groups that are placed (`group2ctx`).
"""

import case
import contestants
import nets
import numpy as np
import rows
import table

import mixnet as mx

sym = mx.sym
GROUPS = ("left", "right")


def inception(x, one, reduce3, three, reduce5, five, project):
    """nets.inception in two groups."""
    with mx.AttrScope(ctx_group=GROUPS[0]):
        left = nets.conv(nets.conv(x, reduce3, 1), three, 3, 1, 1)
    with mx.AttrScope(ctx_group=GROUPS[1]):
        right = [nets.conv(x, one, 1), nets.conv(nets.conv(x, reduce5, 1), five, 5, 1, 2), nets.conv(nets.pool(x, 3, 1, pad=1), project, 1)]
    return sym.Concat(right[0], left, *right[1:])


def googlenet(batch):
    """(symbol, inputs)"""
    nets.inception = inception
    return nets.googlenet(), case.images((batch, 3, 224, 224))


def towers(batch, count=4, depth=6, width=256):
    """(symbol, inputs)"""
    tops, data = [], sym.Variable("data")
    for i in range(count):
        with mx.AttrScope(ctx_group=GROUPS[i % 2]):
            top = data
            for _ in range(depth):
                top = sym.Activation(sym.FullyConnected(top, num_hidden=width), act_type="relu")
            tops.append(top)
    net = sym.SoftmaxOutput(sym.FullyConnected(sym.Concat(*tops), num_hidden=10), name="softmax")
    random = np.random.RandomState(3)
    return net, {"data": random.rand(batch, width), "softmax_label": random.randint(0, 10, batch)}


def main():
    parser = rows.parser(__doc__)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    options = parser.parse_args()
    peers = [contestants.all_sides()[contestants.OURS], contestants.side_by_side(GROUPS)]
    out = table.Table("branches", "Branches: milliseconds, medians, interleaved", ["net", "batch", "pass", "one after the other", "side by side", "ratio"])
    peaks = []
    for name, make in (("GoogLeNet", googlenet), ("towers", towers)):
        for batch in options.batch:
            symbol, inputs = make(batch)
            for mode, said in (("predict", "forward"), ("train", "forward+backward")):
                results, peak = rows.run(peers, symbol, inputs, options, mode)
                peaks += [peak] if peak else []
                whole, cut = (results[peer.column] for peer in peers)
                ratio = whole.seconds / cut.seconds if whole.seconds and cut.seconds else None
                out.add([name, batch, said, table.time_cell(whole), table.time_cell(cut), table.number(ratio)])
    out.note(rows.machine(peers, peaks))
    out.save()


if __name__ == "__main__":
    main()
