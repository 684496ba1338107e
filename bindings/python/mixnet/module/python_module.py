"""A module whose computation is written in Python and that has no parameters unless a subclass adds them."""

import logging

from .. import initializer as init
from ..io.data_desc import as_desc
from .base_module import DEFAULT_OPTIMIZER_PARAMS, BaseModule
from .module_state import require


class PythonModule(BaseModule):
    """Base class: a subclass defines `forward`, `get_outputs`, `_compute_output_shapes` and, where needed, the rest.

    Parameters
    ----------
    data_names, label_names, output_names : list of str
        `label_names` may be None.
    logger : logging.Logger or the module logging
    """

    def __init__(self, data_names, label_names, output_names, logger=logging):
        super().__init__(logger=logger)
        self._data_names = list(data_names)
        self._label_names = None if label_names is None else list(label_names)
        self._output_names = list(output_names)
        self._data_shapes = self._label_shapes = self._output_shapes = None

    @property
    def data_names(self):
        """Names of the data inputs."""
        return self._data_names

    @property
    def output_names(self):
        """Names of the outputs."""
        return self._output_names

    @property
    def data_shapes(self):
        """List of DataDesc of the data."""
        return self._data_shapes

    @property
    def label_shapes(self):
        """List of DataDesc of the labels, or None."""
        return self._label_shapes

    @property
    def output_shapes(self):
        """List of (name, shape) of the outputs."""
        return self._output_shapes

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
        """Note the shapes and work out those of the outputs. `grad_req` must be 'write'."""
        if self.binded and not force_rebind:
            self.logger.warning("Already bound, ignoring bind()")
            return
        if grad_req != "write":
            raise ValueError(f"[{type(self).__name__}] bind grad_req: expected 'write', got {grad_req!r}")
        self._data_shapes = [as_desc(item) for item in data_shapes]
        self._label_shapes = None if label_shapes is None else [as_desc(item) for item in label_shapes]
        self._check_names("data_shapes", self._data_shapes, self._data_names)
        if self._label_shapes is not None:
            self._check_names("label_shapes", self._label_shapes, self._label_names or [])
        self.for_training = for_training
        self.inputs_need_grad = inputs_need_grad
        self._output_shapes = self._compute_output_shapes()
        self.binded = True

    def _check_names(self, place, described, names):
        found = [desc.name for desc in described]
        if found != names:
            raise ValueError(f"[{type(self).__name__}] bind {place}: expected shapes for {names}, got {found}")

    def _compute_output_shapes(self):
        """List of (name, shape) of the outputs, from `data_shapes` and `label_shapes`."""
        raise self._undefined("_compute_output_shapes")

    def get_params(self):
        """No parameters: two empty dicts."""
        return {}, {}

    def init_params(
        self,
        initializer=init.Uniform(0.01),
        arg_params=None,
        aux_params=None,
        allow_missing=False,
        force_init=False,
        allow_extra=False,
    ):
        """No parameters to initialise."""
        self.params_initialized = True

    def init_optimizer(self, kvstore="local", optimizer="sgd", optimizer_params=DEFAULT_OPTIMIZER_PARAMS, force_init=False):
        """No parameters to optimise."""
        self.optimizer_initialized = True

    def update(self):
        """No parameters to update."""

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Add the outputs to `eval_metric`, unless this module takes no labels."""
        if self._label_shapes is None:
            return
        if pre_sliced:
            kind = type(self).__name__
            raise ValueError(f"[{kind}] update_metric pre_sliced: expected False on a module of one device, got True")
        eval_metric.update(labels, self.get_outputs())

    def install_monitor(self, mon):
        """Nothing to watch."""
        require(self, "install_monitor", "binded")
