"""Images decoded by threads, a few ahead of the one that is asked for, in order.

What is read and when does not depend on the number of threads. Threads start at first use, and again in a forked child.
"""

import collections
import concurrent.futures
import os

AHEAD = 8


class DecodeAhead:
    """Work done by threads ahead of its turn; without threads, when its result is asked for."""

    def __init__(self, threads):
        self.threads = threads
        self._pool = self._process = None

    def run(self, jobs, work):
        """(job, future of work(job)) for the jobs of an iterator, in order; AHEAD of them are taken before their turn."""
        submit, waiting = self._submit(), collections.deque()
        try:
            for job in jobs:
                waiting.append((job, submit(work, job)))
                if len(waiting) > AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()

    def _submit(self):
        if not self.threads:
            return _Later
        if self._pool is None or self._process != os.getpid():
            self._pool = concurrent.futures.ThreadPoolExecutor(self.threads, "image-decode")
            self._process = os.getpid()
        return self._pool.submit

    def close(self):
        """Waits for work under way."""
        pool, self._pool = self._pool, None
        if pool is not None and self._process == os.getpid():
            pool.shutdown()


class _Later:
    """A future that does its work when it is asked."""

    def __init__(self, work, job):
        self._work, self._job = work, job

    def result(self):
        return self._work(self._job)

    def cancel(self):
        pass


def usable_threads(asked):
    """`asked`, or for None one for every core this process may use, at most 4."""
    if asked is None:
        return min(4, len(os.sched_getaffinity(0)))
    if asked < 0:
        raise ValueError(f"[ImageIter] decode_threads: expected 0 or more, got {asked}")
    return asked
