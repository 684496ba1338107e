"""A loss written in Python: passes its input on and supplies the gradient."""

import logging

from .. import ndarray as nd
from .module_state import require
from .python_module import PythonModule


class PythonLossModule(PythonModule):
    """Loss layer for the end of a `SequentialModule`.

    Parameters
    ----------
    name : str
        The output is called ``name_output``.
    data_names, label_names : list of one str
    grad_func : callable
        ``grad_func(scores, labels)`` returns the gradient of the scores (NDArray or numpy array of their shape). A
        subclass may define `_backward_impl`, which sets ``_scores_grad``, instead.
    """

    def __init__(
        self,
        name="pyloss",
        data_names=("data",),
        label_names=("softmax_label",),
        logger=logging,
        grad_func=None,
    ):
        super().__init__(data_names, label_names, [f"{name}_output"], logger=logger)
        if len(self._data_names) != 1 or len(self._label_names) != 1:
            found = (self._data_names, self._label_names)
            raise ValueError(f"[PythonLossModule] data_names, label_names: expected one each, got {found}")
        if grad_func is not None and not callable(grad_func):
            raise TypeError(f"[PythonLossModule] grad_func: expected a callable, got {type(grad_func).__name__}")
        self._name = name
        self._grad_func = grad_func
        self._scores = self._labels = self._scores_grad = None

    def _compute_output_shapes(self):
        return [(self._output_names[0], self._data_shapes[0].shape)]

    def forward(self, data_batch, is_train=None):
        """Keep the scores, and in training the labels."""
        require(self, "forward", "binded")
        self._scores = data_batch.data[0]
        if self.for_training if is_train is None else is_train:
            self._labels = data_batch.label[0]

    def get_outputs(self, merge_multi_context=True):
        """The scores as they came."""
        return [self._scores] if merge_multi_context else [[self._scores]]

    def backward(self, out_grads=None):
        """Compute the gradient of the scores; a loss takes no `out_grads`."""
        require(self, "backward", "binded")
        if out_grads is not None:
            raise ValueError("[PythonLossModule] backward out_grads: expected None for a loss, got gradients")
        if not self.for_training:
            raise ValueError("[PythonLossModule] backward: expected a module bound with for_training=True, got False")
        self._backward_impl()

    def _backward_impl(self):
        if self._grad_func is None:
            raise self._undefined("grad_func or _backward_impl")
        grad = self._grad_func(self._scores, self._labels)
        self._scores_grad = grad if isinstance(grad, nd.NDArray) else nd.array(grad)

    def get_input_grads(self, merge_multi_context=True):
        """Gradient of the scores."""
        return [self._scores_grad] if merge_multi_context else [[self._scores_grad]]
