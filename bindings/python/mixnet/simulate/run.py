"""simulate(trace, cluster): training steps over the modelled network. Half a million events a second or so."""

import dataclasses
import itertools
import math

from . import groups, placement
from .cluster import Straggle
from .events import Events, Lane
from .rounds import Rounds
from .server import Server
from .worker import Worker

WARM, MEASURED, DRAWN = 2, 8, 1000
GRAIN = 256 << 10


@dataclasses.dataclass
class Prediction:
    """Of one setting. Times in seconds; efficiency: the time of a step that waits for nothing, divided by `step_time`."""

    workers: int
    step_time: float
    compute: float
    samples: int  # of a step of one worker
    bytes: int  # that a worker pushes in a step, and pulls
    busiest: str  # what of the network is busy the longest: worker link, server link, server processor, shared link
    busy: float  # and its part of the time
    imbalance: float  # bytes of the server with most, divided by the mean
    staleness: dict  # updates that pushes did not know of: mean, p50, p95, max; lead: rounds ahead of the slowest
    groups: int  # of machines, see groups.py
    events: int

    @property
    def efficiency(self):
        return self.compute / self.step_time

    @property
    def speedup(self):
        """Over one machine without a network."""
        return self.workers * self.efficiency

    @property
    def samples_per_second(self):
        return self.workers * self.samples / self.step_time


class Run:
    """One simulation: what its workers and servers share."""

    def __init__(self, trace, cluster, steps):
        self.trace, self.cluster, self.last = trace, cluster, steps + WARM
        self.messages = placement.place(trace, cluster)
        self.group_sizes = groups.sizes(cluster, len(self.messages), self.last)
        if len(self.group_sizes) < cluster.workers and len(self.group_sizes) > 2:
            self.messages = placement.place(trace, cluster, GRAIN)
            self.group_sizes = groups.sizes(cluster, len(self.messages), self.last)
        self._ready = [self._in_order(variant) for variant in range(len(trace.steps))]
        self._need = [[message.need[variant] for message in self.messages] for variant in range(len(trace.steps))]
        self.load = [0] * cluster.servers
        for message in self.messages:
            self.load[message.server] += message.bytes
        self.has_windows = max(self.load) > cluster.window_bytes
        self.events, self.factor = Events(), groups.Factors(cluster, self.group_sizes)
        self.shared = Lane(cluster.shared) if cluster.shared < math.inf else None
        self.rounds = Rounds(cluster, len(self.messages), len(self.group_sizes))
        self.servers = [Server(self) for _ in range(cluster.servers)]
        self.workers = [Worker(self, index, size) for index, size in enumerate(self.group_sizes)]
        self._unfinished = len(self.workers)

    def _in_order(self, variant):
        times = [message.ready[variant] for message in self.messages]
        order = sorted(range(len(times)), key=lambda index: (times[index], self.messages[index].priority))
        return order, [times[index] for index in order]

    def step(self, number):
        """Of the trace."""
        return self.trace.steps[number % len(self.trace.steps)]

    def ready(self, number):
        """(messages, times) of a step, by time."""
        return self._ready[number % len(self._ready)]

    def need(self, number):
        """When each message is needed."""
        return self._need[number % len(self._need)]

    def ended(self, worker):
        """A worker knows when a step ends."""
        self._unfinished -= len(worker.ends) == self.last + 1

    def through_all(self, lane, message, amount, machines):
        """When `amount` is through its own link and the messages of so many machines through the one of all, which holds up the former."""
        sent = lane.take(self.events.now, amount)
        if self.shared is not None:
            cluster = self.cluster
            each = message.bytes + message.requests * cluster.shared_cost * cluster.shared
            sent = lane.free = max(sent, self.shared.take(self.events.now, each * machines))
        return sent

    def run(self):
        for worker in self.workers:
            worker.compute()
        self.events.run(lambda: not self._unfinished)
        return self._prediction()

    def _prediction(self):
        rates = [(self.last - WARM) / (w.ends[self.last] - w.ends[WARM]) * w.size for w in self.workers]
        cluster, trace = self.cluster, self.trace
        busiest, busy = self._busiest()
        return Prediction(
            workers=cluster.workers,
            step_time=cluster.workers / sum(rates),
            compute=trace.compute,
            samples=trace.samples,
            bytes=trace.bytes,
            busiest=busiest,
            busy=busy,
            imbalance=max(self.load) * cluster.servers / trace.bytes,
            staleness={**_spread(self.rounds.stale), "lead": self.rounds.lead},
            groups=len(self.workers),
            events=self.events.count,
        )

    def _busiest(self):
        lanes = {
            "worker link": max(max(w.up.busy, w.down.busy) for w in self.workers),
            "server link": max(max(s.up.busy, s.down.busy) for s in self.servers),
            "server processor": max(s.processor.busy for s in self.servers),
            "shared link": self.shared.busy if self.shared else 0.0,
        }
        name = max(lanes, key=lanes.get)
        return name, min(1.0, lanes[name] / self.events.now)


def _spread(counts):
    """Mean and percentiles of a Counter of values."""
    total = sum(counts.values())
    values = sorted(counts.items())
    reached = list(itertools.accumulate(count for _, count in values))

    def percentile(part):
        return next(value for (value, _), upto in zip(values, reached) if upto >= part * total)

    return {"mean": sum(v * c for v, c in values) / total, "p50": percentile(0.5), "p95": percentile(0.95), "max": values[-1][0]}


def simulate(trace, cluster, steps=None):
    """Prediction for training the trace's net on a Cluster.

    `steps` of each worker are measured after two more: by default at least 8, where times are drawn at least 1,000 of all workers together, and as
    many as use every step of the trace equally often.
    """
    least = max(MEASURED, DRAWN // cluster.workers) if Straggle(cluster.straggle).varies else MEASURED
    variants = len(trace.steps)
    return Run(trace, cluster, steps or variants * math.ceil(least / variants)).run()
