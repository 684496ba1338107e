"""An optimizer together with the place where it works: in a store, or on each device.

Modules that share parameters (buckets) share one of these. Optimizer states are found by the parameter's name, so
that the order of the parameters may differ between them.
"""

import warnings

from .. import optimizer as opt
from ..amp.converting import LOSS_SCALE
from ..amp.loss_scaler import LossScaler
from . import parameter_sync as sync


class Optimization:
    """Make store and optimizer for the parameters `param_names` of `group`, and carry out steps.

    Parameters are those of `Module.init_optimizer`; `arg_params` holds the values the store starts from.
    """

    def __init__(self, symbol, param_names, group, arg_params, kvstore, optimizer, optimizer_params, compression_params):
        copies = len(group.contexts)
        self.store, self.in_store = sync.create_store(kvstore, copies, arg_params)
        self.index = {name: place for place, name in enumerate(param_names)}
        self.names = _names_by_key(param_names, 1 if self.in_store else copies)
        self.optimizer = self._make_optimizer(symbol, group.batch_size, optimizer, optimizer_params)
        self.updater = None if self.in_store else opt.get_updater(self.optimizer)
        if self.store is not None:
            if compression_params:
                self.store.set_gradient_compression(compression_params)
            if self.in_store:
                self.store.set_optimizer(self.optimizer)
            sync.fill_store(self.store, param_names, group.param_arrays, arg_params, self.in_store)
        self.scaler = LossScaler() if LOSS_SCALE in group.arg_names else None
        self.divided = False  # the gradients are without the scale already

    def _make_optimizer(self, symbol, batch_size, optimizer, params):
        rescale = 1.0 / (batch_size * self._synchronous_workers())
        if isinstance(optimizer, str):
            params.setdefault("rescale_grad", rescale)
            return opt.create(optimizer, sym=symbol, param_idx2name=self.names, **params)
        if not isinstance(optimizer, opt.Optimizer):
            kind = type(optimizer).__name__
            raise TypeError(f"[Module] init_optimizer optimizer: expected a name or an Optimizer, got {kind}")
        if optimizer.rescale_grad != rescale:
            found = optimizer.rescale_grad
            warnings.warn(f"[Module] init_optimizer rescale_grad: expected 1/batch size = {rescale}, got {found}", stacklevel=4)
        if not optimizer.idx2name:
            optimizer.idx2name = self.names
        return optimizer

    def _synchronous_workers(self):
        kind = self.store.type if self.store is not None else ""
        return self.store.num_workers if "dist" in kind and ("_sync" in kind or "_allreduce" in kind) else 1

    def update(self, group):
        """One step with the gradients of `group`, whose parameters are those given at first or some of them."""
        if self.scaler is None:
            return self._step(group)
        scale, rescale = self.scaler.loss_scale, self.optimizer.rescale_grad
        divided, self.divided = self.divided, False
        if self.scaler.has_overflow([grad for grads in group.grad_arrays for grad in grads if grad is not None]):
            return None
        self.optimizer.rescale_grad = rescale if divided else rescale / scale
        try:
            return self._step(group)
        finally:
            self.optimizer.rescale_grad = rescale

    def scale(self, group, out_grads):
        """Set the scale of the losses in `group`; the head gradients times the scale."""
        scale = self.scaler.loss_scale
        for executor in group.execs:
            executor.arg_dict[LOSS_SCALE][:] = scale
        if out_grads is None:
            return None
        return [grad * scale for grad in out_grads] if isinstance(out_grads, (list, tuple)) else out_grads * scale

    def unscale(self, group):
        """Divide the gradients of `group` by the scale before the step."""
        if self.scaler is None or self.divided:
            return
        for grads in group.grad_arrays:
            for grad in grads:
                if grad is not None:
                    grad *= 1 / self.scaler.loss_scale
        self.divided = True

    def _step(self, group):
        names = group.param_names
        if self.in_store:
            sync.update_in_store(self.store, names, group.param_arrays, group.grad_arrays)
            return
        if self.store is not None:
            sync.sum_in_store(self.store, names, group.grad_arrays)
        # Sums that come from other machines come one by one, those that the next forward needs first at first.
        together = self.store is None or "dist" not in getattr(self.store, "type", "")
        sync.update_on_devices(self.updater, self.index, names, group.param_arrays, group.grad_arrays, together)

    def save(self, fname):
        """Write the optimizer states to the file `fname`."""
        if self.in_store:
            self.store.save_optimizer_states(fname)
            return
        with open(fname, "wb") as file:
            file.write(self.updater.get_states())

    def load(self, fname):
        """Read the optimizer states from the file `fname`."""
        if self.in_store:
            self.store.load_optimizer_states(fname)
            return
        with open(fname, "rb") as file:
            self.updater.set_states(file.read())


def _names_by_key(param_names, copies):
    return {place * copies + k: name for place, name in enumerate(param_names) for k in range(copies)}
