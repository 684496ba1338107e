"""Checkpoints, and what the training loops share about key-value stores; FeedForward, the oldest training interface."""

import logging
from collections import namedtuple

import numpy as np

from . import kvstore as kvs
from . import ndarray as nd
from . import symbol as sym
from .base import MXNetError
from .context import Context, cpu

BatchEndParam = namedtuple("BatchEndParams", ["epoch", "nbatch", "eval_metric", "locals"])


def save_checkpoint(prefix, epoch, symbol, arg_params, aux_params, remove_amp_cast=True):
    """Writes PREFIX-symbol.json and PREFIX-NNNN.params, names as arg:NAME and aux:NAME; the casts of mixed precision only when asked for."""
    if symbol is not None:
        symbol.save(f"{prefix}-symbol.json", remove_amp_cast)
    values = {f"arg:{name}": value.as_in_context(cpu()) for name, value in arg_params.items()}
    values.update({f"aux:{name}": value.as_in_context(cpu()) for name, value in aux_params.items()})
    nd.save(f"{prefix}-{epoch:04d}.params", values)


def load_params(prefix, epoch):
    """(arg_params, aux_params) of a checkpoint."""
    path = f"{prefix}-{epoch:04d}.params"
    loaded = nd.load(path)
    if not isinstance(loaded, dict):
        raise MXNetError(f"[load_params] {path}: expected names such as arg:weight, got a list without names")
    groups = {"arg": {}, "aux": {}}
    for key, value in loaded.items():
        kind, _, name = key.partition(":")
        if kind not in groups:
            raise MXNetError(f"[load_params] {path}: expected names such as arg:weight, got {key!r}")
        groups[kind][name] = value
    return groups["arg"], groups["aux"]


def load_checkpoint(prefix, epoch):
    """(symbol, arg_params, aux_params) of a checkpoint."""
    return (sym.load(f"{prefix}-symbol.json"), *load_params(prefix, epoch))


def _create_kvstore(kvstore, num_device, arg_params):
    """(store or None, whether the store runs the optimizer) for what the user gave as kvstore."""
    if kvstore is None:
        return None, False
    if isinstance(kvstore, str):
        if num_device == 1 and "dist" not in kvstore:
            return None, False
        kvstore = kvs.create(kvstore)
    elif not isinstance(kvstore, kvs.KVStore):
        raise TypeError(f"[kvstore] expected a KVStore, a text or None, got {type(kvstore).__name__}")
    # Very large arrays are updated on the devices, which saves copies.
    large = any(int(np.prod(p.shape)) > 16 * 1024 * 1024 for p in arg_params.values())
    return kvstore, not (kvstore.type == "local" and large)


def _initialize_kvstore(kvstore, param_arrays, arg_params, param_names, update_on_kvstore):
    """Every parameter becomes a key; with the optimizer in the store the devices start from its values."""
    for index, (name, arrays) in enumerate(zip(param_names, param_arrays)):
        kvstore.init(name, arg_params[name])
        if update_on_kvstore:
            kvstore.pull(name, arrays, priority=-index)


def _has_gradient(grads):
    return grads and grads[0] is not None


def _update_params_on_kvstore(param_arrays, grad_arrays, kvstore, param_names):
    """Pushes gradients and pulls updated weights, first layers first."""
    for index, (name, arrays, grads) in enumerate(zip(param_names, param_arrays, grad_arrays)):
        if _has_gradient(grads):
            kvstore.push(name, grads, priority=-index)
            kvstore.pull(name, arrays, priority=-index)


def _update_params(param_arrays, grad_arrays, updater, num_device, kvstore=None, param_names=None):
    """Sums gradients through the store, if any, and runs the optimizer on every device."""
    steps = [[] for _ in range(num_device)]
    for index, (arrays, grads) in enumerate(zip(param_arrays, grad_arrays)):
        if not _has_gradient(grads):
            continue
        if kvstore:
            kvstore.push(param_names[index], grads, priority=-index)
            kvstore.pull(param_names[index], grads, priority=-index)
        for device, (weight, grad) in enumerate(zip(arrays, grads)):
            steps[device].append((index * num_device + device, grad, weight))
    for of_device in filter(None, steps):
        updater(*map(list, zip(*of_device)))


