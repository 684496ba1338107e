"""Training on inputs of many lengths: one module per length (bucket), all in the memory of the default bucket.

Every bucket shares parameters, auxiliary states and the optimizer with the default bucket, whose symbol must have all
of them and should need the most memory, being bound first.
"""

import logging

from .. import context as ctx_module
from .. import initializer as init
from ..model import load_checkpoint
from .base_module import DEFAULT_OPTIMIZER_PARAMS, BaseModule
from .module import Module
from .module_state import require


class BucketingModule(BaseModule):
    """Modules for all buckets behind the interface of one.

    Parameters
    ----------
    sym_gen : callable
        ``sym_gen(bucket_key)`` returns (symbol, data_names, label_names).
    default_bucket_key : hashable
        The bucket that is bound first.
    logger, context, work_load_list, fixed_param_names, state_names, group2ctxs, compression_params :
        As for `Module`.
    """

    def __init__(
        self,
        sym_gen,
        default_bucket_key=None,
        logger=logging,
        context=ctx_module.cpu(),
        work_load_list=None,
        fixed_param_names=None,
        state_names=None,
        group2ctxs=None,
        compression_params=None,
    ):
        super().__init__(logger=logger)
        if default_bucket_key is None:
            raise ValueError("[BucketingModule] default_bucket_key: expected the key of the largest bucket, got None")
        self._sym_gen = sym_gen
        self._default_bucket_key = default_bucket_key
        self._options = {
            "logger": logger,
            "context": context,
            "work_load_list": work_load_list,
            "fixed_param_names": fixed_param_names,
            "state_names": state_names,
            "group2ctxs": group2ctxs,
            "compression_params": compression_params,
        }
        self._loaded_params = None
        self._monitor = None
        self._grad_req = "write"
        self._reset_bind()
        self._default_names = self._make_module(default_bucket_key)  # checks the names early

    def _make_module(self, bucket_key):
        generated = self._sym_gen(bucket_key)
        if not isinstance(generated, tuple) or len(generated) != 3:
            kind = type(generated).__name__
            raise ValueError(f"[BucketingModule] sym_gen: expected a tuple (symbol, data_names, label_names), got {kind}")
        symbol, data_names, label_names = generated
        return Module(symbol, data_names, label_names, **self._options)

    def _reset_bind(self):
        self.binded = False
        self._buckets = {}
        self._curr_module = None
        self._curr_bucket_key = None

    @property
    def _default_module(self):
        return self._buckets[self._default_bucket_key]

    # Files.

    @staticmethod
    def load(prefix, epoch, sym_gen=None, default_bucket_key=None, **kwargs):
        """Module with the parameters of the checkpoint `prefix`, `epoch`; `kwargs` go to the constructor."""
        _, arg_params, aux_params = load_checkpoint(prefix, epoch)
        return BucketingModule.load_dict(None, sym_gen, default_bucket_key, arg_params, aux_params, **kwargs)

    @staticmethod
    def load_dict(sym_dict=None, sym_gen=None, default_bucket_key=None, arg_params=None, aux_params=None, **kwargs):
        """Module with the given parameters; `sym_dict` maps bucket keys to symbols where there is no `sym_gen`."""
        if sym_gen is None:
            if not sym_dict:
                raise ValueError("[BucketingModule] load_dict: expected sym_gen or sym_dict, got neither")
            sym_gen = _generator_of(sym_dict)
        module = BucketingModule(sym_gen, default_bucket_key, **kwargs)
        module._loaded_params = (arg_params or {}, aux_params or {})
        module.params_initialized = True
        return module

    def save_checkpoint(self, prefix, epoch, remove_amp_cast=False):
        """Write the default bucket's symbol and all parameters."""
        require(self, "save_checkpoint", "binded", "params_initialized")
        self._default_module.symbol.save(f"{prefix}-symbol.json", remove_amp_cast=remove_amp_cast)
        self.save_params(f"{prefix}-{epoch:04d}.params")

    # What it is made of.

    @property
    def data_names(self):
        """Data names of the current bucket (before bind: of the default one)."""
        return (self._curr_module or self._default_names).data_names

    @property
    def output_names(self):
        """Output names of the current bucket (before bind: of the default one)."""
        return (self._curr_module or self._default_names).output_names

    @property
    def data_shapes(self):
        """Data shapes of the current bucket."""
        require(self, "data_shapes", "binded")
        return self._curr_module.data_shapes

    @property
    def label_shapes(self):
        """Label shapes of the current bucket."""
        require(self, "label_shapes", "binded")
        return self._curr_module.label_shapes

    @property
    def output_shapes(self):
        """Output shapes of the current bucket."""
        require(self, "output_shapes", "binded")
        return self._curr_module.output_shapes

    @property
    def symbol(self):
        """Symbol of the current bucket."""
        require(self, "symbol", "binded")
        return self._curr_module.symbol

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
        """Bind the default bucket; others follow when their first batch comes. `shared_module` must be None."""
        if shared_module is not None:
            raise ValueError("[BucketingModule] bind shared_module: expected None, got a module")
        kept = self.get_params() if self.binded and self.params_initialized else self._loaded_params
        if force_rebind:
            self._reset_bind()
        if self.binded:
            self.logger.warning("Already bound, ignoring bind()")
            return
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        self._grad_req = grad_req
        module = self._make_module(self._default_bucket_key)
        module.bind(data_shapes, label_shapes, for_training, inputs_need_grad, grad_req=grad_req)
        self._buckets = {self._default_bucket_key: module}
        self._curr_module, self._curr_bucket_key = module, self._default_bucket_key
        self.binded = True
        if self.params_initialized:
            self.set_params(*kept)
        if self._monitor is not None:
            module.install_monitor(self._monitor)

    def switch_bucket(self, bucket_key, data_shapes, label_shapes=None):
        """Make `bucket_key` the current bucket, binding it where it is new."""
        require(self, "switch_bucket", "binded")
        if bucket_key not in self._buckets:
            self._buckets[bucket_key] = self._bind_bucket(bucket_key, data_shapes, label_shapes)
        self._curr_module, self._curr_bucket_key = self._buckets[bucket_key], bucket_key

    def _bind_bucket(self, bucket_key, data_shapes, label_shapes):
        module = self._make_module(bucket_key)
        require(self, "switch_bucket", "params_initialized")
        try:
            module.bind(
                data_shapes,
                label_shapes,
                self.for_training,
                self.inputs_need_grad,
                shared_module=self._default_module,
                grad_req=self._grad_req,
            )
        except ValueError as error:
            raise ValueError(f"[BucketingModule bucket {bucket_key!r}] {error}") from None
        if self._monitor is not None:
            module.install_monitor(self._monitor)
        return module

    def install_monitor(self, mon):
        """Let `mon` watch the executors of all buckets, also of those to come."""
        require(self, "install_monitor", "binded")
        self._monitor = mon
        for module in self._buckets.values():
            module.install_monitor(mon)

    # Parameters and optimizer: those of the default bucket, which has them all.

    def init_params(
        self,
        initializer=init.Uniform(0.01),
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """As `Module.init_params`."""
        if self.params_initialized and not force_init:
            return
        require(self, "init_params", "binded")
        self._default_module.init_params(initializer, arg_params, aux_params, allow_missing, force_init, allow_extra)
        self.params_initialized = True

    def set_params(self, arg_params, aux_params, allow_missing=False, force_init=True, allow_extra=False):
        """As `Module.set_params`."""
        require(self, "set_params", "binded")
        self._default_module.set_params(arg_params, aux_params, allow_missing, force_init, allow_extra)
        self.params_initialized = True

    def get_params(self):
        """As `Module.get_params`."""
        require(self, "get_params", "binded", "params_initialized")
        self._default_module._params_dirty = True  # any bucket may have changed the shared arrays
        return self._default_module.get_params()

    def init_optimizer(self, kvstore="local", optimizer="sgd", optimizer_params=DEFAULT_OPTIMIZER_PARAMS, force_init=False):
        """As `Module.init_optimizer`, for all buckets."""
        require(self, "init_optimizer", "binded", "params_initialized")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        default = self._default_module
        default.init_optimizer(kvstore, optimizer, optimizer_params, force_init=force_init)
        for module in self._buckets.values():
            if module is not default:
                module.borrow_optimizer(default)
        self.optimizer_initialized = True

    def get_states(self, merge_multi_context=True):
        """States of the current bucket."""
        require(self, "get_states", "binded", "params_initialized")
        return self._curr_module.get_states(merge_multi_context)

    def set_states(self, states=None, value=None):
        """Set the states of the current bucket."""
        require(self, "set_states", "binded", "params_initialized")
        self._curr_module.set_states(states, value)

    # Computing, in the bucket of the batch.

    def prepare(self, data_batch, sparse_row_id_fn=None):
        """Bind the bucket of `data_batch` where it is new; the current bucket stays."""
        require(self, "prepare", "binded", "params_initialized")
        current = self._curr_bucket_key
        key = self._key_of(data_batch)
        self.switch_bucket(key, data_batch.provide_data, data_batch.provide_label)
        self._curr_module.prepare(data_batch, sparse_row_id_fn)
        self.switch_bucket(current, None, None)

    def _key_of(self, batch):
        return self._default_bucket_key if batch.bucket_key is None else batch.bucket_key

    def forward(self, data_batch, is_train=None):
        """Switch to the bucket of `data_batch` (its ``bucket_key``) and compute."""
        require(self, "forward", "binded", "params_initialized")
        self.switch_bucket(self._key_of(data_batch), data_batch.provide_data, data_batch.provide_label)
        self._curr_module.forward(data_batch, is_train=is_train)

    def backward(self, out_grads=None):
        """Gradients of the current bucket."""
        require(self, "backward", "binded", "params_initialized")
        self._curr_module.backward(out_grads)

    def update(self):
        """One step with the gradients of the current bucket."""
        require(self, "update", "binded", "params_initialized", "optimizer_initialized")
        self._curr_module.update()

    def get_outputs(self, merge_multi_context=True):
        """Outputs of the current bucket."""
        require(self, "get_outputs", "binded", "params_initialized")
        return self._curr_module.get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context=True):
        """Gradients of the data of the current bucket."""
        require(self, "get_input_grads", "binded", "params_initialized", "inputs_need_grad")
        return self._curr_module.get_input_grads(merge_multi_context)

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Add the outputs of the current bucket to `eval_metric`."""
        require(self, "update_metric", "binded", "params_initialized")
        self._curr_module.update_metric(eval_metric, labels, pre_sliced)


def _generator_of(sym_dict):
    def generate(bucket_key):
        symbol = sym_dict[bucket_key]
        arguments = symbol.list_arguments()
        labels = [name for name in arguments if name.endswith("label")]
        return symbol, [name for name in arguments if name == "data"], labels

    return generate
