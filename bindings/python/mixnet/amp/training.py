"""Training in mixed precision: modules that convert themselves, and the scale of the loss.

After `init`, every Module that is bound, and every block of gluon that is called for the first time after `hybridize`, computes with a
converted copy of its symbol. Parameters stay in float32 and are cast once per step, so that what the optimizer changes are the
master weights; a module bound for prediction alone keeps 16-bit parameters. Symbols bound without a module, arrays, and blocks that
are not hybridized are left alone: see `convert_symbol`.

float16 also needs a scale on the loss, which `init` turns on. Losses inside the symbol (SoftmaxOutput and the like)
are scaled where their gradient starts, and head gradients given to `Module.backward` when they arrive; `update`
divides again in float32, and skips the step when a gradient is not finite.
"""

from contextlib import contextmanager

from ..base import MXNetError
from ..optimizer import Optimizer
from .converting import Policy, convert
from .loss_scaler import LossScaler

_active = None


class _Mode:
    def __init__(self, policy, scaling):
        self.policy, self.scaling = policy, scaling

    def convert(self, symbol, training, inputs):
        return convert(symbol, self.policy, not training, inputs, self.scaling and training)

    def convert_block(self, symbol, inputs):
        """Of a block the loss is outside, and it is called in both modes."""
        return convert(symbol, self.policy, False, inputs)


def init(target_dtype="bfloat16", target_precision_ops=None, conditional_fp32_ops=None, fp32_ops=None, loss_scaling=None):
    """Makes modules that are bound, and blocks that are hybridized, from now on compute in `target_dtype`.

    Parameters
    ----------
    target_dtype : 'bfloat16' or 'float16'
    target_precision_ops, fp32_ops, conditional_fp32_ops :
        As target_dtype_ops, fp32_ops and conditional_fp32_ops of `convert_symbol`.
    loss_scaling : bool, optional
        Whether to scale losses; for float16 unless said otherwise.

    Raises
    ------
    MXNetError
        For another dtype or a wrong list.
    """
    global _active
    policy = Policy("amp.init", target_dtype, target_precision_ops, fp32_ops, conditional_fp32_ops)
    _active = _Mode(policy, policy.target == "float16" if loss_scaling is None else bool(loss_scaling))


def stop():
    """Ends what `init` began; modules that are bound stay as they are."""
    global _active
    _active = None


def active():
    """What `init` set, or None."""
    return _active


def _optimization(module):
    found = getattr(module, "_optimization", None)
    if found is None and getattr(module, "optimizer_initialized", False):
        found = getattr(getattr(module, "_curr_module", None), "_optimization", None)
    return found


def _factor_name(optimizer_or_trainer):
    """Where an Optimizer, or a Trainer of gluon, has the factor of gradients; None for a module, which scales by itself."""
    if isinstance(optimizer_or_trainer, Optimizer):
        return "rescale_grad"
    return "_scale" if hasattr(optimizer_or_trainer, "allreduce_grads") else None


def _scaled(optimizer_or_trainer, place):
    """The object that carries the scaler: an Optimizer, a Trainer, or the Optimization of a module."""
    if _factor_name(optimizer_or_trainer):
        return optimizer_or_trainer
    if not hasattr(optimizer_or_trainer, "init_optimizer"):
        kind = type(optimizer_or_trainer).__name__
        raise TypeError(f"[{place}] optimizer_or_trainer: expected an Optimizer, a Trainer or a module, got {kind}")
    found = _optimization(optimizer_or_trainer)
    if found is None:
        raise MXNetError(f"[{place}] optimizer_or_trainer: expected a module with an optimizer, got one before init_optimizer")
    return found


def init_trainer(optimizer_or_trainer):
    """Gives an Optimizer or a Trainer a LossScaler, as ``_amp_loss_scaler``. A module has its own since init_optimizer, when it scales."""
    target = _scaled(optimizer_or_trainer, "amp.init_trainer")
    name = _factor_name(target)
    if name:
        target._amp_loss_scaler, target._amp_rescale_grad = LossScaler(), getattr(target, name)


@contextmanager
def scale_loss(loss, optimizer_or_trainer):
    """``with scale_loss(loss, trainer) as scaled``: the loss (or head gradients, or a list) times the scale.

    Trainer and Optimizer divide the gradients again. A Trainer leaves out steps with gradients that are not finite; with an Optimizer ask
    ``optimizer._amp_loss_scaler.has_overflow(gradients)`` before the step. A module scales by itself: for one, the loss comes back as it is.
    """
    target = _scaled(optimizer_or_trainer, "amp.scale_loss")
    name = _factor_name(target)
    if not name:
        yield loss
        return
    scale = _scaler(target, "amp.scale_loss").loss_scale
    setattr(target, name, target._amp_rescale_grad / scale)
    yield [item * scale for item in loss] if isinstance(loss, (list, tuple)) else loss * scale


def _scaler(target, place):
    scaler = getattr(target, "_amp_loss_scaler", None)
    if scaler is None:
        raise MXNetError(f"[{place}] optimizer_or_trainer: expected an Optimizer or a Trainer after amp.init_trainer, got one before")
    return scaler


def unscale(optimizer_or_trainer, grads=None):
    """Divides the gradients by the scale now, for those who look at them or clip them before the step.

    For a module or a Trainer its own gradients; for an Optimizer the list `grads`.
    """
    target = _scaled(optimizer_or_trainer, "amp.unscale")
    name = _factor_name(target)
    if not name:
        module = getattr(optimizer_or_trainer, "_curr_module", None) or optimizer_or_trainer
        target.unscale(module._exec_group)
        return
    if name != "rescale_grad":
        grads = target.gradients()
    if grads is None:
        raise MXNetError("[amp.unscale] grads: expected the gradients, got none")
    _scaler(target, "amp.unscale")
    factor = getattr(target, name) / target._amp_rescale_grad
    for grad in grads:
        grad *= factor
    setattr(target, name, target._amp_rescale_grad)
