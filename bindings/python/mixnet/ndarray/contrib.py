"""mx.nd.contrib: loops, branches, and the operators whose names begin with _contrib_."""

import functools

from .. import zipfian
from ..finite import isfinite, isinf, isnan
from ..namespaces import publish
from . import gen_op
from .control import cond, foreach, while_loop
from .random import uniform


def rand_zipfian(true_classes, num_sampled, range_max, ctx=None):
    """Classes drawn from an approximately Zipfian distribution on [0, range_max): P(k) = log((k+2)/(k+1)) / log(range_max+1).

    The classes drawn (int64), and how often the true classes and they themselves are to be expected among them.
    """
    return zipfian.rand_zipfian(functools.partial(uniform, ctx=ctx), true_classes, num_sampled, range_max)


def _lamb(step, columns, step_count, lrs, wds, out, num_tensors, options):
    count = num_tensors or len(columns[0])
    arrays = [array for group in zip(*columns) for array in group]
    out = columns[0] if out is None else out
    return step(*arrays, out=out, num_tensors=count, step_count=step_count, learning_rates=lrs, wds=wds, **options)


def multi_lamb_update(weights, grads, mean, var, step_count, lrs, wds, out=None, num_tensors=0, **kwargs):
    """Steps of LAMB for lists of weights, gradients and moments; writes the weights, or `out`. More options: those of _multi_lamb_update."""
    return _lamb(gen_op._multi_lamb_update, (weights, grads, mean, var), step_count, lrs, wds, out, num_tensors, kwargs)


def multi_mp_lamb_update(weights, grads, mean, var, weights32, step_count, lrs, wds, out=None, num_tensors=0, **kwargs):
    """The same with float32 copies of the weights."""
    return _lamb(gen_op._multi_mp_lamb_update, (weights, grads, mean, var, weights32), step_count, lrs, wds, out, num_tensors, kwargs)


__all__ = [
    "cond",
    "foreach",
    "isfinite",
    "isinf",
    "isnan",
    "multi_lamb_update",
    "multi_mp_lamb_update",
    "rand_zipfian",
    "while_loop",
    *publish(globals(), gen_op, "_contrib_"),
]
