"""Who may have which weights: rounds of pushes per message, versions of weights, and how stale what was pushed is."""

from collections import Counter


class Rounds:
    """A worker's pull after its r-th push is answered when all workers have pushed r - staleness times; see Cluster."""

    def __init__(self, cluster, messages, groups):
        self._workers, self._staleness = cluster.workers, cluster.staleness
        self._pushes = [[0] * groups for _ in range(messages)]
        self._in = [Counter() for _ in range(messages)]  # round: machines whose push of it is in
        self._complete = [0] * messages  # rounds that are in of all workers
        self._waiting = [[] for _ in range(messages)]  # (round, worker)
        self._version = [0] * messages
        self._base = [[0] * groups for _ in range(messages)]  # the version that each was last given
        self.stale = Counter()  # updates that a push did not know of: how many pushes
        self.lead = 0  # rounds by which a worker was ahead of the slowest, at most

    def pushed(self, worker, index):
        """Counts a push; the workers whose pulls can be answered now."""
        pushes, waiting = self._pushes[index], self._waiting[index]
        pushes[worker.index] += 1
        mine = pushes[worker.index]
        self._count_update(worker, index)
        waiting.append((mine, worker))
        advanced = self._advance(index, mine, worker.size)
        self.lead = max(self.lead, mine - self._complete[index])
        if not advanced and mine - self._staleness > self._complete[index]:
            return []
        latest = self._complete[index] + self._staleness
        self._waiting[index] = [entry for entry in waiting if entry[0] > latest]
        return [worker for round_, worker in waiting if round_ <= latest]

    def _count_update(self, worker, index):
        if self._staleness == 0:
            self.stale[0] += worker.size
            return
        unknown = self._version[index] - self._base[index][worker.index]
        self.stale[unknown + (worker.size - 1) // 2] += worker.size
        self._version[index] += worker.size

    def _advance(self, index, mine, size):
        machines, before = self._in[index], self._complete[index]
        machines[mine] += size
        while machines[self._complete[index] + 1] == self._workers:
            self._complete[index] += 1
            del machines[self._complete[index]]
        return self._complete[index] > before

    def read(self, worker, index):
        """A worker is given the weights of now."""
        self._base[index][worker.index] = self._version[index]
