"""What is simulated: machines, links, servers, who waits for whom, and how computing times vary."""

import dataclasses
import math
import re

import numpy as np

from .trace import expect

_UNITS = {
    "bandwidth": {"bit": 1 / 8, "kbit": 125.0, "mbit": 125e3, "gbit": 125e6, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "mib": 2.0**20, "gib": 2.0**30},
    "time": {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0},
    "size": {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30},
}


def quantity(text, kind):
    """'10Gbit' (a second) as bytes a second, '100us' as seconds, '4MiB' as bytes; 'inf' is no limit."""
    if text.strip().lower() == "inf":
        return math.inf
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?)\s*([a-z]*?)(?:/s)?\s*", text.lower())
    expect(match and match[2] in _UNITS[kind], kind, f"a number with one of {', '.join(filter(None, _UNITS[kind]))}", repr(text))
    value = float(match[1]) * _UNITS[kind][match[2]]
    return int(value) if kind == "size" else value


@dataclasses.dataclass
class Cluster:
    """A number of workers and servers, each with a link of its own in both directions.

    Bandwidths and rates are bytes a second, math.inf: free. `shared` is a bandwidth through which all traffic passes together, as when every
    process is on one machine, `shared_cost` the seconds for which every message, there or back, keeps it from others besides, as each takes its
    time of the same processors. `staleness`: a worker that has pushed r times gets weights in which every worker's first r - staleness pushes
    are; 0 is synchronous, math.inf asynchronous. `sum_rate`: how fast a server adds a push to a round, `update_rate`: how fast it applies the
    optimizer, once in a round where synchronous, else for every push; `request_cost`: seconds for every push besides.
    """

    workers: int = 1
    servers: int = 1
    bandwidth: float = 1.25e9
    latency: float = 1e-4
    server_bandwidth: float = 0.0  # 0: as `bandwidth`
    shared: float = math.inf
    shared_cost: float = 0.0
    staleness: float = 0
    sum_rate: float = 4e9
    update_rate: float = 2e9
    request_cost: float = 5e-6
    part_bytes: int = 4 << 20
    window_bytes: int = 2 << 20
    straggle: str = "none"
    seed: int = 0

    def __post_init__(self):
        self.server_bandwidth = self.server_bandwidth or self.bandwidth
        for name in ("workers", "servers", "part_bytes", "window_bytes"):
            value = getattr(self, name)
            expect(isinstance(value, int) and value > 0, name, "an integer above 0", value)
        for name in ("bandwidth", "server_bandwidth", "shared", "sum_rate", "update_rate"):
            expect(getattr(self, name) > 0, name, "bytes a second above 0", getattr(self, name))
        for name in ("latency", "request_cost", "shared_cost", "staleness"):
            expect(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        expect(not self.shared_cost or self.shared < math.inf, "shared_cost", "0 without a shared bandwidth", self.shared_cost)
        Straggle(self.straggle)

    @property
    def synchronous(self):
        return self.staleness == 0


class Straggle:
    """How computing times of machines differ from the trace's, by a factor.

    none; lognormal:SIGMA, drawn for every machine and step, 1 on average; uniform:SPREAD, likewise, between 1 and 1 + SPREAD;
    slow:SHARE:FACTOR, a share of the machines is slower all the time.
    """

    _COUNTS = {"none": 0, "lognormal": 1, "uniform": 1, "slow": 2}

    def __init__(self, text):
        self.kind, *numbers = text.split(":")
        usage = "none, lognormal:SIGMA, uniform:SPREAD or slow:SHARE:FACTOR"
        try:
            self.numbers = [float(number) for number in numbers]
        except ValueError:
            self.numbers = None
        good = self.numbers is not None and self._COUNTS.get(self.kind) == len(self.numbers) and all(0 <= n < math.inf for n in self.numbers)
        expect(good and (self.kind != "slow" or (self.numbers[0] <= 1 <= self.numbers[1])), "straggle", usage, text)

    @property
    def varies(self):
        """Whether a machine's factor changes from step to step."""
        return self.kind in ("lognormal", "uniform") and self.numbers[0] > 0

    def slow(self, workers):
        """How many machines are always slow, and by what factor."""
        return (min(workers, round(workers * self.numbers[0])), self.numbers[1]) if self.kind == "slow" else (0, 1.0)

    def draw(self, random, count):
        """Factors of one step of `count` machines."""
        if self.kind == "lognormal":
            sigma = self.numbers[0]
            return random.lognormal(-sigma * sigma / 2, sigma, count)
        if self.kind == "uniform":
            return random.uniform(1, 1 + self.numbers[0], count)
        return np.ones(count)
