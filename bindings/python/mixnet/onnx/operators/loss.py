"""Losses of classification."""

import numpy as np

from ..table import operator


def _reduced(n, loss, weights):
    kind = n.choice("reduction", "mean", "sum", "none")
    if kind == "none":
        return loss
    axes = list(range(loss.ndim))
    total = n.b.reduce("sum", loss, axes, False)
    return total / n.b.reduce("sum", weights, axes, False) if kind == "mean" else total


def _likelihood(n, logs, target, weight):
    """-weight[target] * logs[target] over axis 1, without targets that are to be ignored."""
    classes = logs.full_shape()[1]
    ignored = n.int("ignore_index")
    index = target.cast("int64")
    inside = n.b.binary("minimum", n.b.binary("maximum", index, 0), classes - 1)
    flags = n.b.op("one_hot", inside, depth=classes, dtype="float32").cast(logs.dtype).reshape(*target.full_shape(), classes)
    order = list(range(target.ndim))
    order.insert(1, target.ndim)
    picked = n.b.reduce("sum", flags.transpose(order) * logs, [1])
    picked = picked.reshape(*target.shape)
    weights = n.b.constant(np.ones(target.shape, "float32")).cast(logs.dtype) if weight is None else n.b.op("take", weight, inside, axis=0)
    if ignored is not None:
        weights = weights * n.b.compare("not_equal", index, ignored).cast(logs.dtype)
    return _reduced(n, -picked * weights, weights)


@operator("NegativeLogLikelihoodLoss")
def negative_log_likelihood(n, logs, target, weight=None):
    """Of logarithms of probabilities."""
    return _likelihood(n, logs, target, weight)


@operator("SoftmaxCrossEntropyLoss")
def cross_entropy(n, scores, target, weight=None):
    """Of scores before softmax; the second output are the logarithms of probabilities."""
    logs = n.b.op("log_softmax", scores, axis=1)
    return _likelihood(n, logs, target, weight), logs
