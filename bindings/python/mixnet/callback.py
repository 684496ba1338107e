"""Callbacks for the training loop: speed, a live progress bar, checkpoints, logged metrics."""

import logging
import math
import shutil
import sys
import time


def module_checkpoint(mod, prefix, period=1, save_optimizer_states=False):
    """An epoch callback that saves a module every `period` epochs."""
    period = max(1, int(period))

    def callback(epoch, symbol=None, arg_params=None, aux_params=None):
        if (epoch + 1) % period == 0:
            mod.save_checkpoint(prefix, epoch + 1, save_optimizer_states)

    return callback


def do_checkpoint(prefix, period=1):
    """An epoch callback that saves PREFIX-symbol.json and PREFIX-NNNN.params every `period` epochs."""
    period = max(1, int(period))

    def callback(epoch, symbol, arg_params, aux_params):
        from .model import save_checkpoint

        if (epoch + 1) % period == 0:
            save_checkpoint(prefix, epoch + 1, symbol, arg_params, aux_params)

    return callback


def log_train_metric(period, auto_reset=False):
    """A batch callback that logs the training metric every `period` batches."""

    def callback(param):
        if param.nbatch % period == 0 and param.eval_metric is not None:
            for name, value in param.eval_metric.get_name_value():
                logging.info("Iter[%d] Batch[%d] Train-%s=%f", param.epoch, param.nbatch, name, value)
            if auto_reset:
                param.eval_metric.reset()

    return callback


class Speedometer:
    """A batch callback that logs samples per second and the metric every `frequent` batches."""

    def __init__(self, batch_size, frequent=50, auto_reset=True):
        self.batch_size, self.frequent, self.auto_reset = batch_size, frequent, auto_reset
        self.started, self.last = None, 0

    def __call__(self, param):
        if param.nbatch < self.last:
            self.started = None
        self.last = param.nbatch
        if self.started is None:
            self.started = time.perf_counter()
        elif param.nbatch % self.frequent == 0:
            speed = self.frequent * self.batch_size / max(1e-9, time.perf_counter() - self.started)
            pairs = param.eval_metric.get_name_value() if param.eval_metric is not None else []
            text = "".join(f"\t{name}={value:f}" for name, value in pairs)
            logging.info("Epoch[%d] Batch [%d]\tSpeed: %.2f samples/sec%s", param.epoch, param.nbatch, speed, text)
            if pairs and self.auto_reset:
                param.eval_metric.reset()
            self.started = time.perf_counter()


class ProgressBar:
    """A batch callback that draws one live line: share done, samples per second, time left, metrics.

    total: batches per epoch. Where the output is no terminal, a plain line is written at the end of each tenth.
    """

    def __init__(self, total, length=30, batch_size=None, stream=None):
        if total < 1:
            raise ValueError(f"[ProgressBar] total: expected at least 1, got {total}")
        self.total, self.length, self.batch_size = total, length, batch_size
        self.stream = stream or sys.stderr
        self.epoch = self.started = None
        self.shown = 0

    def __call__(self, param):
        now = time.perf_counter()
        if self.epoch != param.epoch:
            self.epoch, self.started, self.shown = param.epoch, now, 0
        done = min(param.nbatch + 1, self.total)
        live = self.stream.isatty()
        due = done == self.total or (now - self.shown > 0.1 if live else math.floor(10 * done / self.total) > self.shown)
        if due:
            self.shown = now if live else math.floor(10 * done / self.total)
            self._draw(param, done, max(1e-9, now - self.started), live)

    def _draw(self, param, done, seconds, live):
        filled = self.length * done // self.total
        parts = [f"epoch {param.epoch} [{'=' * filled}{'.' * (self.length - filled)}] {done}/{self.total}"]
        rate = done / seconds
        parts.append(f"{rate * self.batch_size:.0f} images/s" if self.batch_size else f"{rate:.1f} batches/s")
        parts.append(f"{(self.total - done) / rate:.0f} s left" if done < self.total else f"{seconds:.0f} s")
        if param.eval_metric is not None:
            parts += [f"{name} {value:.4f}" for name, value in param.eval_metric.get_name_value()]
        line = "  ".join(parts)
        if live:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + line[:width].ljust(width) + ("\n" if done == self.total else ""))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()


class LogValidationMetricsCallback:
    """An evaluation callback that logs the metric."""

    def __call__(self, param):
        if param.eval_metric is not None:
            for name, value in param.eval_metric.get_name_value():
                logging.info("Epoch[%d] Validation-%s=%f", param.epoch, name, value)
