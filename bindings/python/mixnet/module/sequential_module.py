"""A chain of modules, the outputs of each being the data of the next."""

import logging

from .. import initializer as init
from ..io import DataBatch, DataDesc
from .base_module import DEFAULT_OPTIMIZER_PARAMS, BaseModule
from .module_state import require


class SequentialModule(BaseModule):
    """Modules one behind the other.

    ``add(module, take_labels=True)`` gives a module the labels of the batch; ``auto_wiring=True`` renames the data
    coming in to the module's own data names.
    """

    META_TAKE_LABELS = "take_labels"
    META_AUTO_WIRING = "auto_wiring"

    def __init__(self, logger=logging):
        super().__init__(logger=logger)
        self._modules = []
        self._metas = []
        self._data_shapes = self._label_shapes = None

    def add(self, module, **kwargs):
        """Put `module` at the end and return self, so that calls can be chained. ValueError for unknown options."""
        known = {self.META_TAKE_LABELS, self.META_AUTO_WIRING}
        for key in kwargs:
            if key not in known:
                raise ValueError(f"[SequentialModule] add: expected options out of {sorted(known)}, got {key!r}")
        self._modules.append(module)
        self._metas.append(kwargs)
        self.binded = self.params_initialized = self.optimizer_initialized = False
        return self

    def _takes_labels(self, place):
        return bool(self._metas[place].get(self.META_TAKE_LABELS))

    @property
    def data_names(self):
        """Data names of the first module."""
        return self._modules[0].data_names if self._modules else []

    @property
    def output_names(self):
        """Output names of the last module."""
        return self._modules[-1].output_names if self._modules else []

    @property
    def data_shapes(self):
        """Data shapes of the first module."""
        require(self, "data_shapes", "binded")
        return self._modules[0].data_shapes

    @property
    def label_shapes(self):
        """The label shapes given to `bind`; None where no module takes labels."""
        require(self, "label_shapes", "binded")
        return self._label_shapes

    @property
    def output_shapes(self):
        """Output shapes of the last module."""
        require(self, "output_shapes", "binded")
        return self._modules[-1].output_shapes

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
        """Bind all modules, each for the output shapes of the one before. `shared_module` must be None."""
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if shared_module is not None:
            raise ValueError("[SequentialModule] bind shared_module: expected None, got a module")
        if not self._modules:
            raise ValueError("[SequentialModule] bind: expected at least one module added, got none")
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        self._label_shapes = None
        for place, module in enumerate(self._modules):
            labels = label_shapes if self._takes_labels(place) else None
            self._label_shapes = labels or self._label_shapes
            if self._metas[place].get(self.META_AUTO_WIRING):
                data_shapes = self._rewire(module.data_names, data_shapes)
            needs_grad = for_training and (inputs_need_grad or place > 0)
            module.bind(data_shapes, labels, for_training, needs_grad, force_rebind, None, grad_req)
            data_shapes = module.output_shapes
        self.binded = True

    @staticmethod
    def _rewire(names, shapes):
        if len(names) != len(shapes):
            raise ValueError(f"[SequentialModule] bind: expected {len(names)} inputs for {names}, got {len(shapes)}")
        return [DataDesc(name, item[1]) for name, item in zip(names, shapes)]

    def init_params(
        self,
        initializer=init.Uniform(0.01),
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """As `Module.init_params`, for all modules. ValueError where two modules have a parameter of one name."""
        if self.params_initialized and not force_init:
            return
        require(self, "init_params", "binded")
        for module in self._modules:
            module.init_params(
                initializer=initializer,
                arg_params=arg_params,
                aux_params=aux_params,
                allow_missing=allow_missing,
                force_init=force_init,
                allow_extra=True,  # the dicts hold the parameters of all modules
            )
        self._check_unique()
        self.params_initialized = True

    def _check_unique(self):
        owner = {}
        for place, module in enumerate(self._modules):
            for params in module.get_params():
                for name in params:
                    if owner.setdefault(name, place) != place:
                        raise ValueError(f"[SequentialModule] init_params {name}: expected one module to have it, got modules {owner[name]} and {place}")

    def get_params(self):
        """The parameters of all modules in one pair of dicts."""
        require(self, "get_params", "binded", "params_initialized")
        arg_params, aux_params = {}, {}
        for module in self._modules:
            args, auxs = module.get_params()
            arg_params.update(args)
            aux_params.update(auxs)
        return arg_params, aux_params

    def init_optimizer(self, kvstore="local", optimizer="sgd", optimizer_params=DEFAULT_OPTIMIZER_PARAMS, force_init=False):
        """As `Module.init_optimizer`, for each module."""
        require(self, "init_optimizer", "binded", "params_initialized")
        if self.optimizer_initialized and not force_init:
            self.logger.warning("optimizer already initialized, ignoring.")
            return
        for module in self._modules:
            module.init_optimizer(kvstore, optimizer, optimizer_params, force_init)
        self.optimizer_initialized = True

    def forward(self, data_batch, is_train=None):
        """Compute all modules in turn."""
        require(self, "forward", "binded", "params_initialized")
        data, shapes = data_batch.data, data_batch.provide_data
        for place, module in enumerate(self._modules):
            shapes = self._rewire(module.data_names, shapes) if shapes and place > 0 else shapes
            module.forward(
                DataBatch(
                    data,
                    data_batch.label,
                    data_batch.pad,
                    data_batch.index,
                    provide_data=shapes,
                    provide_label=data_batch.provide_label if self._takes_labels(place) else None,
                ),
                is_train=is_train,
            )
            data, shapes = module.get_outputs(), module.output_shapes

    def backward(self, out_grads=None):
        """Compute the gradients from the last module to the first."""
        require(self, "backward", "binded", "params_initialized")
        for place, module in reversed(list(enumerate(self._modules))):
            module.backward(out_grads=out_grads)
            if place > 0:
                out_grads = module.get_input_grads()

    def update(self):
        """One step of each module's optimizer."""
        require(self, "update", "binded", "params_initialized", "optimizer_initialized")
        for module in self._modules:
            module.update()

    def get_outputs(self, merge_multi_context=True):
        """Outputs of the last module."""
        require(self, "get_outputs", "binded", "params_initialized")
        return self._modules[-1].get_outputs(merge_multi_context)

    def get_input_grads(self, merge_multi_context=True):
        """Gradients of the data of the first module."""
        require(self, "get_input_grads", "binded", "params_initialized", "inputs_need_grad")
        return self._modules[0].get_input_grads(merge_multi_context)

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Add the outputs of each module that takes labels to `eval_metric`."""
        require(self, "update_metric", "binded", "params_initialized")
        for place, module in enumerate(self._modules):
            if self._takes_labels(place):
                module.update_metric(eval_metric, labels, pre_sliced)

    def install_monitor(self, mon):
        """Let `mon` watch the executors of all modules."""
        require(self, "install_monitor", "binded")
        for module in self._modules:
            module.install_monitor(mon)
