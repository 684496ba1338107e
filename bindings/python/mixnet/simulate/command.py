"""The command `mixnet simulate TRACE`: how a recorded net would train on so many machines, as a table and a picture."""

import dataclasses
import math
import sys

from .cluster import Cluster, quantity
from .report import plot, table
from .run import simulate
from .trace import Trace, expect

_EPILOG = """STRAGGLE is lognormal:SIGMA or uniform:SPREAD (every machine and step anew) or slow:SHARE:FACTOR (some machines always).
Bandwidths are bytes or bits: 10Gbit, 1GB; every machine has a link in both directions."""


def add_to(commands):
    """Adds the command to the parser of `mixnet`."""
    command = commands.add_parser("simulate", help="predict how training scales from a recorded step", epilog=_EPILOG)
    command.add_argument("trace", help="a file of mixnet.simulate.Trace.save")
    command.add_argument("--workers", type=int, nargs="+", default=[1, 10, 100, 1000])
    command.add_argument("--servers", type=int, help="default: as many as workers")
    command.add_argument("--bandwidth", default="10Gbit", help="of each link (default: 10Gbit)")
    command.add_argument("--server-bandwidth", help="of servers' links (default: as the workers')")
    command.add_argument("--shared", default="inf", help="a bandwidth all traffic shares, as on one machine (default: none)")
    command.add_argument("--shared-cost", default="0us", help="time of what all share that every message takes besides (default: 0us)")
    command.add_argument("--latency", default="100us", help="of each message (default: 100us)")
    command.add_argument("--mode", default="sync", help="sync, async, or the rounds a worker may be ahead (default: sync)")
    command.add_argument("--straggle", default="none", help="how machines vary (default: none)")
    command.add_argument("--compute", help="seconds of a step where it is to run, e.g. 1.5s (default: as recorded)")
    command.add_argument("--sum-rate", default="4GB", help="at which a server adds (default: 4GB)")
    command.add_argument("--update-rate", default="2GB", help="at which a server updates (default: 2GB)")
    command.add_argument("--request-cost", default="5us", help="a server's time per part of a key (default: 5us)")
    command.add_argument("--part-bytes", default="4MiB", help="MIXNET_PS_PART_BYTES (default: 4MiB)")
    command.add_argument("--window-bytes", default="2MiB", help="MIXNET_PS_WINDOW_BYTES (default: 2MiB)")
    command.add_argument("--steps", type=int, help="to simulate (default: at least 8)")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--plot", metavar="FILE.png", help="write a picture")
    command.set_defaults(run=run)


def staleness(mode):
    """Cluster's `staleness` of a mode."""
    if mode in ("sync", "async"):
        return 0 if mode == "sync" else math.inf
    expect(mode.isdecimal(), "mode", "sync, async or a number of rounds", repr(mode))
    return int(mode)


def _cluster(options):
    bandwidth = quantity(options.bandwidth, "bandwidth")
    return Cluster(
        bandwidth=bandwidth,
        server_bandwidth=quantity(options.server_bandwidth, "bandwidth") if options.server_bandwidth else bandwidth,
        shared=quantity(options.shared, "bandwidth"),
        shared_cost=quantity(options.shared_cost, "time"),
        latency=quantity(options.latency, "time"),
        staleness=staleness(options.mode),
        sum_rate=quantity(options.sum_rate, "bandwidth"),
        update_rate=quantity(options.update_rate, "bandwidth"),
        request_cost=quantity(options.request_cost, "time"),
        part_bytes=quantity(options.part_bytes, "size"),
        window_bytes=quantity(options.window_bytes, "size"),
        straggle=options.straggle,
        seed=options.seed,
    )


def _predict(options):
    trace, base = Trace.load(options.trace), _cluster(options)
    expect(options.steps is None or options.steps > 0, "steps", "an integer above 0", options.steps)
    if options.compute:
        trace = trace.scaled(quantity(options.compute, "time"))
    clusters = [dataclasses.replace(base, workers=count, servers=options.servers or count) for count in options.workers]
    rows = [(simulate(trace, cluster, options.steps), cluster.servers) for cluster in clusters]
    print(table(trace, rows))
    if options.plot:
        plot(options.plot, trace, [prediction for prediction, _ in rows], f"{options.mode}, {options.bandwidth}")
        print(f"picture {options.plot}")


def run(options):
    """Prints the table; wrong arguments and files end the command with one line."""
    try:
        _predict(options)
    except ValueError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"[simulate] {error.filename}: {error.strerror}")
    except ImportError as error:
        sys.exit(f"[simulate] plot: expected matplotlib (pip install matplotlib), got {error}")
