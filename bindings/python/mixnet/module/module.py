"""The ordinary module: one symbol, trained by data parallelism over a list of devices."""

import logging
import warnings

from .. import context as ctx_module
from .. import initializer as init
from ..amp.converting import LOSS_SCALE
from ..amp.training import active as active_precision
from ..base import MXNetError
from ..io import DataDesc
from ..model import load_checkpoint
from .base_module import DEFAULT_OPTIMIZER_PARAMS, BaseModule
from .executor_binding import resolve_grad_req
from .executor_group import DataParallelExecutorGroup
from .input_names import check_names, describe
from .module_state import require
from .optimization import Optimization
from .parameter_values import first_value, zeros_for


class Module(BaseModule):
    """A symbol with parameters, executors and an optimizer.

    Parameters
    ----------
    symbol : Symbol
    data_names, label_names : list of str
        Inputs that the batches supply; None means none.
    logger : logging.Logger or the module logging
    context : Context or list of Context
        Devices; a batch is cut into one part for each.
    work_load_list : list of float, optional
        Share of each device, equal by default.
    fixed_param_names : list of str, optional
        Parameters that are not trained.
    state_names : list of str, optional
        Inputs carried from batch to batch, set by `set_states`.
    group2ctxs : dict or list of dict, optional
        Devices for the values of the attribute ``ctx_group``.
    compression_params : dict, optional
        Gradient compression of the store.

    Raises
    ------
    ValueError
        For names that are no arguments of `symbol` (a warning only for labels).
    """

    def __init__(
        self,
        symbol,
        data_names=("data",),
        label_names=("softmax_label",),
        logger=logging,
        context=ctx_module.cpu(),
        work_load_list=None,
        fixed_param_names=None,
        state_names=None,
        group2ctxs=None,
        compression_params=None,
    ):
        super().__init__(logger=logger)
        self._symbol = symbol
        self._context = list(context) if isinstance(context, (list, tuple)) else [context]
        self._work_load_list = list(work_load_list or [1] * len(self._context))
        if len(self._work_load_list) != len(self._context):
            count = len(self._work_load_list)
            raise ValueError(f"[Module] work_load_list: expected {len(self._context)} numbers, got {count}")
        self._group2ctxs = group2ctxs
        self._compression_params = compression_params
        self._name_inputs(data_names, label_names, state_names, fixed_param_names)
        self._forget_parameters()
        self._reset_bind()
        self._preload_opt_states = None
        self._optimization = None

    def _name_inputs(self, data_names, label_names, state_names, fixed_param_names):
        arguments = self._symbol.list_arguments()
        self._data_names = check_names("data_names", data_names, arguments, strict=True)
        self._label_names = check_names("label_names", label_names, arguments, strict=False)
        self._state_names = check_names("state_names", state_names, arguments, strict=True)
        self._fixed_param_names = check_names("fixed_param_names", fixed_param_names, arguments, strict=True)
        inputs = set(self._data_names + self._label_names + self._state_names)
        self._param_names = [name for name in arguments if name not in inputs]
        self._aux_names = self._symbol.list_auxiliary_states()
        self._output_names = self._symbol.list_outputs()

    def _forget_parameters(self):
        self._arg_params = self._aux_params = None
        self._params_dirty = False

    def _reset_bind(self):
        self.binded = False
        self._exec_group = None
        self._data_shapes = self._label_shapes = None
        self._precision, self._narrow_params = None, False

    # Files.

    @staticmethod
    def load(prefix, epoch, load_optimizer_states=False, **kwargs):
        """Module from the checkpoint ``prefix-symbol.json``, ``prefix-EPOCH.params`` (and ``.states``).

        `kwargs` go to the constructor. The result must be bound before use.
        """
        symbol, arg_params, aux_params = load_checkpoint(prefix, epoch)
        module = Module(symbol=symbol, **kwargs)
        module._arg_params, module._aux_params = arg_params, aux_params
        module.params_initialized = True
        if load_optimizer_states:
            module._preload_opt_states = f"{prefix}-{epoch:04d}.states"
        return module

    def save_checkpoint(self, prefix, epoch, save_optimizer_states=False, remove_amp_cast=True):
        """Write ``prefix-symbol.json``, ``prefix-EPOCH.params`` and, where asked for, ``prefix-EPOCH.states``."""
        require(self, "save_checkpoint", "binded", "params_initialized")
        self._symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
        self.save_params(f"{prefix}-{epoch:04d}.params")
        if save_optimizer_states:
            self.save_optimizer_states(f"{prefix}-{epoch:04d}.states")

    def save_optimizer_states(self, fname):
        """Write what the optimizer remembers (momentum and the like) to the file `fname`."""
        require(self, "save_optimizer_states", "optimizer_initialized")
        self._optimization.save(fname)

    def load_optimizer_states(self, fname):
        """Read a file written by `save_optimizer_states`."""
        require(self, "load_optimizer_states", "optimizer_initialized")
        self._optimization.load(fname)

    # What it is made of.

    @property
    def data_names(self):
        """Names of the data inputs."""
        return self._data_names

    @property
    def label_names(self):
        """Names of the labels."""
        return self._label_names

    @property
    def output_names(self):
        """Names of the outputs."""
        return self._output_names

    @property
    def data_shapes(self):
        """List of DataDesc of the data."""
        require(self, "data_shapes", "binded")
        return self._data_shapes

    @property
    def label_shapes(self):
        """List of DataDesc of the labels, or None."""
        require(self, "label_shapes", "binded")
        return self._label_shapes

    @property
    def output_shapes(self):
        """List of (name, shape) of the outputs for the whole batch."""
        require(self, "output_shapes", "binded")
        return self._exec_group.get_output_shapes()

    # Binding.

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
        """Make the executors.

        Parameters
        ----------
        data_shapes, label_shapes : list of DataDesc or of (name, shape)
        for_training : bool
            False makes no gradients.
        inputs_need_grad : bool
            Also compute the gradients of the data.
        force_rebind : bool
            Bind again; otherwise a second call is ignored with a warning.
        shared_module : Module, optional
            Bound module whose parameters, optimizer and memory to share (buckets).
        grad_req : str, list or dict
            'write', 'add' or 'null', for all or per argument.
        """
        if force_rebind:
            self._keep_parameters()
            self._reset_bind()
        if self.binded:
            self.logger.warning("Already bound, ignoring bind()")
            return
        self._data_shapes, self._label_shapes = describe(self._data_names, self._label_names, data_shapes, label_shapes)
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        self._grad_req = grad_req
        shared_group = None
        if shared_module is not None:
            require(shared_module, "bind of a module that shares with it", "binded", "params_initialized")
            shared_group = shared_module._exec_group
        self._precision = active_precision() if shared_module is None else shared_module._precision
        self._narrow_params = not for_training if shared_module is None else shared_module._narrow_params
        self._exec_group = self._make_group(shared_group)
        for executor in self._exec_group.execs:
            if LOSS_SCALE in executor.arg_dict and shared_group is None:
                executor.arg_dict[LOSS_SCALE][:] = 1
        self.binded = True
        if shared_module is not None:
            self._share(shared_module)
        elif self.params_initialized:
            self._exec_group.set_params(self._arg_params, self._aux_params)

    def _keep_parameters(self):
        # The 16-bit copies that a module for prediction has would round its own.
        narrowed = self._precision is not None and self._narrow_params and not self._params_dirty
        if self.binded and self.params_initialized and not narrowed:
            self._sync_params_from_devices()

    def _make_group(self, shared_group):
        symbol, grad_req = self._symbol, self._grad_req
        if self._precision is not None:
            inputs = self._data_names + self._label_names + self._state_names
            symbol = self._precision.convert(symbol, not self._narrow_params, inputs)
            if isinstance(grad_req, (list, tuple)):
                grad_req = resolve_grad_req(grad_req, self._symbol.list_arguments(), (), (), (), True, False)
        return DataParallelExecutorGroup(
            symbol,
            self._context,
            self._work_load_list,
            self._data_shapes,
            self._label_shapes,
            self._param_names,
            self.for_training,
            self.inputs_need_grad,
            shared_group,
            logger=self.logger,
            fixed_param_names=self._fixed_param_names,
            grad_req=grad_req,
            state_names=self._state_names,
            group2ctxs=self._group2ctxs,
        )

    def _share(self, shared_module):
        self._arg_params, self._aux_params = shared_module._arg_params, shared_module._aux_params
        self.params_initialized = True
        if shared_module.optimizer_initialized:
            self.borrow_optimizer(shared_module)

    def reshape(self, data_shapes, label_shapes=None):
        """Rebind for other batch sizes or image sizes, keeping the parameters."""
        require(self, "reshape", "binded")
        shapes = describe(self._data_names, self._label_names, data_shapes, label_shapes)
        self._exec_group.reshape(*shapes)
        self._data_shapes, self._label_shapes = shapes

    # Parameters.

    def init_params(
        self,
        initializer=init.Uniform(0.01),
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """Give every parameter and auxiliary state its first value.

        Parameters
        ----------
        initializer : Initializer
            For what `arg_params` and `aux_params` do not hold.
        arg_params, aux_params : dict from name to NDArray, optional
            Where given, a name missing from them is an error unless `allow_missing`.
        force_init : bool
            Do it again; otherwise a second call is ignored with a warning.
        allow_extra : bool
            Has no effect here: names that the symbol does not have are passed over.

        Raises
        ------
        RuntimeError
            For a missing parameter.
        ValueError
            For a wrong shape.
        """
        if self.params_initialized and not force_init:
            warnings.warn("Parameters already initialized and force_init=False, init_params call ignored", stacklevel=2)
            return
        require(self, "init_params", "binded")
        self._make_host_params()
        attributes = self._symbol.attr_dict()
        for own, given in ((self._arg_params, arg_params), (self._aux_params, aux_params)):
            for name in sorted(own):
                desc = init.InitDesc(name, attributes.get(name))
                first_value(desc, own[name], given, initializer, allow_missing)
        self.params_initialized = True
        self._params_dirty = False
        self._exec_group.set_params(self._arg_params, self._aux_params)

    def _make_host_params(self):
        group = self._exec_group
        if self._arg_params is None:
            wide = self._precision is not None and self._narrow_params
            self._arg_params = zeros_for(group.param_names, group.param_arrays, wide)
        if self._aux_params is None:
            self._aux_params = zeros_for(group.aux_names, group.aux_arrays)

    def set_params(self, arg_params, aux_params, allow_missing=False, force_init=True, allow_extra=False):
        """Copy the given values into parameters and auxiliary states.

        With `allow_missing` the others keep their values, and a name that the symbol does not have is a ValueError
        unless `allow_extra`. Other errors as in `init_params`.
        """
        if not allow_missing:
            super().set_params(arg_params, aux_params, allow_missing, force_init, allow_extra)
            return
        if self.params_initialized and not force_init:
            warnings.warn("Parameters already initialized and force_init=False, set_params call ignored", stacklevel=2)
            return
        require(self, "set_params", "binded")
        self._exec_group.set_params(arg_params, aux_params, allow_extra=allow_extra)
        self._make_host_params()
        self._params_dirty = True
        self.params_initialized = True

    def get_params(self):
        """Pair (arg_params, aux_params); devices are averaged."""
        require(self, "get_params", "binded", "params_initialized")
        if self._params_dirty:
            self._sync_params_from_devices()
        return self._arg_params, self._aux_params

    def _sync_params_from_devices(self):
        self._exec_group.get_params(self._arg_params, self._aux_params)
        self._params_dirty = False

    # The optimizer.

    def init_optimizer(self, kvstore="local", optimizer="sgd", optimizer_params=DEFAULT_OPTIMIZER_PARAMS, force_init=False):
        """Make the optimizer and the store.

        Parameters
        ----------
        kvstore : str, KVStore or None
            With one device and a local store, none is made.
        optimizer : str or Optimizer
            One made by name gets ``rescale_grad = 1 / batch size`` (over all workers in dist_sync) unless
            `optimizer_params` has it.
        optimizer_params : dict or pairs
        force_init : bool
            Do it again; otherwise a second call is ignored with a warning.
        """
        require(self, "init_optimizer", "binded", "params_initialized")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring...")
            return
        if self._params_dirty:
            self._sync_params_from_devices()
        self._optimization = Optimization(
            self._symbol,
            self._param_names,
            self._exec_group,
            self._arg_params,
            kvstore,
            optimizer,
            dict(optimizer_params),
            self._compression_params,
        )
        self.optimizer_initialized = True
        if self._preload_opt_states is not None:
            self.load_optimizer_states(self._preload_opt_states)
            self._preload_opt_states = None

    def borrow_optimizer(self, shared_module):
        """Use the optimizer, its states and the store of `shared_module`."""
        require(shared_module, "borrow_optimizer", "optimizer_initialized")
        self._optimization = shared_module._optimization
        self.optimizer_initialized = True

    def update(self):
        """One step of the optimizer with the gradients of the last `backward`."""
        require(self, "update", "binded", "params_initialized", "optimizer_initialized")
        self._params_dirty = True
        self._optimization.update(self._exec_group)

    @property
    def _optimizer(self):
        return self._optimization and self._optimization.optimizer

    @property
    def _kvstore(self):
        return self._optimization and self._optimization.store

    @property
    def _updater(self):
        return self._optimization and self._optimization.updater

    @property
    def _update_on_kvstore(self):
        return self._optimization and self._optimization.in_store

    # Computing.

    def forward(self, data_batch, is_train=None):
        """Compute the outputs; a batch of another shape than bound reshapes the executors first.

        Parameters
        ----------
        data_batch : DataBatch, or list of them with one per device
        is_train : bool, optional
            Defaults to `for_training` of `bind`.
        """
        require(self, "forward", "binded", "params_initialized")
        if not isinstance(data_batch, list):
            self._fit_shapes(data_batch)
        self._exec_group.forward(data_batch, is_train)
        if self.for_training if is_train is None else is_train:
            self._params_dirty = True  # auxiliary states move

    def _fit_shapes(self, batch):
        data = [tuple(array.shape) for array in batch.data]
        if data == [desc.shape for desc in self._data_shapes]:
            return
        data_descs = batch.provide_data or _with_shapes(self._data_shapes, data)
        label_descs = batch.provide_label
        if not label_descs and self._label_shapes and batch.label:
            label_descs = _with_shapes(self._label_shapes, [tuple(array.shape) for array in batch.label])
        elif not label_descs and self._label_shapes:
            old, new = self._data_shapes[0].shape[0], data[0][0]
            grown = [desc.shape for desc in self._label_shapes]
            label_descs = _with_shapes(self._label_shapes, [_rebatched(shape, old, new) for shape in grown])
        try:
            self.reshape(data_descs, label_descs or None)
        except MXNetError as error:
            bound = [desc.shape for desc in self._data_shapes]
            raise MXNetError(f"[Module] forward data: expected shapes that fit the parameters, such as {bound}, got {data}: {error}") from None

    def backward(self, out_grads=None):
        """Compute the gradients. `out_grads` (NDArray or list) is needed where the outputs are no losses."""
        require(self, "backward", "binded", "params_initialized")
        if self._optimization is not None and self._optimization.scaler is not None:
            out_grads = self._optimization.scale(self._exec_group, out_grads)
        self._exec_group.backward(out_grads)

    def get_outputs(self, merge_multi_context=True):
        """Outputs of the last `forward`: NDArrays over the whole batch, or lists with one per device."""
        require(self, "get_outputs", "binded", "params_initialized")
        return self._exec_group.get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context=True):
        """Gradients of the data: NDArrays over the whole batch, or lists with one per device."""
        require(self, "get_input_grads", "binded", "params_initialized", "inputs_need_grad")
        return self._exec_group.get_input_grads(merge_multi_context)

    def get_states(self, merge_multi_context=True):
        """The state inputs, over the whole batch or as lists with one per device."""
        require(self, "get_states", "binded", "params_initialized")
        return self._exec_group.get_states(merge_multi_context)

    def set_states(self, states=None, value=None):
        """Set the state inputs to `states` or to one number."""
        require(self, "set_states", "binded", "params_initialized")
        self._exec_group.set_states(states, value)

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Add the last outputs and `labels` to `eval_metric`; `pre_sliced` labels are lists with one per device."""
        require(self, "update_metric", "binded", "params_initialized")
        self._exec_group.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon):
        """Let `mon` watch all executors."""
        require(self, "install_monitor", "binded")
        self._exec_group.install_monitor(mon)

    def prepare(self, data_batch, sparse_row_id_fn=None):
        """Nothing to get ready; `sparse_row_id_fn` is ignored."""
        require(self, "prepare", "binded")


def _with_shapes(described, shapes):
    return [DataDesc(desc.name, shape, desc.dtype, desc.layout) for desc, shape in zip(described, shapes)]


def _rebatched(shape, old, new):
    return (shape[0] * new // old,) + tuple(shape[1:])
