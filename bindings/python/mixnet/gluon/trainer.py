"""Trainer: steps of an optimizer on the parameters of blocks."""

from .. import kvstore as stores
from .. import optimizer as optimizers
from ..base import MXNetError
from .parameter import Parameter


class Trainer:
    """Sums gradients over contexts (and workers) and makes the optimizer's step.

    Parameters
    ----------
    params : ParameterDict, dict or list of Parameters
    optimizer : str or Optimizer
    optimizer_params : dict, optional
        Options of an optimizer that is named.
    kvstore : str, KVStore or None
        Where gradients are summed: 'device', 'local', 'dist_sync', 'dist_async', 'dist_allreduce', ... A name other than dist's makes no store for one context.
    compression_params : dict, optional
        See KVStore.set_gradient_compression.
    update_on_kvstore : bool, optional
        Whether the store makes the steps. Unless given, servers do (dist_sync, dist_async); otherwise every context steps its own values.
    """

    def __init__(self, params, optimizer, optimizer_params=None, kvstore="device", compression_params=None, update_on_kvstore=None):
        params = list(params.values()) if hasattr(params, "values") else params
        if not isinstance(params, (list, tuple)) or not all(isinstance(p, Parameter) for p in params):
            raise ValueError(f"[Trainer] params: expected a ParameterDict, or a list or dict of Parameters, got {type(params).__name__}")
        self._params = list(params)
        if isinstance(optimizer, optimizers.Optimizer):
            if optimizer_params:
                raise MXNetError("[Trainer] optimizer_params: expected None beside an Optimizer, which has its own")
            self._optimizer = optimizer
        else:
            self._optimizer = optimizers.create(optimizer, **(optimizer_params or {}))
        self._scale = self._optimizer.rescale_grad
        self._amp_loss_scaler = None  # of amp.init_trainer
        if kvstore is not None and not isinstance(kvstore, (str, stores.KVStore)):
            raise TypeError(f"[Trainer] kvstore: expected a KVStore, a text or None, got {type(kvstore).__name__}")
        self._asked = kvstore, compression_params, update_on_kvstore
        self._store, self._on_store, self._updater = None, False, None
        self._unknown = None  # parameters that the store does not know yet; None before the first step

    # ---- the store --------------------------------------------------------------------------------------------------

    def _contexts(self):
        where = None
        for parameter in self._params:
            listed = parameter.list_ctx()
            if where is not None and listed != where:
                raise MXNetError(f"[Trainer] expected all parameters on {where}, got {parameter.name} on {listed}")
            where = listed
        return where or []

    def _begin(self):
        """Makes the store and the updater at first, and gives the store the parameters that got their values since."""
        if self._unknown is None:
            self._set_up(len(self._contexts()))
        if self._store is None:
            return
        for key in [key for key in self._unknown if self._params[key]._values is not None]:
            # A store that has trained before begins anew.
            self._store.init(key, self._params[key].list_data()[0], force=key in self._store)
            # All workers begin with the first one's values.
            self._store.pull(key, self._params[key].list_data(), priority=-key)
            self._unknown.remove(key)

    def _set_up(self, copies):
        kvstore, compression, wanted = self._asked
        if isinstance(kvstore, stores.KVStore):
            self._store = kvstore
        elif kvstore is not None and (copies > 1 or "dist" in kvstore):
            self._store = stores.create(kvstore)
        if self._store is None:
            if wanted and kvstore is None:
                raise ValueError("[Trainer] update_on_kvstore: expected False without a kvstore, got True")
        else:
            kind = self._store.type
            self._on_store = ("dist" in kind and "allreduce" not in kind) if wanted is None else bool(wanted)
            if "async" in kind and not self._on_store:
                raise ValueError(f"[Trainer] update_on_kvstore: expected True with {kind}, whose servers make the steps, got False")
            if compression:
                self._store.set_gradient_compression(compression)
        # Where devices step themselves each has states of its own.
        self._copies = 1 if self._on_store else copies
        self._optimizer.param_dict = {key * self._copies + k: parameter for key, parameter in enumerate(self._params) for k in range(self._copies)}
        if self._on_store:
            self._store.set_optimizer(self._optimizer)
        else:
            self._updater = optimizers.get_updater(self._optimizer)
        self._unknown = list(range(len(self._params)))

    # ---- steps ------------------------------------------------------------------------------------------------------

    @property
    def optimizer(self):
        """The optimizer."""
        return self._optimizer

    @property
    def learning_rate(self):
        """Of the next step."""
        return self._optimizer.learning_rate

    def set_learning_rate(self, lr):
        """Sets the learning rate; not with an lr_scheduler."""
        self._settle()
        self._optimizer.set_learning_rate(lr)

    def _rescale(self, batch_size):
        scale = self._scale / batch_size
        if scale != self._optimizer.rescale_grad:
            self._settle()
            self._optimizer.rescale_grad = scale

    def _settle(self):
        """Steps that a store of this process has not made yet would see what is changed now."""
        if self._on_store and "dist" not in self._store.type:
            self._store.barrier()

    def step(self, batch_size, ignore_stale_grad=False):
        """Sums gradients, divides them by batch_size and makes the step. Parameters that have no values yet are left out.

        ignore_stale_grad is taken for MXNet's sake: a gradient that backward has not written since the last step counts as it is.
        """
        self._rescale(batch_size)
        self._begin()
        chosen = self._trained()
        if not self._on_store:
            self._sum(chosen)
            self._step(chosen)
            return
        if self._amp_loss_scaler is not None:
            if "dist" in self._store.type:
                raise MXNetError("[Trainer] amp.init_trainer: expected update_on_kvstore=False between workers, who must leave out the same steps")
            if self._amp_loss_scaler.has_overflow(self.gradients()):
                return
        for key, parameter in chosen:
            self._store.pushpull(key, parameter.list_grad(), out=parameter.list_data(), priority=-key)

    def allreduce_grads(self):
        """Sums gradients alone, for those who look at them or clip them before `update`; not where the store makes the steps."""
        self._begin()
        if self._on_store:
            raise MXNetError("[Trainer] allreduce_grads: expected update_on_kvstore=False, since a store that makes steps gives no gradients")
        self._sum(self._trained())

    def update(self, batch_size, ignore_stale_grad=False):
        """The step alone, behind allreduce_grads."""
        self._begin()
        if self._on_store:
            raise MXNetError("[Trainer] update: expected update_on_kvstore=False; call step")
        self._rescale(batch_size)
        self._step(self._trained())

    def _trained(self):
        return [(key, parameter) for key, parameter in enumerate(self._params) if parameter.grad_req != "null" and parameter._values is not None]

    def _sum(self, chosen):
        if self._store is not None:
            for key, parameter in chosen:
                gradients = parameter.list_grad()
                self._store.pushpull(key, gradients, out=gradients, priority=-key)

    def gradients(self):
        """The gradients of all parameters on all contexts."""
        return [gradient for _, parameter in self._trained() for gradient in parameter.list_grad()]

    def _step(self, chosen):
        if self._amp_loss_scaler is not None and self._amp_loss_scaler.has_overflow(self.gradients()):
            return
        for k in range(self._copies):
            keys = [key * self._copies + k for key, _ in chosen]
            self._updater(keys, [parameter.list_grad()[k] for _, parameter in chosen], [parameter.list_data()[k] for _, parameter in chosen])

    # ---- files ------------------------------------------------------------------------------------------------------

    def save_states(self, fname):
        """Writes the optimizer's states; where devices make their own steps, those of all."""
        self._begin()
        if self._on_store:
            self._store.save_optimizer_states(fname)
            return
        with open(fname, "wb") as file:
            file.write(self._updater.get_states())

    def load_states(self, fname):
        """Reads what save_states wrote with as many contexts."""
        self._begin()
        if self._on_store:
            self._store.load_optimizer_states(fname)
            return
        with open(fname, "rb") as file:
            self._updater.set_states(file.read())
