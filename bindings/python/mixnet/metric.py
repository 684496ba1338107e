"""Evaluation metrics: update with labels and predictions, read with get()."""

import math

import numpy as np

from .base import MXNetError
from .ndarray import NDArray

_registry = {}


def register(cls, *names):
    """Makes a metric known to `create` by its lower-case class name and more names."""
    for name in (cls.__name__.lower(), *names):
        _registry[name] = cls
    return cls


def alias(*names):
    """A class decorator: more names for `create`."""
    return lambda cls: register(cls, *names)


def create(metric, *args, **kwargs):
    """A metric from a name, a list of them, a function of (label, pred), or a metric itself."""
    if isinstance(metric, EvalMetric):
        return metric
    if isinstance(metric, (list, tuple)):
        return CompositeEvalMetric([create(m, *args, **kwargs) for m in metric])
    if callable(metric):
        return CustomMetric(metric, *args, **kwargs)
    name = str(metric).lower()
    if name not in _registry:
        raise MXNetError(f"[metric] expected one of {', '.join(sorted(_registry))}, got {metric!r}")
    return _registry[name](*args, **kwargs)


def _numpy(value):
    return value.asnumpy() if isinstance(value, NDArray) else np.asarray(value)


def _lists(labels, preds, place):
    labels = list(labels) if isinstance(labels, (list, tuple)) else [labels]
    preds = list(preds) if isinstance(preds, (list, tuple)) else [preds]
    if len(labels) != len(preds):
        raise ValueError(f"[{place}] expected as many labels as predictions, got {len(labels)} and {len(preds)}")
    return [(_numpy(label), _numpy(pred)) for label, pred in zip(labels, preds)]


def check_label_shapes(labels, preds, wrap=False, shape=False):
    """Raises unless labels and predictions are equally many (or equally shaped)."""
    counts = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if counts[0] != counts[1]:
        raise ValueError(f"[metric] expected as many labels as predictions, got {counts[0]} and {counts[1]}")
    if wrap:
        return ([labels] if isinstance(labels, NDArray) else labels), ([preds] if isinstance(preds, NDArray) else preds)
    return labels, preds


class EvalMetric:
    """Base: keeps a sum and a count; get() is their ratio, NaN before anything was counted."""

    def __init__(self, name, output_names=None, label_names=None, **kwargs):
        self.name, self.output_names, self.label_names = str(name), output_names, label_names
        self._kwargs = kwargs
        self.reset()

    def __str__(self):
        return f"EvalMetric: {dict(self.get_name_value())}"

    def get_config(self):
        """What makes an equal metric."""
        return {**self._kwargs, "metric": type(self).__name__, "name": self.name, "output_names": self.output_names, "label_names": self.label_names}

    def update_dict(self, label, pred):
        """Updates from dicts by name, restricted to output_names and label_names where given."""
        preds = [pred[n] for n in self.output_names] if self.output_names is not None else list(pred.values())
        labels = [label[n] for n in self.label_names] if self.label_names is not None else list(label.values())
        self.update(labels, preds)

    def update(self, labels, preds):
        """Takes a batch in: lists of labels and predictions."""
        for label, pred in _lists(labels, preds, type(self).__name__):
            total, count = self._measure(label, pred)
            self.sum_metric += total
            self.num_inst += count
            self.global_sum_metric += total
            self.global_num_inst += count

    def _measure(self, label, pred):
        raise NotImplementedError("[EvalMetric] a metric defines update or _measure")

    def reset(self):
        """Forgets everything."""
        self.sum_metric, self.num_inst = 0.0, 0
        self.global_sum_metric, self.global_num_inst = 0.0, 0

    def reset_local(self):
        """Forgets what was counted since the last local reset."""
        self.sum_metric, self.num_inst = 0.0, 0

    def _value(self, total, count):
        return total / count if count else float("nan")

    def get(self):
        """(name, value)."""
        return self.name, self._value(self.sum_metric, self.num_inst)

    def get_global(self):
        """(name, value) since the last full reset."""
        return self.name, self._value(self.global_sum_metric, self.global_num_inst)

    @staticmethod
    def _pairs(got):
        names, values = got
        return list(zip(names, values)) if isinstance(names, list) else [(names, values)]

    def get_name_value(self):
        """[(name, value), ...]."""
        return self._pairs(self.get())

    def get_global_name_value(self):
        """[(name, value), ...] since the last full reset."""
        return self._pairs(self.get_global())


