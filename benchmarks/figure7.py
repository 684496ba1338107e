"""Figure 7 of the paper: memory of inner values under each of the planner's rules, beside Apache MXNet 1.9.1's own total.

python benchmarks/figure7.py [--nets ...] [--batch 64] [--peers ...]
MB are 10^6 bytes. none: a buffer for every output of an operator of the graph as it was written; in place, sharing, both: the rules of
the paper on that graph; mixnet: with fusion and kept layouts too, what binding takes unless told otherwise; bound: the most that is
alive at once then. Workspaces of kernels count everywhere but in none. MXNet's figure is the total its executor reports.
"""

import argparse
import os
import tempfile

import contestants
import nets
import table
from driver import PeerError

PAPER = ["AlexNet", "GoogLeNet", "VGG-16", "Inception-BN", "ResNet-50"]
RULES = {
    "in place": {"FUSION": "0", "PLAN_REUSE": "0", "PLAN_INPLACE": "1"},
    "sharing": {"FUSION": "0", "PLAN_REUSE": "1", "PLAN_INPLACE": "0"},
    "both": {"FUSION": "0"},
    "mixnet": {},
}
PEER = "MXNet 1.9.1 plain"


def estimate(symbol, training, shape, settings):
    """Bytes as Symbol.memory_estimate gives them, with these settings in the environment."""
    names = {f"MIXNET_{key}": value for key, value in settings.items()}
    os.environ.update(names)
    try:
        return symbol.memory_estimate(training=training, data=shape)
    finally:
        for name in names:
            del os.environ[name]


def peer_bytes(symbol, shape, training):
    """(bytes, "") that MXNet reports, or (None, why not)."""
    peer = contestants.all_sides()[PEER]
    try:
        with tempfile.NamedTemporaryFile("w", suffix="-symbol.json") as file:
            file.write(symbol.tojson())
            file.flush()
            return peer.ask("planned", symbol=file.name, shapes={"data": shape}, training=training)["bytes"], ""
    except PeerError as error:
        return None, str(error)
    finally:
        peer.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", nargs="+", default=PAPER, choices=list(nets.ALL))
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    caption = f"Figure 7: MB of inner values, batch {options.batch}"
    out = table.Table("figure7", caption, ["net", "pass", "none", *RULES, "bound", "none / mixnet", "MXNet 1.9.1", "MXNet / mixnet"])
    groups = {}
    for name in options.nets:
        symbol, shape = nets.ALL[name].make(), nets.shape(name, options.batch)
        for training, label in ((False, "forward"), (True, "forward+backward")):
            plans = {rule: estimate(symbol, training, shape, settings) for rule, settings in RULES.items()}
            ours, naive = plans["mixnet"]["planned"], plans["mixnet"]["naive"]
            theirs, reason = peer_bytes(symbol, shape, training)
            sizes = {"none": naive, **{rule: plan["planned"] for rule, plan in plans.items()}, "bound": plans["mixnet"]["lower_bound"]}
            row = [f"{size / 1e6:.0f}" for size in sizes.values()]
            peer = [reason, table.MISSING] if theirs is None else [f"{theirs / 1e6:.0f}", f"{theirs / ours:.2f}"]
            out.add([name, label, *row, f"{naive / ours:.1f}", *peer])
            groups[f"{name} {label}"] = {**{key: size / 1e6 for key, size in sizes.items() if key != "bound"}, "MXNet 1.9.1": theirs and theirs / 1e6}
    out.save()
    table.bars("figure7", caption, "MB", groups)


if __name__ == "__main__":
    main()
