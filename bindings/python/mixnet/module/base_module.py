"""What every module can do: the abstract steps, and prediction, scoring and training composed of them.

Life of a module: bind (shapes), init_params, init_optimizer, then any number of forward, backward, update.
"""

import logging

import numpy as np

from .. import initializer as init
from .. import metric as metric_module
from .. import ndarray as nd
from ..base import MXNetError
from ..context import cpu
from ..io import NDArrayIter
from ..model import BatchEndParam
from . import training_loop
from .module_state import require
from .prediction import batches_of, merge_outputs, without_pad

DEFAULT_OPTIMIZER_PARAMS = (("learning_rate", 0.01),)


class BaseModule:
    """Base class of all modules.

    A subclass defines the properties `data_names`, `output_names`, `data_shapes`, `label_shapes`, `output_shapes`
    and the methods `bind`, `init_params`, `get_params`, `init_optimizer`, `forward`, `backward`, `update`,
    `update_metric`, `get_outputs` and, where it has them, `get_input_grads` and `install_monitor`.

    Parameters
    ----------
    logger : logging.Logger or the module logging
    """

    def __init__(self, logger=logging):
        self.logger = logger
        self.binded = False
        self.for_training = False
        self.inputs_need_grad = False
        self.params_initialized = False
        self.optimizer_initialized = False
        self._symbol = None

    def _undefined(self, name):
        return NotImplementedError(f"[{type(self).__name__}] {name}: expected the subclass to define it, got none")

    # What a module is made of.

    @property
    def symbol(self):
        """Symbol of this module, or None."""
        return self._symbol

    @property
    def data_names(self):
        """Names of the data inputs."""
        raise self._undefined("data_names")

    @property
    def output_names(self):
        """Names of the outputs."""
        raise self._undefined("output_names")

    @property
    def data_shapes(self):
        """List of DataDesc of the data inputs."""
        raise self._undefined("data_shapes")

    @property
    def label_shapes(self):
        """List of DataDesc of the labels; empty or None without labels."""
        raise self._undefined("label_shapes")

    @property
    def output_shapes(self):
        """List of (name, shape) of the outputs."""
        raise self._undefined("output_shapes")

    # The steps.

    def bind(
        self,
        data_shapes,
        label_shapes=None,
        for_training=True,
        inputs_need_grad=False,
        force_rebind=False,
        shared_module=None,
        grad_req="write",
    ):
        """Make the executors for inputs of the given shapes."""
        raise self._undefined("bind")

    def init_params(
        self,
        initializer=init.Uniform(0.01),
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """Give parameters and auxiliary states their first values."""
        raise self._undefined("init_params")

    def init_optimizer(self, kvstore="local", optimizer="sgd", optimizer_params=DEFAULT_OPTIMIZER_PARAMS, force_init=False):
        """Make the optimizer and the store through which devices exchange gradients."""
        raise self._undefined("init_optimizer")

    def forward(self, data_batch, is_train=None):
        """Compute the outputs of `data_batch`; `is_train` None means what `bind` was told."""
        raise self._undefined("forward")

    def backward(self, out_grads=None):
        """Compute the gradients, from the gradients of the outputs where the outputs are no losses."""
        raise self._undefined("backward")

    def update(self):
        """Change the parameters by one step of the optimizer."""
        raise self._undefined("update")

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Add the last outputs and `labels` to `eval_metric`."""
        raise self._undefined("update_metric")

    def get_outputs(self, merge_multi_context=True):
        """Outputs of the last `forward`."""
        raise self._undefined("get_outputs")

    def get_input_grads(self, merge_multi_context=True):
        """Gradients of the data inputs, computed by the last `backward`."""
        raise self._undefined("get_input_grads")

    def get_params(self):
        """Pair (arg_params, aux_params) of dicts from name to NDArray on the CPU."""
        raise self._undefined("get_params")

    def get_states(self, merge_multi_context=True):
        """States carried between batches; none here."""
        require(self, "get_states", "binded", "params_initialized")
        return []

    def set_states(self, states=None, value=None):
        """Set the states carried between batches; here there are none to set."""
        require(self, "set_states", "binded", "params_initialized")
        if states or value:
            raise ValueError(f"[{type(self).__name__}] set_states: expected no states, got {states or value!r}")

    def install_monitor(self, mon):
        """Let `mon` watch all executors."""
        raise self._undefined("install_monitor")

    def prepare(self, data_batch, sparse_row_id_fn=None):
        """Get ready for `data_batch`, the batch after the current one. `sparse_row_id_fn` is ignored."""

    # Composed of the steps.

    def forward_backward(self, data_batch):
        """`forward` in training mode, then `backward`."""
        self.forward(data_batch, is_train=True)
        self.backward()

    def set_params(self, arg_params, aux_params, allow_missing=False, force_init=True, allow_extra=False):
        """Copy the given values into parameters and auxiliary states."""
        self.init_params(None, arg_params, aux_params, allow_missing, force_init, allow_extra)

    def save_params(self, fname):
        """Write the parameters to the file `fname` with the names ``arg:NAME`` and ``aux:NAME``."""
        arg_params, aux_params = self.get_params()
        named = {f"arg:{name}": value.as_in_context(cpu()) for name, value in arg_params.items()}
        named.update((f"aux:{name}", value.as_in_context(cpu())) for name, value in aux_params.items())
        nd.save(fname, named)

    def load_params(self, fname):
        """Read parameters written by `save_params`. MXNetError where the file holds anything else.

        In a .safetensors file names may stand without arg: and aux:, as other libraries write them; the symbol tells which are which.
        """
        params = {"arg": {}, "aux": {}}
        loaded = nd.load(fname)
        if str(fname).endswith(nd.files.SAFETENSORS):
            from ..safetensors import by_kind

            params["arg"], params["aux"] = by_kind(loaded, self.symbol)
            loaded = {}
        for key in loaded:
            kind, _, name = str(key).partition(":") if isinstance(loaded, dict) else ("", "", "")
            if kind not in params or not name:
                raise MXNetError(f"[load_params {fname}] name: expected arg:NAME or aux:NAME, got {str(key)[:80]}")
            params[kind][name] = loaded[key]
        self.set_params(params["arg"], params["aux"])

    def score(
        self,
        eval_data,
        eval_metric,
        num_batch=None,
        batch_end_callback=None,
        score_end_callback=None,
        reset=True,
        epoch=0,
        sparse_row_id_fn=None,
    ):
        """Run over `eval_data` and return ``eval_metric.get_name_value()``: a list of (name, value).

        Parameters
        ----------
        eval_data : DataIter
        eval_metric : EvalMetric, name or callable
        num_batch : int, optional
            At most so many batches.
        batch_end_callback, score_end_callback : callable or list of them
            Called with a BatchEndParam after each batch, and once at the end.
        reset : bool
            Whether to reset `eval_data` before.
        epoch : int
            Number passed on to the callbacks.
        """
        require(self, "score", "binded", "params_initialized")
        eval_metric = metric_module.create(eval_metric)
        eval_metric.reset()
        count = 0
        for count, batch in enumerate(batches_of(eval_data, num_batch, reset), start=1):
            self.prepare(batch, sparse_row_id_fn=sparse_row_id_fn)
            self.forward(batch, is_train=False)
            training_loop.update_metric(self, eval_metric, batch)
            training_loop.call(batch_end_callback, BatchEndParam(epoch, count - 1, eval_metric, locals()))
        training_loop.call(score_end_callback, BatchEndParam(epoch, count, eval_metric, locals()))
        return eval_metric.get_name_value()

    def iter_predict(self, eval_data, num_batch=None, reset=True, sparse_row_id_fn=None):
        """Yield (outputs without the padding, batch number, batch) for every batch of `eval_data`."""
        require(self, "iter_predict", "binded", "params_initialized")
        for count, batch in enumerate(batches_of(eval_data, num_batch, reset)):
            self.prepare(batch, sparse_row_id_fn=sparse_row_id_fn)
            self.forward(batch, is_train=False)
            yield without_pad(self.get_outputs(), batch.pad), count, batch

    def predict(
        self,
        eval_data,
        num_batch=None,
        merge_batches=True,
        reset=True,
        always_output_list=False,
        sparse_row_id_fn=None,
    ):
        """Outputs for all of `eval_data`, padding taken off.

        Parameters
        ----------
        eval_data : DataIter, NDArray or numpy array
            An array is taken as one batch.
        merge_batches : bool
            True joins the batches along axis 0 and returns one NDArray (a list where there are several outputs or
            `always_output_list`). False returns a list with the list of outputs of every batch.
        """
        require(self, "predict", "binded", "params_initialized")
        if isinstance(eval_data, (nd.NDArray, np.ndarray)):
            eval_data = NDArrayIter(eval_data, batch_size=eval_data.shape[0], data_name=self.data_names[0])
        predicted = self.iter_predict(eval_data, num_batch, reset, sparse_row_id_fn)
        outputs = [[array.copy() for array in batch_outputs] for batch_outputs, _, _ in predicted]
        if not merge_batches or not outputs:
            return outputs
        merged = merge_outputs(outputs)
        return merged if always_output_list or len(merged) > 1 else merged[0]

    def fit(
        self,
        train_data,
        eval_data=None,
        eval_metric="acc",
        epoch_end_callback=None,
        batch_end_callback=None,
        kvstore="local",
        optimizer="sgd",
        optimizer_params=DEFAULT_OPTIMIZER_PARAMS,
        eval_end_callback=None,
        eval_batch_end_callback=None,
        initializer=init.Uniform(0.01),
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_rebind=False,
        force_init=False,
        begin_epoch=0,
        num_epoch=None,
        validation_metric=None,
        monitor=None,
        sparse_row_id_fn=None,
    ):
        """Train on `train_data` for the epochs ``begin_epoch <= epoch < num_epoch``.

        Parameters
        ----------
        train_data, eval_data : DataIter
            `eval_data`, where given, is scored after every epoch.
        eval_metric, validation_metric : EvalMetric, name or callable
            The second defaults to the first.
        epoch_end_callback : callable or list of them
            Called as ``callback(epoch, symbol, arg_params, aux_params)``.
        batch_end_callback, eval_end_callback, eval_batch_end_callback : callable or list of them
            Called with a BatchEndParam (epoch, nbatch, eval_metric, locals).
        kvstore : str, KVStore or None
        optimizer : str or Optimizer
        optimizer_params : dict or pairs
        initializer : Initializer
        arg_params, aux_params : dict from name to NDArray
            Values to start from; `allow_missing` lets the initializer supply the rest.
        force_rebind, force_init : bool
            Bind and initialise again where that was done before.
        monitor : Monitor
            Watches the executors during training.
        sparse_row_id_fn :
            Ignored.

        Raises
        ------
        ValueError
            Where `num_epoch` is missing.
        """
        if num_epoch is None:
            raise ValueError(f"[{type(self).__name__}] fit num_epoch: expected the number of epochs, got None")
        self.bind(train_data.provide_data, train_data.provide_label, for_training=True, force_rebind=force_rebind)
        if monitor is not None:
            self.install_monitor(monitor)
        self.init_params(initializer, arg_params, aux_params, allow_missing, force_init)
        self.init_optimizer(kvstore=kvstore, optimizer=optimizer, optimizer_params=optimizer_params)
        eval_metric = metric_module.create(eval_metric)
        validation_metric = eval_metric if validation_metric is None else validation_metric

        for epoch in range(begin_epoch, num_epoch):
            training_loop.train_epoch(self, train_data, epoch, eval_metric, batch_end_callback, monitor)
            current_args, current_auxs = self.get_params()
            self.set_params(current_args, current_auxs)  # the same averaged values on every device
            for callback in training_loop.as_list(epoch_end_callback):
                callback(epoch, self.symbol, current_args, current_auxs)
            if eval_data is not None:
                results = self.score(
                    eval_data,
                    validation_metric,
                    batch_end_callback=eval_batch_end_callback,
                    score_end_callback=eval_end_callback,
                    epoch=epoch,
                )
                for name, value in results:
                    self.logger.info("Epoch[%d] Validation-%s=%f", epoch, name, value)
            train_data.reset()