@alias("composite")
class CompositeEvalMetric(EvalMetric):
    """Several metrics at once."""

    def __init__(self, metrics=None, name="composite", output_names=None, label_names=None):
        self.metrics = [create(m) for m in metrics or []]
        super().__init__(name, output_names, label_names)

    def add(self, metric):
        """One more metric."""
        self.metrics.append(create(metric))

    def get_metric(self, index):
        """Metric number `index`."""
        return self.metrics[index]

    def update_dict(self, labels, preds):
        for metric in self.metrics:
            metric.update_dict(labels, preds)

    def update(self, labels, preds):
        for metric in self.metrics:
            metric.update(labels, preds)

    def reset(self):
        for metric in self.metrics:
            metric.reset()

    def reset_local(self):
        for metric in self.metrics:
            metric.reset_local()

    def _gather(self, read):
        pairs = [pair for metric in self.metrics for pair in read(metric)]
        return [name for name, _ in pairs], [value for _, value in pairs]

    def get(self):
        return self._gather(EvalMetric.get_name_value)

    def get_global(self):
        return self._gather(EvalMetric.get_global_name_value)


@alias("acc")
class Accuracy(EvalMetric):
    """Share of predictions whose largest entry along `axis` (or value) is the label."""

    def __init__(self, axis=1, name="accuracy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names, axis=axis)
        self.axis = axis

    def _measure(self, label, pred):
        if pred.shape != label.shape:
            pred = pred.argmax(axis=self.axis)
        if pred.size != label.size:
            raise ValueError(f"[Accuracy] expected as many labels as predictions, got shapes {label.shape} and {pred.shape}")
        return int((pred.astype("int64").ravel() == label.astype("int64").ravel()).sum()), label.size


@alias("top_k_accuracy", "top_k_acc")
class TopKAccuracy(EvalMetric):
    """Share of predictions whose top_k largest entries hold the label."""

    def __init__(self, top_k=1, name="top_k_accuracy", output_names=None, label_names=None):
        if top_k < 2:
            raise ValueError(f"[TopKAccuracy] top_k: expected at least 2 (use Accuracy for 1), got {top_k}")
        super().__init__(f"{name}_{top_k}", output_names, label_names, top_k=top_k)
        self.top_k = top_k

    def _measure(self, label, pred):
        k = min(self.top_k, pred.shape[1])
        best = np.argpartition(pred.astype("float32"), -k, axis=1)[:, -k:]
        return int((best == label.astype("int64").reshape(-1, 1)).any(axis=1).sum()), label.size


class _Binary(EvalMetric):
    """Counts of the confusion matrix of labels 0 and 1."""

    def __init__(self, name, output_names, label_names, average):
        if average not in ("macro", "micro"):
            raise ValueError(f"[{name}] average: expected macro or micro, got {average!r}")
        self.average = average
        super().__init__(name, output_names, label_names, average=average)

    def reset(self):
        super().reset()
        self.counts = self.global_counts = np.zeros(4)

    def reset_local(self):
        super().reset_local()
        self.counts = np.zeros(4)

    def update(self, labels, preds):
        for label, pred in _lists(labels, preds, self.name):
            truth, guess = label.astype("int64").ravel(), pred.argmax(axis=1) if pred.ndim > 1 else (pred > 0.5).astype("int64")
            if len(np.unique(truth)) > 2:
                raise ValueError(f"[{self.name}] expected two classes, got {len(np.unique(truth))}")
            cells = [np.sum((guess == g) & (truth == t)) for g, t in ((1, 1), (1, 0), (0, 1), (0, 0))]
            self.counts, self.global_counts = self.counts + cells, self.global_counts + cells
        if self.average == "macro":
            value = self.score(self.counts)
            self.sum_metric += value
            self.global_sum_metric += value
            self.num_inst += 1
            self.global_num_inst += 1
            self.counts = np.zeros(4)
        else:
            total = int(self.counts.sum())
            self.sum_metric, self.num_inst = self.score(self.counts) * total, total
            self.global_sum_metric, self.global_num_inst = self.score(self.global_counts) * self.global_counts.sum(), int(self.global_counts.sum())


@alias("f1")
class F1(_Binary):
    """The harmonic mean of precision and recall, for two classes."""

    def __init__(self, name="f1", output_names=None, label_names=None, average="macro"):
        super().__init__(name, output_names, label_names, average)

    @staticmethod
    def score(counts):
        tp, fp, fn, _ = counts
        return 2 * tp / (2 * tp + fp + fn) if tp else 0.0


@alias("mcc")
class MCC(_Binary):
    """Matthews' correlation coefficient, for two classes."""

    def __init__(self, name="mcc", output_names=None, label_names=None, average="macro"):
        super().__init__(name, output_names, label_names, average)

    @staticmethod
    def score(counts):
        tp, fp, fn, tn = (float(c) for c in counts)
        norm = math.prod(x if x else 1.0 for x in (tp + fp, tp + fn, tn + fp, tn + fn))
        return (tp * tn - fp * fn) / math.sqrt(norm)


@alias("perplexity")
class Perplexity(EvalMetric):
    """exp of the mean negative log probability of the labels; ignore_label is left out."""

    def __init__(self, ignore_label=None, axis=-1, name="perplexity", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names, ignore_label=ignore_label, axis=axis)
        self.ignore_label, self.axis = ignore_label, axis

    def _measure(self, label, pred):
        label = label.astype("int64").ravel()
        pred = np.moveaxis(pred, self.axis, -1).reshape(-1, pred.shape[self.axis])
        probability = pred[np.arange(label.size), np.clip(label, 0, pred.shape[1] - 1)]
        kept = label != self.ignore_label if self.ignore_label is not None else np.ones(label.size, bool)
        return float(-np.log(np.maximum(1e-10, probability[kept])).sum()), int(kept.sum())

    def _value(self, total, count):
        return math.exp(total / count) if count else float("nan")


class _Regression(EvalMetric):
    """A mean per batch of a function of label and prediction."""

    def _measure(self, label, pred):
        label = label.reshape(label.shape[0], -1)
        pred = pred.reshape(pred.shape[0], -1)
        return float(self._error(label, pred)), 1


@alias("mae")
class MAE(_Regression):
    """The mean absolute error."""

    def __init__(self, name="mae", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def _error(self, label, pred):
        return np.abs(label - pred).mean()


@alias("mse")
class MSE(_Regression):
    """The mean squared error."""

    def __init__(self, name="mse", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def _error(self, label, pred):
        return ((label - pred) ** 2).mean()


@alias("rmse")
class RMSE(_Regression):
    """The root of the mean squared error."""

    def __init__(self, name="rmse", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def _error(self, label, pred):
        return math.sqrt(((label - pred) ** 2).mean())


@alias("ce", "cross-entropy")
class CrossEntropy(EvalMetric):
    """The mean negative log probability of the labels."""

    def __init__(self, eps=1e-12, name="cross-entropy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names, eps=eps)
        self.eps = eps

    def _measure(self, label, pred):
        label = label.ravel().astype("int64")
        if label.size != pred.shape[0]:
            raise ValueError(f"[{type(self).__name__}] expected {pred.shape[0]} labels, got {label.size}")
        return float(-np.log(pred[np.arange(label.size), label] + self.eps).sum()), label.size


@alias("nll_loss", "nll-loss")
class NegativeLogLikelihood(CrossEntropy):
    """The mean negative log likelihood of the labels."""

    def __init__(self, eps=1e-12, name="nll-loss", output_names=None, label_names=None):
        super().__init__(eps, name, output_names, label_names)


@alias("pearsonr")
class PearsonCorrelation(EvalMetric):
    """Pearson's correlation of labels and predictions, averaged over batches."""

    def __init__(self, name="pearsonr", output_names=None, label_names=None, average="macro"):
        super().__init__(name, output_names, label_names, average=average)

    def _measure(self, label, pred):
        return float(np.corrcoef(pred.ravel(), label.ravel())[0, 1]), 1


@alias("pcc")
class PCC(EvalMetric):
    """The correlation coefficient of the whole confusion matrix: Matthews' for any number of classes (Gorodkin, 2004)."""

    def __init__(self, name="pcc", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def reset(self):
        super().reset()
        self.matrix = self.global_matrix = np.zeros((2, 2))

    def update(self, labels, preds):
        for label, pred in _lists(labels, preds, "PCC"):
            truth, guess = label.astype("int64").ravel(), pred.argmax(axis=1).ravel()
            size = int(max(self.matrix.shape[0], truth.max() + 1, guess.max() + 1))
            grown = np.zeros((size, size))
            np.add.at(grown, (guess, truth), 1)
            self.matrix = grown + np.pad(self.matrix, (0, size - self.matrix.shape[0]))
            self.global_matrix = grown + np.pad(self.global_matrix, (0, size - self.global_matrix.shape[0]))
            self.num_inst = self.global_num_inst = 1

    @staticmethod
    def _score(c):
        n, x, y = c.sum(), c.sum(axis=1), c.sum(axis=0)
        norm = math.sqrt(float((n * n - (x * x).sum()) * (n * n - (y * y).sum())))
        return float(np.trace(c) * n - (x * y).sum()) / norm if norm else float("nan")

    def get(self):
        return self.name, self._score(self.matrix) if self.num_inst else float("nan")

    def get_global(self):
        return self.name, self._score(self.global_matrix) if self.global_num_inst else float("nan")


class Loss(EvalMetric):
    """The mean of the outputs themselves."""

    def __init__(self, name="loss", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def update(self, labels, preds):
        for pred in preds if isinstance(preds, (list, tuple)) else [preds]:
            values = _numpy(pred)
            self.sum_metric += float(values.sum())
            self.global_sum_metric += float(values.sum())
            self.num_inst += values.size
            self.global_num_inst += values.size


register(Loss)


@alias()
class Torch(Loss):
    """The mean of the outputs, under its old name."""

    def __init__(self, name="torch", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)


@alias()
class Caffe(Loss):
    """The mean of the outputs, under its old name."""

    def __init__(self, name="caffe", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)


class CustomMetric(EvalMetric):
    """A metric from feval(label, pred), which gives a value or (sum, count)."""

    def __init__(self, feval, name=None, allow_extra_outputs=False, output_names=None, label_names=None):
        if name is None:
            name = getattr(feval, "__name__", "custom")
            name = f"custom({name})" if "<" in name else name
        super().__init__(name, output_names, label_names, feval=feval)
        self._feval, self._allow_extra_outputs = feval, allow_extra_outputs

    def update(self, labels, preds):
        if self._allow_extra_outputs:
            preds = preds[: len(labels)]
        super().update(labels, preds)

    def _measure(self, label, pred):
        result = self._feval(label, pred)
        return result if isinstance(result, tuple) else (result, 1)


def np_metric(numpy_feval, name=None, allow_extra_outputs=False):
    """A metric from a function of numpy arrays."""
    return CustomMetric(numpy_feval, name or numpy_feval.__name__, allow_extra_outputs)
