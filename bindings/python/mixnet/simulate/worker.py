"""A worker: computes, pushes gradients as they become ready, and computes on when the weights are back.

What is pushed goes to its socket at once, and from there in that order, as long as the window of its server has room; of what waits for room
the most urgent goes first.

One object stands for `size` machines that do the same at the same moments. Waiting in the forward pass needs no events: if key k is needed n(k)
after the start and arrives at a(k), the backward pass, n(last) after an undelayed start, begins at the largest a(k) + n(last) - n(k).
"""

import heapq

from .events import Lane


class Worker:
    def __init__(self, run, index, size):
        self.run, self.index, self.size = run, index, size
        self.up, self.down = Lane(run.cluster.bandwidth), Lane(run.cluster.bandwidth)
        self.ends = []  # when the computing of each step ended, or will
        self._step, self._end = -1, 0.0
        self._queue = []  # (priority, index) of messages that are ready and not yet sent
        self._times, self._order, self._coming = [], [], 0  # of this step's messages by time; how many were in the queue
        self._under_way = [0] * run.cluster.servers
        self._held = {}  # server: what waits for its window
        self._awaited = 0
        self._begin_step()

    def _begin_step(self):
        self._step += 1
        self._factor = self.run.factor(self.index, self._step)
        self._forward = self.run.step(self._step).forward
        self._backward = self._end + self._forward * self._factor  # begins then unless weights come late

    def compute(self):
        """The weights of this step are there: its times are fixed now, and the next step begins where it ends."""
        run, begin, factor, forward = self.run, self._backward, self._factor, self._forward
        self._order, ready = run.ready(self._step)
        self._times, self._coming = [begin + (t - forward) * factor for t in ready], 0
        self._awaited = len(ready)
        self._end = begin + (run.step(self._step).compute - forward) * factor
        self.ends.append(self._end)
        run.ended(self)
        run.events.at(self._times[0], self._pump)
        self._begin_step()

    def received(self, index):
        """Weights have arrived for the step after the one that pushed."""
        need = self.run.need(self._step)[index]
        self._backward = max(self._backward, self.run.events.now + (self._forward - need) * self._factor)
        self._awaited -= 1
        if not self._awaited:
            self.compute()

    def answered(self, message):
        """A server holds a push: it is no longer under way."""
        self._under_way[message.server] -= message.bytes
        self._wait_no_longer(message.server)
        self._pump()

    def _pump(self):
        """Hands over what is ready and has room, the most urgent first; comes back when more is ready."""
        now, times, messages = self.run.events.now, self._times, self.run.messages
        while self._coming < len(times) and times[self._coming] <= now:
            index = self._order[self._coming]
            heapq.heappush(self._queue, (messages[index].priority, index))
            self._wait_no_longer(messages[index].server)
            self._coming += 1
            if self._coming < len(times) and times[self._coming] > now:
                self.run.events.at(times[self._coming], self._pump)
        while self._queue:
            entry = heapq.heappop(self._queue)
            message = messages[entry[1]]
            if message.server in self._held or not self._has_room(message):
                self._held.setdefault(message.server, []).append(entry)
            else:
                self._send(entry[1], message)

    def _wait_no_longer(self, server):
        """What was held for a server is to be looked at again, with what is new."""
        for entry in self._held.pop(server, ()):
            heapq.heappush(self._queue, entry)

    def _has_room(self, message):
        under_way = self._under_way[message.server]
        return not under_way or under_way + message.bytes <= self.run.cluster.window_bytes

    def _send(self, index, message):
        run, latency = self.run, self.run.cluster.latency
        if run.has_windows:
            self._under_way[message.server] += message.bytes
        begun = max(run.events.now, self.up.free)
        sent = run.through_all(self.up, message, message.bytes, self.size)
        run.events.at(begun + latency, run.servers[message.server].begins, self, index, sent + latency)
