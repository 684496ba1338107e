"""Machines that do the same at the same moments are simulated as one.

Synchronous workers without stragglers are all alike: one object for all is exact, as a round ends with its last push whoever sent it and answers share
the server's link evenly (within a hundredth where windows are full). Machines that are always slow make a second group. Else there is an object per
machine as long as there are few enough events; beyond, machines are sorted by the factor they draw in a step and cut into groups, the slowest alone,
each as slow as its slowest (synchronous), or groups draw as one machine (asynchronous).
"""

import numpy as np

from .cluster import Straggle

EVENTS = 1_000_000
_PER_MESSAGE = 7
_SMALLEST = 32


def sizes(cluster, messages, steps):
    """Machines in each group, the slowest last."""
    straggle, workers = Straggle(cluster.straggle), cluster.workers
    slow, _ = straggle.slow(workers)
    if cluster.synchronous and not straggle.varies:
        return [size for size in (workers - slow, slow) if size]
    most = max(_SMALLEST, int(EVENTS / (_PER_MESSAGE * messages * steps)))
    if workers <= most:
        return [1] * workers
    if slow:
        few = max(1, round(most * slow / workers))
        return _even(workers - slow, most - few) + _even(slow, few)
    alone = most // 4
    return _even(workers - alone, most - alone) + [1] * alone


def _even(machines, groups):
    """`machines` in at most `groups` groups of about the same size, the larger ones first."""
    groups = min(machines, groups)
    return [machines // groups + (i < machines % groups) for i in range(groups)] if groups else []


class Factors:
    """The factor by which each group computes slower in a step; the same for the same seed."""

    def __init__(self, cluster, group_sizes):
        self._straggle, self._sizes, self._cluster = Straggle(cluster.straggle), group_sizes, cluster
        self._random, self._steps = np.random.RandomState(cluster.seed), []
        slow, factor = self._straggle.slow(cluster.workers)
        fast = np.cumsum(group_sizes) <= cluster.workers - slow
        self._fixed = np.where(fast, 1.0, factor)

    def __call__(self, group, step):
        while len(self._steps) <= step:
            self._steps.append((self._fixed * self._drawn()).tolist())
        return self._steps[step][group]

    def _drawn(self):
        count = len(self._sizes)
        if count == self._cluster.workers or not self._cluster.synchronous:
            return self._straggle.draw(self._random, count)
        return np.sort(self._straggle.draw(self._random, self._cluster.workers))[np.cumsum(self._sizes) - 1]
