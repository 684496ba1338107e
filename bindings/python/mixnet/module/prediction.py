"""Pieces of prediction: walking an iterator, taking the padding off, joining the batches."""

from itertools import islice

from .. import ndarray as nd
from ..base import MXNetError


def batches_of(eval_data, num_batch, reset):
    """The batches of `eval_data`, at most `num_batch` (None: all), from the beginning where `reset`."""
    if reset:
        eval_data.reset()
    return islice(eval_data, num_batch)


def without_pad(outputs, pad):
    """Each output without its last `pad` examples (axis 0)."""
    if not pad:
        return list(outputs)
    return [array[0 : array.shape[0] - pad] for array in outputs]


def merge_outputs(batches):
    """Join lists of outputs along axis 0: one NDArray per output.

    Raises MXNetError where the batches have different numbers of outputs, as with some kinds of bucketing.
    """
    width = len(batches[0])
    for outputs in batches:
        if len(outputs) != width:
            raise MXNetError(f"[predict] merge_batches: expected {width} outputs in every batch, got {len(outputs)}")
    if len(batches) == 1:
        return batches[0]
    return [nd.concat(*[outputs[i] for outputs in batches], dim=0) for i in range(width)]
