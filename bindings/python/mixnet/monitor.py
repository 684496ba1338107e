"""Monitor: statistics of inner values while a network runs."""

import logging
import re

from .ndarray import NDArray


class Monitor:
    """Every `interval` batches collects stat_func of every value whose name matches `pattern`.

    stat_func takes an array and gives an array or a list of them; by default the mean absolute value.
    """

    def __init__(self, interval, stat_func=None, pattern=".*", sort=False, monitor_all=False):
        self.interval = interval
        self.stat_func = stat_func or (lambda x: x.astype("float32", copy=False).norm() / x.size**0.5)
        self.re_prog = re.compile(pattern)
        self.sort, self.monitor_all = sort, monitor_all
        self.activated, self.step = False, 0
        self.queue, self.exes = [], []

    def _collect(self, name, array):
        if self.activated and self.re_prog.match(name):
            self.queue.append((self.step, name, self.stat_func(array)))

    def install(self, exe, monitor_all=None):
        """Watches an executor."""
        self.exes.append(exe)

    def tic(self):
        """Before a batch: starts collecting when it is this batch's turn."""
        if self.step % self.interval == 0:
            for exe in self.exes:
                exe.set_monitor_callback(self._collect, self.monitor_all)
            self.queue, self.activated = [], True
        self.step += 1

    def toc(self):
        """After a batch: (step, name, text) of everything collected, with the parameters themselves."""
        if not self.activated:
            return []
        for exe in self.exes:
            exe.set_monitor_callback(None)
            for name, array in list(exe.arg_dict.items()) + list(exe.aux_dict.items()):
                self._collect(name, array)
        self.activated = False
        items = sorted(self.queue, key=lambda item: item[1]) if self.sort else self.queue
        self.queue = []
        return [(step, name, self._text(value)) for step, name, value in items]

    @staticmethod
    def _text(value):
        values = value if isinstance(value, (list, tuple)) else [value]
        return "\t".join(str(v.asscalar() if isinstance(v, NDArray) and v.size == 1 else v.asnumpy() if isinstance(v, NDArray) else v) for v in values)

    def toc_print(self):
        """toc(), logged."""
        for step, name, value in self.toc():
            logging.info("Batch: %7d %30s %s", step, name, value)