class FeedForward:
    """A symbol with parameters: fit, predict, score, save, load. Inputs are numpy arrays or data iterators."""

    def __init__(
        self,
        symbol,
        ctx=None,
        num_epoch=None,
        epoch_size=None,
        optimizer="sgd",
        initializer=None,
        numpy_batch_size=128,
        arg_params=None,
        aux_params=None,
        allow_extra_params=False,
        begin_epoch=0,
        **kwargs,
    ):
        from .initializer import Uniform

        self.symbol = symbol
        self.ctx = [cpu()] if ctx is None else [ctx] if isinstance(ctx, Context) else list(ctx)
        self.num_epoch, self.epoch_size, self.begin_epoch = num_epoch, epoch_size, begin_epoch
        self.optimizer, self.kwargs = optimizer, kwargs
        self.initializer = initializer or Uniform(0.01)
        self.numpy_batch_size = numpy_batch_size
        self.arg_params, self.aux_params = arg_params, aux_params
        self.allow_extra_params = allow_extra_params
        self._module = None

    def _iterator(self, data, label, train):
        from . import io

        if isinstance(data, io.DataIter):
            return data
        values = np.asarray(data.asnumpy() if isinstance(data, nd.NDArray) else data)
        if label is None:
            if train:
                raise ValueError("[FeedForward] y: expected labels for training")
            label = np.zeros(values.shape[0], "float32")
        name = [n for n in self.symbol.list_arguments() if n.endswith("label")]
        return io.NDArrayIter(
            values,
            label,
            min(self.numpy_batch_size, values.shape[0]),
            shuffle=train,
            last_batch_handle="roll_over" if train else "pad",
            label_name=name[0] if name else "softmax_label",
        )

    def _make_module(self, iterator):
        from .module import Module

        labels = [d.name for d in iterator.provide_label if d.name in self.symbol.list_arguments()]
        return Module(self.symbol, [d.name for d in iterator.provide_data], labels, context=self.ctx)

    def fit(
        self,
        X,
        y=None,
        eval_data=None,
        eval_metric="acc",
        epoch_end_callback=None,
        batch_end_callback=None,  # noqa: N803
        kvstore="local",
        logger=None,
        work_load_list=None,
        monitor=None,
        eval_end_callback=None,
        eval_batch_end_callback=None,
    ):
        """Trains on X, y (or an iterator) for num_epoch epochs."""
        if self.num_epoch is None:
            raise ValueError("[FeedForward] num_epoch: expected a number for training")
        train = self._iterator(X, y, True)
        if isinstance(eval_data, (tuple, list)):
            eval_data = self._iterator(eval_data[0], eval_data[1], False)
        self._module = self._make_module(train)
        self._module.logger = logger or logging
        self._module.fit(
            train,
            eval_data=eval_data,
            eval_metric=eval_metric,
            epoch_end_callback=epoch_end_callback,
            batch_end_callback=batch_end_callback,
            kvstore=kvstore,
            optimizer=self.optimizer,
            optimizer_params=self.kwargs,
            eval_end_callback=eval_end_callback,
            eval_batch_end_callback=eval_batch_end_callback,
            initializer=self.initializer,
            arg_params=self.arg_params,
            aux_params=self.aux_params,
            allow_missing=True,
            begin_epoch=self.begin_epoch,
            num_epoch=self.num_epoch,
            monitor=monitor,
        )
        self.arg_params, self.aux_params = self._module.get_params()

    def _bound(self, iterator):
        module = self._make_module(iterator)
        module.bind(data_shapes=iterator.provide_data, label_shapes=iterator.provide_label if module.label_names else None, for_training=False)
        module.set_params(self.arg_params, self.aux_params or {}, allow_extra=self.allow_extra_params)
        return module

    def predict(self, X, num_batch=None, return_data=False, reset=True):  # noqa: N803
        """Outputs as numpy arrays: one, or a list where the symbol has several."""
        if self.arg_params is None:
            raise MXNetError("[FeedForward] expected parameters: fit or load first")
        iterator = self._iterator(X, None, False)
        outputs = self._bound(iterator).predict(iterator, num_batch=num_batch, reset=reset, always_output_list=True)
        values = [o.asnumpy() for o in outputs]
        return values[0] if len(values) == 1 else values

    def score(self, X, eval_metric="acc", num_batch=None, batch_end_callback=None, reset=True, y=None):  # noqa: N803
        """The metric's value on X."""
        iterator = self._iterator(X, y, False)
        return self._bound(iterator).score(iterator, eval_metric, num_batch=num_batch, reset=reset)[0][1]

    def save(self, prefix, epoch=None, remove_amp_cast=True):
        """Writes a checkpoint."""
        epoch = self.num_epoch if epoch is None else epoch
        if epoch is None:
            raise ValueError("[FeedForward] epoch: expected a number")
        save_checkpoint(prefix, epoch, self.symbol, self.arg_params, self.aux_params, remove_amp_cast)

    @staticmethod
    def load(prefix, epoch, ctx=None, **kwargs):
        """A model from a checkpoint."""
        symbol, arg_params, aux_params = load_checkpoint(prefix, epoch)
        return FeedForward(symbol, ctx=ctx, arg_params=arg_params, aux_params=aux_params, begin_epoch=epoch, **kwargs)

    @staticmethod
    def create(
        symbol,
        X,
        y=None,
        ctx=None,
        num_epoch=None,
        epoch_size=None,
        optimizer="sgd",
        initializer=None,
        eval_data=None,  # noqa: N803
        eval_metric="acc",
        epoch_end_callback=None,
        batch_end_callback=None,
        kvstore="local",
        logger=None,
        work_load_list=None,
        **kwargs,
    ):
        """Makes a model and trains it."""
        model = FeedForward(symbol, ctx, num_epoch, epoch_size, optimizer, initializer, **kwargs)
        model.fit(X, y, eval_data, eval_metric, epoch_end_callback, batch_end_callback, kvstore, logger)
        return model
