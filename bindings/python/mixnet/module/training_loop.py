"""One epoch of training over a module, as `BaseModule.fit` runs it."""

import time

from ..model import BatchEndParam


def as_list(value):
    """`value` as a list: [] for None, a list or tuple as it is, else a list of one."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def call(callbacks, param):
    """Call one callback or each in a list with `param`."""
    for callback in as_list(callbacks):
        callback(param)


def update_metric(module, eval_metric, batch):
    """Add the outputs of `batch`; a list of batches is one per device, its labels already cut."""
    if isinstance(batch, list):
        module.update_metric(eval_metric, [part.label for part in batch], pre_sliced=True)
    else:
        module.update_metric(eval_metric, batch.label)


def train_epoch(module, train_data, epoch, eval_metric, batch_end_callback, monitor):
    """Train on every batch of `train_data` once; log the metric and the time.

    The next batch is fetched after the work of the current one was started, so that both proceed together.
    """
    started = time.time()
    eval_metric.reset()
    batches = iter(train_data)
    batch, nbatch, totals = next(batches, None), 0, []
    if batch is None:
        raise ValueError(f"[{type(module).__name__}] fit train_data: expected at least one batch, got none")
    while batch is not None:
        if monitor is not None:
            monitor.tic()
        module.forward_backward(batch)
        module.update()
        following = next(batches, None)
        if following is not None:
            module.prepare(following)
        update_metric(module, eval_metric, batch)
        if monitor is not None:
            monitor.toc_print()
        if following is None:
            totals = _totals(eval_metric)  # before a callback resets the metric
        call(batch_end_callback, BatchEndParam(epoch, nbatch, eval_metric, locals()))
        batch, nbatch = following, nbatch + 1
    for name, value in totals:
        module.logger.info("Epoch[%d] Train-%s=%f", epoch, name, value)
    module.logger.info("Epoch[%d] Time cost=%.3f", epoch, time.time() - started)


def _totals(eval_metric):
    over_epoch = getattr(eval_metric, "get_global_name_value", eval_metric.get_name_value)
    return over_epoch()
