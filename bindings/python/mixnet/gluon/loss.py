"""Losses: blocks that give one number per example, (batch,), but for losses that say otherwise.

All take `weight`, a factor, and at a call `sample_weight`, an array of factors that broadcasts against the loss before its mean, such as (batch, 1).
"""

import math

from .hybrid_block import HybridBlock

_TINY = 1e-12


class Loss(HybridBlock):
    """Base. batch_axis: the axis of examples, over which no mean is taken."""

    def __init__(self, weight, batch_axis, **kwargs):
        super().__init__(**kwargs)
        self._weight, self._batch_axis = weight, batch_axis

    def __repr__(self):
        return f"{type(self).__name__}(batch_axis={self._batch_axis}, w={self._weight})"

    def _weighted(self, F, loss, sample_weight):  # noqa: N803
        if sample_weight is not None:
            loss = F.broadcast_mul(loss, sample_weight)
        return loss if self._weight is None else loss * self._weight

    def _mean(self, F, loss, sample_weight):  # noqa: N803
        return F.mean(self._weighted(F, loss, sample_weight), axis=self._batch_axis, exclude=True)


class L2Loss(Loss):
    """weight / 2 (pred - label)^2, the mean per example."""

    def __init__(self, weight=1.0, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        return self._mean(F, F.square(F.reshape_like(label, pred) - pred) / 2, sample_weight)


class L1Loss(Loss):
    """|pred - label|, the mean per example."""

    def __init__(self, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        return self._mean(F, F.abs(F.reshape_like(label, pred) - pred), sample_weight)


class SigmoidBinaryCrossEntropyLoss(Loss):
    """-label log(p) - (1 - label) log(1 - p) with p = sigmoid(pred), or pred itself (from_sigmoid), the mean per example.

    A third array at a call, pos_weight, multiplies the first term.
    """

    def __init__(self, from_sigmoid=False, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._from_sigmoid = from_sigmoid

    def hybrid_forward(self, F, pred, label, sample_weight=None, pos_weight=None):  # noqa: N803
        label = F.reshape_like(label, pred)
        if self._from_sigmoid:
            positive = F.log(pred + _TINY) * label
            positive = positive if pos_weight is None else F.broadcast_mul(positive, pos_weight)
            loss = -(positive + F.log(1 - pred + _TINY) * (1 - label))
        else:
            # log(1 + exp(-pred)), for either sign without overflow.
            rest = F.Activation(-F.abs(pred), act_type="softrelu") + F.relu(-pred)
            if pos_weight is not None:
                rest = rest * (1 + F.broadcast_mul(pos_weight - 1, label))
            loss = pred - pred * label + rest
        return self._mean(F, loss, sample_weight)


SigmoidBCELoss = SigmoidBinaryCrossEntropyLoss


class SoftmaxCrossEntropyLoss(Loss):
    """-log softmax(pred) at the label, the mean per example.

    Parameters
    ----------
    axis : int
        The classes' axis.
    sparse_label : bool
        Labels are numbers of classes; otherwise they are shares of all classes, of pred's shape.
    from_logits : bool
        pred holds logarithms of probabilities already.
    """

    def __init__(self, axis=-1, sparse_label=True, from_logits=False, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._axis, self._sparse_label, self._from_logits = axis, sparse_label, from_logits

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        if not self._from_logits:
            pred = F.log_softmax(pred, self._axis)
        if self._sparse_label:
            loss = -F.pick(pred, label, axis=self._axis, keepdims=True)
        else:
            loss = -F.sum(pred * F.reshape_like(label, pred), axis=self._axis, keepdims=True)
        return self._mean(F, loss, sample_weight)


SoftmaxCELoss = SoftmaxCrossEntropyLoss


class KLDivLoss(Loss):
    """label (log(label) - pred), the sum per example; pred holds logarithms of probabilities (from_logits), or their softmax along `axis` is taken."""

    def __init__(self, from_logits=True, axis=-1, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._from_logits, self._axis = from_logits, axis

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        if not self._from_logits:
            pred = F.log_softmax(pred, self._axis)
        loss = self._weighted(F, label * (F.log(label + _TINY) - pred), sample_weight)
        return F.sum(loss, axis=self._batch_axis, exclude=True)


class CTCLoss(Loss):
    """Connectionist temporal classification (Graves et al., 2006): minus the logarithm of the labels' probability.

    pred is (batch, time, classes), or another order by `layout`; its last class is the blank. label is (batch, length), padded with -1, or the
    other way round by label_layout. Further arrays at a call: pred_lengths, label_lengths.
    """

    def __init__(self, layout="NTC", label_layout="NT", weight=None, **kwargs):
        if layout not in ("NTC", "TNC"):
            raise ValueError(f"[CTCLoss] layout: expected 'NTC' or 'TNC', got {layout!r}")
        if label_layout not in ("NT", "TN"):
            raise ValueError(f"[CTCLoss] label_layout: expected 'NT' or 'TN', got {label_layout!r}")
        super().__init__(weight, label_layout.index("N"), **kwargs)
        self._layout, self._label_layout = layout, label_layout

    def hybrid_forward(self, F, pred, label, pred_lengths=None, label_lengths=None, sample_weight=None):  # noqa: N803
        if self._layout == "NTC":
            pred = F.swapaxes(pred, 0, 1)
        if self._batch_axis == 1:
            label = F.swapaxes(label, 0, 1)
        lengths = {"use_data_lengths": pred_lengths is not None, "use_label_lengths": label_lengths is not None, "blank_label": "last"}
        given = {"data_lengths": pred_lengths, "label_lengths": label_lengths}
        loss = F.CTCLoss(pred, label, **{key: value for key, value in given.items() if value is not None}, **lengths)
        return self._weighted(F, loss, sample_weight)


class HuberLoss(Loss):
    """(pred - label)^2 / (2 rho) where they differ by less than rho, |pred - label| - rho / 2 elsewhere, the mean per example."""

    def __init__(self, rho=1, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._rho = rho

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        distance = F.abs(F.reshape_like(label, pred) - pred)
        loss = F.where(distance > self._rho, distance - 0.5 * self._rho, (0.5 / self._rho) * F.square(distance))
        return self._mean(F, loss, sample_weight)


class HingeLoss(Loss):
    """max(0, margin - pred label), the mean per example; labels are -1 and 1."""

    def __init__(self, margin=1, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._margin = margin

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        return self._mean(F, F.relu(self._margin - pred * F.reshape_like(label, pred)), sample_weight)


class SquaredHingeLoss(HingeLoss):
    """max(0, margin - pred label)^2, the mean per example."""

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        return self._mean(F, F.square(F.relu(self._margin - pred * F.reshape_like(label, pred))), sample_weight)


class LogisticLoss(Loss):
    """log(1 + exp(-pred label)), the mean per example; labels are -1 and 1 (label_format 'signed'), or 0 and 1 ('binary')."""

    def __init__(self, weight=None, batch_axis=0, label_format="signed", **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        if label_format not in ("signed", "binary"):
            raise ValueError(f"[LogisticLoss] label_format: expected 'signed' or 'binary', got {label_format!r}")
        self._label_format = label_format

    def hybrid_forward(self, F, pred, label, sample_weight=None):  # noqa: N803
        label = F.reshape_like(label, pred)
        if self._label_format == "signed":
            label = (label + 1) / 2
        loss = F.relu(pred) - pred * label + F.Activation(-F.abs(pred), act_type="softrelu")
        return self._mean(F, loss, sample_weight)


class TripletLoss(Loss):
    """max(0, |pred - positive|^2 - |pred - negative|^2 + margin), squares summed per example."""

    def __init__(self, margin=1, weight=None, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._margin = margin

    def hybrid_forward(self, F, pred, positive, negative, sample_weight=None):  # noqa: N803
        positive, negative = F.reshape_like(positive, pred), F.reshape_like(negative, pred)
        distance = F.sum(F.square(positive - pred) - F.square(negative - pred), axis=self._batch_axis, exclude=True)
        return self._weighted(F, F.relu(distance + self._margin), sample_weight)


class PoissonNLLLoss(Loss):
    """exp(pred) - target pred (pred a logarithm, from_logits), or pred - target log(pred): the mean of all, one number.

    compute_full adds Stirling's formula for log(target!) where target is above 1.
    """

    def __init__(self, weight=None, from_logits=True, batch_axis=0, compute_full=False, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._from_logits, self._compute_full = from_logits, compute_full

    def hybrid_forward(self, F, pred, target, sample_weight=None, epsilon=1e-08):  # noqa: N803
        target = F.reshape_like(target, pred)
        loss = F.exp(pred) - target * pred if self._from_logits else pred - target * F.log(pred + epsilon)
        if self._compute_full:
            stirling = target * F.log(target + epsilon) - target + 0.5 * F.log(2 * (target + epsilon) * math.pi)
            loss = loss + stirling * (target > 1)
        return F.mean(self._weighted(F, loss, sample_weight))


class CosineEmbeddingLoss(Loss):
    """1 - cos(input1, input2) where the label is 1, max(0, cos - margin) where it is -1; cosines along the last axis."""

    def __init__(self, weight=None, batch_axis=0, margin=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._margin = margin

    def hybrid_forward(self, F, input1, input2, label, sample_weight=None):  # noqa: N803
        input1 = F.reshape_like(input1, input2)
        product = F.sum(input1 * input2, axis=-1)
        lengths = F.norm(input1, axis=-1) * F.norm(input2, axis=-1)
        cosine = F.reshape(product / F.maximum(lengths, _TINY), (-1, 1))
        label = F.reshape(label, (-1, 1))
        loss = F.where(label == 1, 1 - cosine, F.relu(cosine - self._margin))
        return self._weighted(F, loss, sample_weight)


class SDMLLoss(Loss):
    """Smoothed deep metric learning (Bonadiman et al., 2019) on pairs (x1[i], x2[i]), (batch, length) each; every other row of x2 is a wrong partner.

    The Kullback-Leibler divergence between the softmax of minus the squared distances and labels smoothed by smoothing_parameter.
    """

    def __init__(self, smoothing_parameter=0.3, weight=1.0, batch_axis=0, **kwargs):
        super().__init__(weight, batch_axis, **kwargs)
        self._smoothing = smoothing_parameter
        self.kl_loss = KLDivLoss(from_logits=True)

    def hybrid_forward(self, F, x1, x2):  # noqa: N803
        distances = F.sum(F.square(F.broadcast_sub(F.expand_dims(x1, 1), F.expand_dims(x2, 0))), axis=2)
        row = F.contrib.arange_like(x1, axis=0)
        same = F.broadcast_equal(F.expand_dims(row, 1), F.expand_dims(row, 0))
        count = F.sum(F.ones_like(row))
        wrong = F.broadcast_div(self._smoothing * F.ones_like(same), count - 1)
        labels = F.where(same, (1 - self._smoothing) * F.ones_like(same), wrong)
        return self.kl_loss(F.log_softmax(-distances, axis=1), labels) * self._weight
