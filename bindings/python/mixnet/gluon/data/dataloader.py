"""The loader: batches of a dataset, made on the calling thread or on worker threads.

Workers are threads, never processes: reading, decoding, the operators that transforms are made of and numpy's larger functions release Python's
lock, so threads make them side by side, nothing is copied between processes, and what the library has open needs no second life after a fork. A
transform that is a loop in Python gets no faster by them.
"""

import weakref

from ...base import MXNetError
from ...context import cpu_pinned
from ...ndarray import NDArray
from .batchify import default_batchify_fn, default_mp_batchify_fn  # noqa: F401 - names of MXNet's module
from .gathering import PICTURES, are_pictures, batch_of, without_tail
from .item_random import begin_item, end_item, epoch_seed
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .worker_iter import WorkerIter


class ItemError(MXNetError):
    """What an example or its batch raised, with `batch` (its number in the epoch) and `index` (the example's number in the dataset, None where
    joining the batch failed). The exception itself is `__cause__`."""

    def __init__(self, batch, index, cause):
        what = f"batch {batch}" if index is None else f"batch {batch}, example {index}"
        super().__init__(f"[DataLoader] {what}: {type(cause).__name__}: {cause}")
        self.batch, self.index, self.__cause__ = batch, index, cause


class DataLoader:
    """Batches of a dataset, in the order of the sampler whatever the number of workers. Each `iter` is an epoch of its own.

    Parameters
    ----------
    dataset : Dataset or whatever has `len` and ``[]``
    batch_size : int
    shuffle : bool
        A new order in every epoch, drawn from numpy.random.
    sampler : iterable of int, instead of `shuffle`
    last_batch : {'keep', 'discard', 'rollover'}
        Fewer examples at the end make a batch, are dropped, or begin the next epoch.
    batch_sampler : iterable of lists of int, instead of the four above
    batchify_fn : callable
        Makes a batch of a list of examples: `batchify.default_batchify_fn` stacks them.
    num_workers : int
        Threads that make batches; 0 makes each when it is asked for.
    pin_memory, pin_device_id :
        Arrays in page-locked memory, from which copies to a GPU are faster.
    prefetch : int
        Batches made ahead, ``2 * num_workers`` by default.
    thread_pool, try_nopython :
        Accepted for scripts written for MXNet; workers are always threads.
    timeout : number
        Seconds to wait for a batch of the workers.
    auto_reload : bool
        The next epoch is begun when one ends, and the first now.

    Raises
    ------
    ValueError
        For arguments that exclude each other or are out of range.
    ItemError
        By an iterator, for what an example raised. It may be asked for the next batch afterwards.
    TimeoutError
        By an iterator, when a batch took longer than `timeout`. It is closed then.
    """

    def __init__(
        self,
        dataset,
        batch_size=None,
        shuffle=False,
        sampler=None,
        last_batch=None,
        batch_sampler=None,
        batchify_fn=None,
        num_workers=0,
        pin_memory=False,
        pin_device_id=0,
        prefetch=None,
        thread_pool=False,
        timeout=120,
        auto_reload=False,
        try_nopython=None,
    ):
        if timeout <= 0:
            raise ValueError(f"[DataLoader] timeout: expected more than 0 seconds, got {timeout}")
        if prefetch is not None and prefetch < 0:
            raise ValueError(f"[DataLoader] prefetch: expected at least 0, got {prefetch}")
        self._dataset = dataset
        self._batch_sampler = batch_sampler
        if batch_sampler is None:
            self._batch_sampler = _batches(dataset, batch_size, shuffle, sampler, last_batch)
        elif batch_size is not None or shuffle or sampler is not None or last_batch is not None:
            raise ValueError("[DataLoader] batch_sampler: expected none of batch_size, shuffle, sampler and last_batch beside it, got some")
        pinned = cpu_pinned(pin_device_id) if pin_memory else None
        self._make = _BatchMaker(dataset, batchify_fn or default_batchify_fn, pinned)
        self._num_workers = max(int(num_workers), 0)
        self._prefetch = 2 * self._num_workers if prefetch is None else int(prefetch)
        self._timeout = timeout
        self._ahead = None
        self.auto_reload = auto_reload
        if auto_reload:
            self.refresh()

    def __iter__(self):
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead
        return self._begin() if self._num_workers else self._on_this_thread()

    def __len__(self):
        """Batches in an epoch."""
        return len(self._batch_sampler)

    def refresh(self):
        """Begins the epoch that the next `iter` gives, dropping one begun before."""
        self.clean()
        if self._num_workers:
            self._ahead = self._begin()

    def clean(self):
        """Ends the epoch begun ahead, if one is."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.close()

    def _begin(self):
        loader = weakref.ref(self)
        at_end = (lambda: loader() and loader().refresh()) if self.auto_reload else None
        tasks = ((epoch, number, indices) for epoch in [epoch_seed()] for number, indices in enumerate(self._batch_sampler))
        return WorkerIter(self._make, tasks, self._num_workers, self._prefetch, self._timeout, at_end)

    def _on_this_thread(self):
        return _DirectIter(self._make, iter(self._batch_sampler))


class _DirectIter:
    """Batches made when asked for."""

    def __init__(self, make, batches):
        self._make, self._batches = make, batches
        self._seed, self._number = None, 0

    def __iter__(self):
        return self

    def __next__(self):
        indices = next(self._batches)
        if self._seed is None:
            self._seed = epoch_seed()
        self._number += 1
        return self._make((self._seed, self._number - 1, indices))

    def close(self):
        """No more batches."""
        self._batches = iter(())


class _BatchMaker:
    """A batch of one task (seed of the epoch, number of the batch, numbers of its examples)."""

    def __init__(self, dataset, batchify, pinned):
        self._dataset, self._batchify, self._pinned = dataset, batchify, pinned
        self._head, self._tail = without_tail(dataset) if batchify is default_batchify_fn else (dataset, [])

    def __call__(self, task, stopped=lambda: False):
        seed, number, indices = task
        index = None
        try:
            batch = self._at_once(indices)
            if batch is None:
                items = []
                for place, index in enumerate(indices):
                    if stopped():
                        return None
                    begin_item(seed, number, place)
                    items.append(self._head[index])
                batch = self._finished(items)
                if batch is None:
                    for place, item in enumerate(items):
                        index = indices[place]
                        items[place] = _with_steps(item, self._tail)
                    index = None
                    batch = self._batchify(items)
            return batch if self._pinned is None else _in_context(batch, self._pinned)
        except Exception as error:
            raise ItemError(number, index, error) from error
        finally:
            end_item()

    def _at_once(self, indices):
        """The batch by `batch_of`; None where it must be made of examples, also of those that fail, to know which."""
        if self._batchify is not default_batchify_fn:
            return None
        try:
            batch = batch_of(self._head, indices)
            if batch is None or (self._tail and _first(batch).ndim != PICTURES):
                return None
            return self._with_tail(batch)
        except Exception:
            return None

    def _finished(self, items):
        """The batch of examples that lack their last steps; None where these must be done one by one."""
        if not self._tail or not are_pictures([_first(item) for item in items]):
            return None
        try:
            return self._with_tail(self._batchify(items))
        except Exception:
            return None

    def _with_tail(self, batch):
        made = _with_steps(tuple(batch) if isinstance(batch, list) else batch, self._tail)
        return list(made) if isinstance(made, tuple) else made


def _first(item):
    return item[0] if isinstance(item, (tuple, list)) else item


def _with_steps(item, steps):
    for step in steps:
        item = step(*item) if isinstance(item, tuple) else step(item)
    return item


def _in_context(batch, context):
    if isinstance(batch, NDArray):
        return batch.as_in_context(context)
    return type(batch)(_in_context(part, context) for part in batch) if isinstance(batch, (list, tuple)) else batch


def _batches(dataset, batch_size, shuffle, sampler, last_batch):
    if batch_size is None:
        raise ValueError("[DataLoader] batch_size: expected a number, or a batch_sampler, got neither")
    if sampler is None:
        sampler = (RandomSampler if shuffle else SequentialSampler)(len(dataset))
    elif shuffle:
        raise ValueError("[DataLoader] shuffle: expected none beside a sampler, got True")
    return BatchSampler(sampler, batch_size, last_batch or "keep")
