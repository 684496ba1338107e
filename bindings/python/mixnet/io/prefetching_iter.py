"""Fetch the next batch on a thread while the current one is worked on.

One thread per inner iterator, one batch ahead. An inner iterator is touched by its thread only. The threads know
nothing of the outer object, so that dropping it ends them.
"""

import queue
import threading
import weakref

from .data_desc import DataBatch, DataDesc, as_desc
from .data_iter import DataIter

_NEXT, _RESET, _STOP = "next", "reset", "stop"


class PrefetchingIter(DataIter):
    """Join one or several iterators to one that prefetches. Their data and label lists are concatenated.

    Parameters
    ----------
    iters : DataIter or list of DataIter
        All must have the same batch size and number of batches.
    rename_data, rename_label : list of dict, optional
        One dict per iterator from its names to new names.

    Notes
    -----
    An error in a thread is raised by `next`. `close` (also at the end of a ``with`` block, or when the object goes)
    ends the threads; afterwards `next` raises RuntimeError.
    """

    def __init__(self, iters, rename_data=None, rename_label=None):
        iters = list(iters) if isinstance(iters, (list, tuple)) else [iters]
        if not iters:
            raise ValueError("[PrefetchingIter] iters: expected at least one iterator, got none")
        self.n_iter = len(iters)
        self.iters = iters
        self.rename_data, self.rename_label = rename_data, rename_label
        super().__init__(self.provide_data[0].shape[0])
        self.current_batch = None
        self._fetchers = [_Fetcher(inner) for inner in iters]
        self._finalizer = weakref.finalize(self, _stop_all, self._fetchers)
        self._request(_NEXT)

    def close(self):
        """End the threads and wait for them. Calling it again does nothing."""
        self._finalizer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def provide_data(self):
        """Descriptions of all data arrays, renamed."""
        return _renamed([inner.provide_data for inner in self.iters], self.rename_data)

    @property
    def provide_label(self):
        """Descriptions of all label arrays, renamed."""
        return _renamed([inner.provide_label for inner in self.iters], self.rename_label)

    def _request(self, command):
        for fetcher in self._fetchers:
            fetcher.requests.put(command)

    def _collect(self):
        """One answer from every thread that owes one; the first error is returned, not raised."""
        answers = [fetcher.results.get() for fetcher in self._fetchers]
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        return answers, errors[0] if errors else None

    def _check_open(self):
        if not self._finalizer.alive:
            raise RuntimeError("[PrefetchingIter] next: expected an open iterator, got a closed one")

    def reset(self):
        """Start the next epoch; batches fetched ahead are dropped."""
        self._check_open()
        self._collect()
        self._request(_RESET)
        error = self._collect()[1]
        self._request(_NEXT)
        if error is not None:
            raise error

    def iter_next(self):
        """Move on by one batch; False at the end. Raises what an inner iterator raised."""
        self._check_open()
        batches, error = self._collect()
        self._request(_NEXT)
        if error is not None:
            raise error
        ended = [batch is None for batch in batches]
        if any(ended):
            if not all(ended):
                raise ValueError("[PrefetchingIter] iters: expected the same number of batches in all, got different")
            return False
        self.current_batch = _joined(batches, self.provide_data, self.provide_label)
        return True

    def next(self):
        """The next batch with the arrays of all iterators."""
        if not self.iter_next():
            raise StopIteration
        return self.current_batch

    def getdata(self):
        return self.current_batch.data

    def getlabel(self):
        return self.current_batch.label

    def getindex(self):
        return self.current_batch.index

    def getpad(self):
        return self.current_batch.pad


class _Fetcher:
    """A thread that answers each request with one result: a batch, None (end, or reset done) or an exception."""

    def __init__(self, inner):
        self.requests = queue.SimpleQueue()
        self.results = queue.SimpleQueue()
        arguments = (inner, self.requests, self.results)
        self.thread = threading.Thread(target=_serve, args=arguments, name="mixnet-prefetch", daemon=True)
        self.thread.start()


def _serve(inner, requests, results):
    while True:
        command = requests.get()
        if command is _STOP:
            return
        try:
            results.put(inner.next() if command is _NEXT else inner.reset())
        except StopIteration:
            results.put(None)
        except BaseException as error:
            results.put(error)


def _stop_all(fetchers):
    for fetcher in fetchers:
        fetcher.requests.put(_STOP)
    for fetcher in fetchers:
        if fetcher.thread is not threading.current_thread():
            fetcher.thread.join()


def _renamed(described, renames):
    if renames is None:
        renames = [{}] * len(described)
    return [_with_name(as_desc(desc), rename) for descs, rename in zip(described, renames) for desc in descs]


def _with_name(desc, rename):
    return DataDesc(rename.get(desc.name, desc.name), desc.shape, desc.dtype, desc.layout)


def _joined(batches, provide_data, provide_label):
    first = batches[0]
    if any(batch.pad != first.pad for batch in batches):
        raise ValueError(f"[PrefetchingIter] pad: expected the same in all iterators, got {[batch.pad for batch in batches]}")
    data = [array for batch in batches for array in batch.data]
    label = [array for batch in batches for array in batch.label or []]
    if first.bucket_key is not None:
        provide_data, provide_label = first.provide_data, first.provide_label
    return DataBatch(data, label, first.pad, first.index, first.bucket_key, provide_data, provide_label)
