"""An epoch on worker threads: batches in order, a bounded number of them in flight.

Threads know the work, not the iterator, so that dropping it ends them; at the end of the process they are told to stop first. Tasks are taken from their
iterator on the caller's thread only. A thread that is inside of an example cannot be stopped: it ends after it. `close` may come from any thread, also
while another waits for a batch, which then sees the end of the epoch.
"""

import atexit
import collections
import queue
import threading
import time
import weakref

_live = weakref.WeakSet()


class WorkerIter:
    """Results of `make(task, stopped)` for each of `tasks`. `prefetch` tasks are in flight beyond the one waited for; `at_end` is called once at the end."""

    def __init__(self, make, tasks, num_workers, prefetch, timeout, at_end=None):
        self._tasks, self._prefetch, self._timeout, self._at_end = tasks, prefetch, timeout, at_end
        self._flying = collections.deque()
        self._waited = None
        self._number = 0
        self._work = _Work(make, num_workers)
        self._finalizer = weakref.finalize(self, self._work.stop)
        self._push(prefetch)

    def __iter__(self):
        return self

    def __next__(self):
        self._push(1)
        if not self._flying:
            self._end()
            raise StopIteration
        self._waited = slot = self._flying.popleft()
        self._number += 1
        if self._work.stopped:
            raise StopIteration
        if not slot.done.wait(self._timeout):
            self.close()
            raise TimeoutError(f"[DataLoader] batch {self._number - 1}: expected it within the timeout of {self._timeout} s, got none")
        self._waited = None
        if self._work.stopped:
            raise StopIteration
        self._push(self._prefetch)
        return slot.take()

    def _push(self, count):
        while len(self._flying) < count:
            task = next(self._tasks, None)
            if task is None:
                return
            slot = _Slot(task)
            self._flying.append(slot)
            self._work.tasks.put(slot)

    def _end(self):
        self.close()
        at_end, self._at_end = self._at_end, None
        if at_end is not None:
            at_end()

    def close(self):
        """Ends the epoch and its threads, with work in flight too; afterwards there are no more batches. May be called twice, from any thread."""
        self._tasks = iter(())
        self._finalizer()
        self._flying.clear()
        waited = self._waited
        if waited is not None:
            waited.done.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Slot:
    """One task and, once `done`, what came of it."""

    def __init__(self, task):
        self.task, self.done = task, threading.Event()
        self.result = self.error = None

    def take(self):
        """The result; raises the error without a cycle of frames that would keep the iterator, and its threads, alive."""
        if self.error is None:
            return self.result
        error, self.error = self.error, None
        try:
            raise error
        finally:
            del error


class _Work:
    def __init__(self, make, num_workers):
        self.tasks = queue.SimpleQueue()
        self.stopped = False
        self.threads = [threading.Thread(target=_serve, args=(self, make), name=f"mixnet-loader-{number}", daemon=True) for number in range(num_workers)]
        for thread in self.threads:
            thread.start()
        _live.add(self)

    def is_stopped(self):
        return self.stopped

    def stop(self):
        """Threads end after the example they are at; tasks not begun are dropped."""
        self.stopped = True
        for _ in self.threads:
            self.tasks.put(None)


def _serve(work, make):
    while True:
        slot = work.tasks.get()
        if slot is None or work.stopped:
            return
        try:
            slot.result = make(slot.task, work.is_stopped)
        except BaseException as error:
            slot.error = error
        slot.done.set()
        del slot


def _stop_all():
    works = list(_live)
    for work in works:
        work.stop()
    deadline = time.monotonic() + 1
    for thread in (thread for work in works for thread in work.threads):
        thread.join(max(deadline - time.monotonic(), 0))


atexit.register(_stop_all)
