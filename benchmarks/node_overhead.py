"""What a bound graph costs per node: forward through chains of operators on four floats, ours beside MXNet 1.9.1.

python benchmarks/node_overhead.py [--seconds 3] [--peers ...]
No pass joins or removes these operators, so every node is a step and a kernel call. The cost per node is the slope between a chain of one
and a long one, the kernel's own work included; "one node" is a forward through the former and the wait for it.
"""

import numpy as np

import contestants
import rows
import table

import mixnet as mx

LONG = 1001
SIDES = (contestants.OURS, "MXNet 1.9.1 plain")
OPERATORS = {
    "reverse": lambda x, name: mx.sym.reverse(x, axis=0, name=name),
    "sum": lambda x, name: mx.sym.sum(x, axis=1, keepdims=True, name=name),
}


def chain(operator, nodes):
    x = mx.sym.Variable("data")
    for i in range(nodes):
        x = operator(x, f"node{i}")
    return x


def per_node(short, long):
    """Seconds per node from the times of chains of one and of LONG; None without both."""
    return (long - short) / (LONG - 1) if short and long else None


def main():
    options = rows.parser(__doc__).parse_args()
    names = SIDES if options.peers is None else (contestants.OURS, *options.peers)
    peers = contestants.chosen(names)
    inputs = {"data": np.ones((4, 1))}
    caption = f"Cost per node of a bound graph: microseconds, chains of 1 and {LONG} operators, interleaved"
    out = table.Table("node-overhead", caption, ["operator", *[f"{p.column} {what}" for p in peers for what in ("per node", "one node")]])
    for name, operator in OPERATORS.items():
        short, long = (rows.run(peers, chain(operator, nodes), inputs, options, "predict")[0] for nodes in (1, LONG))
        cells = []
        for peer in peers:
            one, many = short[peer.column], long[peer.column]
            value = per_node(one.seconds, many.seconds)
            cells += [one.reason or many.reason] * 2 if value is None else [f"{value * 1e6:.3f}", f"{one.seconds * 1e6:.1f}"]
        out.add([name, *cells])
    out.note(rows.machine(peers, []))
    out.save()


if __name__ == "__main__":
    main()
