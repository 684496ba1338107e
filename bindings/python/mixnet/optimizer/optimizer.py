"""The base of all optimizers: learning rates, weight decay, update counts and the registry."""

import os

from ..base import MXNetError
from ..ndarray import zeros

_registry = {}


def register(cls):
    """Makes an optimizer known to `create` by its lower-case class name."""
    _registry[cls.__name__.lower()] = cls
    return cls


def create(name, **kwargs):
    """An optimizer by name, or the one given."""
    if isinstance(name, Optimizer):
        return name
    if str(name).lower() not in _registry:
        raise MXNetError(f"[optimizer] expected one of {', '.join(sorted(_registry))}, got {name!r}")
    return _registry[str(name).lower()](**kwargs)


def _aggregation_size():
    name = "MXNET_OPTIMIZER_AGGREGATION_SIZE"
    given = os.environ.get(name, "45")
    if not given.isdigit():
        raise MXNetError(f"[optimizer] {name}: expected a whole number, got {given!r}")
    return int(given)


class Optimizer:
    """Base. update(index, weight, grad, state) changes weight and state in place.

    rescale_grad multiplies gradients, usually by 1 / batch size. wd counts only for names that end in _weight or _gamma;
    lr_mult and wd_mult come from the symbol's attributes or set_lr_mult. multi_precision keeps a float32 copy of 16-bit weights.

    aggregate_num: so many weights an Updater gives to one call at most, as lists of indices, weights, gradients and states; 0: one by one.
    SGD, LAMB and LARS take 45, or what MXNET_OPTIMIZER_AGGREGATION_SIZE says.
    """

    opt_registry = _registry

    def __init__(
        self,
        rescale_grad=1.0,
        param_idx2name=None,
        wd=0.0,
        clip_gradient=None,
        learning_rate=None,
        lr_scheduler=None,
        sym=None,
        begin_num_update=0,
        multi_precision=False,
        param_dict=None,
        aggregate_num=0,
        use_fused_step=None,
    ):
        place = type(self).__name__
        for key, value in (("rescale_grad", rescale_grad), ("wd", wd), ("learning_rate", 0.01 if learning_rate is None else learning_rate)):
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise TypeError(f"[{place}] {key}: expected a number, got {type(value).__name__}")
        self.rescale_grad, self.wd, self.clip_gradient = rescale_grad, wd, clip_gradient
        self.lr_scheduler = lr_scheduler
        self.lr = 0.01 if learning_rate is None else learning_rate
        if lr_scheduler is not None and learning_rate is not None:
            lr_scheduler.base_lr = learning_rate
        self.begin_num_update = self.num_update = begin_num_update
        self._index_update_count = {}
        self.multi_precision = multi_precision
        self.aggregate_num = aggregate_num
        self.idx2name = dict(param_idx2name or {})
        self.param_dict = param_dict or {}
        self.sym_info = (sym.attr_dict(), sym.list_arguments()) if sym is not None else ()
        self.set_lr_mult({})
        self.set_wd_mult({})

    create_optimizer = staticmethod(create)

    @property
    def learning_rate(self):
        """The learning rate of the next update."""
        return self.lr_scheduler(self.num_update) if self.lr_scheduler is not None else self.lr

    def set_learning_rate(self, lr):
        """Sets the rate; not with a schedule."""
        if self.lr_scheduler is not None:
            raise UserWarning("[optimizer] the learning rate follows the lr_scheduler; change that instead")
        self.lr = lr

    def _multipliers(self, key, given):
        result = {}
        if self.sym_info:
            attributes, arguments = self.sym_info
            for name in arguments:
                if key in attributes.get(name, {}):
                    result[name] = float(attributes[name][key])
        result.update(given)
        return result

    def set_lr_mult(self, args_lr_mult):
        """Factors of the learning rate by parameter name or index."""
        self.lr_mult = self._multipliers("__lr_mult__", args_lr_mult)

    def set_wd_mult(self, args_wd_mult):
        """Factors of the weight decay by parameter name or index; 0 for names that end in neither _weight nor _gamma."""
        plain = {name: 0.0 for name in self.idx2name.values() if not name.endswith(("_weight", "_gamma"))}
        self.wd_mult = {**plain, **self._multipliers("__wd_mult__", args_wd_mult)}

    def _factor(self, index, table, attribute):
        if index in self.param_dict:
            return getattr(self.param_dict[index], attribute)
        return table.get(index, table.get(self.idx2name.get(index), 1.0))

    def _get_lr(self, index):
        return self.learning_rate * self._factor(index, self.lr_mult, "lr_mult")

    def _get_wd(self, index):
        return self.wd * self._factor(index, self.wd_mult, "wd_mult")

    def _update_count(self, index):
        count = self._index_update_count.get(index, self.begin_num_update) + 1
        self._index_update_count[index] = count
        self.num_update = max(self.num_update, count)

    def _step(self, index):
        """(learning rate, weight decay, number of this update) of one parameter."""
        self._update_count(index)
        return self._get_lr(index), self._get_wd(index), self._index_update_count[index]

    def _steps(self, indices):
        """(learning rates, weight decays, numbers of this update) of several parameters."""
        for index in indices:
            self._update_count(index)
        rate = self.learning_rate
        rates = [rate * self._factor(index, self.lr_mult, "lr_mult") for index in indices]
        return rates, [self._get_wd(index) for index in indices], [self._index_update_count[index] for index in indices]

    def _aggregates(self, cls, most):
        """Take several weights at once, unless a subclass of `cls` makes steps of its own, which may know single ones only."""
        own = any(getattr(type(self), name) is not getattr(cls, name) for name in ("update", "update_multi_precision"))
        self.aggregate_num = 0 if own else most if most else _aggregation_size()

    def _common(self):
        """What every fused step takes."""
        return {"rescale_grad": self.rescale_grad, "clip_gradient": -1.0 if self.clip_gradient is None else self.clip_gradient}

    def _prepared(self, grad):
        """rescale * grad, clipped."""
        grad = grad * self.rescale_grad
        return grad if self.clip_gradient is None else grad.clip(-self.clip_gradient, self.clip_gradient)

    @staticmethod
    def _zeros(weight):
        return zeros(weight.shape, weight.context, dtype=weight.dtype)

    def _low_precision(self, weight):
        return self.multi_precision and weight._dtype in ("float16", "bfloat16")

    def create_state(self, index, weight):
        """The states of a parameter; None when there are none."""
        return None

    def create_state_multi_precision(self, index, weight):
        """The states, with a float32 copy of a 16-bit weight."""
        if self._low_precision(weight):
            master = weight.astype("float32")
            return master, self.create_state(index, master)
        return self.create_state(index, weight)

    def update(self, index, weight, grad, state):
        """One step in place."""
        raise NotImplementedError("[optimizer] an optimizer defines update(index, weight, grad, state)")

    def update_multi_precision(self, index, weight, grad, state):
        """One step, on the float32 copy where there is one."""
        if not self._low_precision(weight):
            return self.update(index, weight, grad, state)
        master, own = state
        self.update(index, master, grad.astype("float32"), own)
        master.astype(weight._dtype).copyto(weight)


@register
class Test(Optimizer):
    """weight -= rescale * grad, with the gradient kept in the state; for tests of stores."""

    def create_state(self, index, weight):
        return self._zeros(weight)

    def update(self, index, weight, grad, state):
        weight -= grad * self.rescale_grad
        state[:] = weight
