"""A server: takes pushes in the order in which they arrive, with one processor for all its keys, and answers who may have weights."""

from .events import Lane


class Server:
    def __init__(self, run):
        bandwidth = run.cluster.server_bandwidth
        self.run, self.up, self.down, self.processor = run, Lane(bandwidth), Lane(bandwidth), Lane(1.0)

    def begins(self, worker, index, complete):
        """A push begins to arrive; not all of it is here before `complete`. Of a group's pushes the first is here before the last."""
        size = self.run.messages[index].bytes
        received = max(self.down.take(self.run.events.now, size * worker.size), complete)
        first = received - size * (worker.size - 1) / self.down.rate
        self.run.events.at(max(first, self.run.events.now), self._arrived, worker, index, received)

    def _arrived(self, worker, index, received):
        cluster, message, now = self.run.cluster, self.run.messages[index], self.run.events.now
        rate = cluster.sum_rate if cluster.synchronous else cluster.update_rate
        cost = message.bytes / rate + message.requests * cluster.request_cost
        done = self.processor.take(now, cost * worker.size)
        self.run.events.at(max(done, received + cost), self._counted, worker, index)

    def _counted(self, worker, index):
        run, now, message = self.run, self.run.events.now, self.run.messages[index]
        if run.has_windows:
            run.events.at(now + run.cluster.latency, worker.answered, message)
        workers = run.rounds.pushed(worker, index)
        if not workers:
            return
        if run.cluster.synchronous:
            now = self.processor.take(now, message.bytes / run.cluster.update_rate)
        run.events.at(now, self._answer, index, workers)

    def _answer(self, index, workers):
        """Those who get the same weights at the same moment share the link evenly: all of them have them when the last has."""
        run, latency = self.run, self.run.cluster.latency
        message, machines = run.messages[index], sum(worker.size for worker in workers)
        begun = max(run.events.now, self.up.free)
        sent = run.through_all(self.up, message, message.bytes * machines, machines)
        for worker in workers:
            run.rounds.read(worker, index)
            run.events.at(begun + latency, self._reaches, worker, index, sent + latency)

    def _reaches(self, worker, index, complete):
        received = worker.down.take(self.run.events.now, self.run.messages[index].bytes)
        self.run.events.at(max(received, complete), worker.received, index)
