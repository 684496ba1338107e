"""Simulated time: functions called in the order of the moments they were set for."""

import heapq


class Events:
    """`now` in seconds; functions set for the same moment run in the order in which they were set."""

    def __init__(self):
        self.now, self.count, self._heap = 0.0, 0, []

    def at(self, time, function, *arguments):
        """Calls function(*arguments) at `time`, which is now or later."""
        self.count += 1
        heapq.heappush(self._heap, (time, self.count, function, arguments))

    def run(self, finished):
        """Runs until finished() or nothing is left to do."""
        heap, pop = self._heap, heapq.heappop
        while heap and not finished():
            self.now, _, function, arguments = pop(heap)
            function(*arguments)


class Lane:
    """Something that serves one after the other, in the order in which it is asked: a link in one direction, a processor."""

    __slots__ = ("rate", "free", "busy")

    def __init__(self, rate):
        self.rate, self.free, self.busy = rate, 0.0, 0.0

    def take(self, start, amount):
        """When `amount` that may begin at `start` is through."""
        if start > self.free:
            self.free = start
        lasts = amount / self.rate
        self.busy += lasts
        self.free += lasts
        return self.free
