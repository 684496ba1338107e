"""In which order examples come: an iterable of numbers, or of lists of numbers. Each `iter` is an epoch.

What is random is drawn from numpy.random, so that `numpy.random.seed` gives MXNet's orders.
"""

import numpy as np

LAST_BATCH = ("keep", "discard", "rollover")


class Sampler:
    """Base class. A subclass gives `__iter__` and `__len__`."""

    def __iter__(self):
        raise NotImplementedError(f"[{type(self).__name__}] __iter__: expected the subclass to define it, got none")

    def __len__(self):
        raise NotImplementedError(f"[{type(self).__name__}] __len__: expected the subclass to define it, got none")


class SequentialSampler(Sampler):
    """`start`, `start + 1`, ..., `length` numbers."""

    def __init__(self, length, start=0):
        self._length, self._start = length, start

    def __iter__(self):
        return iter(range(self._start, self._start + self._length))

    def __len__(self):
        return self._length


class RandomSampler(Sampler):
    """The numbers below `length` in an order drawn for each epoch."""

    def __init__(self, length):
        self._length = length

    def __iter__(self):
        order = np.arange(self._length)
        np.random.shuffle(order)
        return iter(order.tolist())

    def __len__(self):
        return self._length


class FilterSampler(Sampler):
    """The numbers of the examples for which `fn(example)` is true; all examples are looked at once, now."""

    def __init__(self, fn, dataset):
        self._numbers = [i for i in range(len(dataset)) if fn(dataset[i])]

    def __iter__(self):
        return iter(self._numbers)

    def __len__(self):
        return len(self._numbers)


class IntervalSampler(Sampler):
    """0, interval, 2 * interval, ... below `length`; with `rollover` then 1, 1 + interval, ... until all numbers came."""

    def __init__(self, length, interval, rollover=True):
        if not 1 <= interval <= length:
            raise ValueError(f"[IntervalSampler] interval: expected 1 to {length} (the length), got {interval}")
        self._length, self._interval, self._rollover = length, interval, rollover

    def __iter__(self):
        for start in range(self._interval if self._rollover else 1):
            yield from range(start, self._length, self._interval)

    def __len__(self):
        return self._length if self._rollover else len(range(0, self._length, self._interval))


class BatchSampler(Sampler):
    """Lists of `batch_size` numbers of another sampler.

    `last_batch` says what becomes of fewer at the end: "keep" gives them, "discard" drops them, "rollover" begins the next epoch with them.
    """

    def __init__(self, sampler, batch_size, last_batch="keep"):
        if int(batch_size) != batch_size or batch_size < 1:
            raise ValueError(f"[BatchSampler] batch_size: expected a whole number of at least 1, got {batch_size}")
        if last_batch not in LAST_BATCH:
            raise ValueError(f"[BatchSampler] last_batch: expected one of {LAST_BATCH}, got {last_batch!r}")
        self._sampler, self._batch_size, self._last_batch = sampler, int(batch_size), last_batch
        self._rolled = []

    def __iter__(self):
        batch, self._rolled = self._rolled, []
        for number in self._sampler:
            batch.append(number)
            if len(batch) == self._batch_size:
                yield batch
                batch = []
        if batch and self._last_batch == "keep":
            yield batch
        elif self._last_batch == "rollover":
            self._rolled = batch

    def __len__(self):
        if self._last_batch == "keep":
            return -(-len(self._sampler) // self._batch_size)
        return (len(self._sampler) + len(self._rolled)) // self._batch_size
