"""A live line for training: loss, accuracy, images per second. On a terminal it is redrawn, else one line per epoch."""

import sys
import time

WIDTH = 24
REDRAW_SECONDS = 0.2


class ProgressBar:
    """`batch_end_callback` for metrics named accuracy and cross-entropy.

    Parameters
    ----------
    steps : int
        Batches per epoch.
    batch_size, epochs : int
    after_epoch : callable, optional
        Called as ``after_epoch(accuracy, loss)`` when an epoch ends.
    """

    def __init__(self, steps, batch_size, epochs, after_epoch=None):
        self.steps, self.batch_size, self.epochs = steps, batch_size, epochs
        self.after_epoch = after_epoch
        self.live = sys.stdout.isatty()
        self._started = time.time()
        self._drawn = 0.0

    def __call__(self, param):
        done, now = param.nbatch + 1, time.time()
        last = done == self.steps
        if not last and (not self.live or now - self._drawn < REDRAW_SECONDS):
            return
        self._drawn = now
        values = dict(param.eval_metric.get_name_value())
        speed = done * self.batch_size / max(now - self._started, 1e-9)
        self._draw(param.epoch, done, values["accuracy"], values["cross-entropy"], speed, last)
        if last:
            self._started = time.time()
            if self.after_epoch is not None:
                self.after_epoch(values["accuracy"], values["cross-entropy"])

    def _draw(self, epoch, done, accuracy, loss, speed, last):
        filled = WIDTH * done // self.steps
        line = (
            f"epoch {epoch + 1}/{self.epochs} [{'=' * filled}{' ' * (WIDTH - filled)}] {done}/{self.steps}"
            f"  loss {loss:.4f}  accuracy {100 * accuracy:.2f} %  {speed:.0f} images/s"
        )
        print(("\r" if self.live else "") + line, end="\n" if last else "", flush=True)
