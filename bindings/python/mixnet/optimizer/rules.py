"""The optimizers. Fused steps are operators of the library; the rest is array arithmetic."""

import math

from .. import ndarray as nd
from .. import random
from .optimizer import Optimizer, register

__all__ = [
    "SGD",
    "NAG",
    "SGLD",
    "ccSGD",
    "Adam",
    "AdaGrad",
    "GroupAdaGrad",
    "RMSProp",
    "AdaDelta",
    "Ftrl",
    "Adamax",
    "Nadam",
    "Signum",
    "SignSGD",
    "FTML",
    "DCASGD",
    "LAMB",
    "LARS",
]


def _laziness(optimizer):
    """The operators are lazy unless they are told not to be."""
    return {} if optimizer.lazy_update else {"lazy_update": False}


@register
class SGD(Optimizer):
    """Stochastic gradient descent with momentum: m = momentum m - lr (clip(rescale g) + wd w), w += m.

    lazy_update: row_sparse gradients change only the rows that they have.
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, lazy_update=True, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.lazy_update = momentum, lazy_update
        self._aggregates(SGD, self.aggregate_num)

    def create_state(self, index, weight):
        return self._zeros(weight) if self.momentum else None

    def update(self, index, weight, grad, state):
        if isinstance(index, (list, tuple)):
            return self._step_many(index, weight, grad, state, None)
        lr, wd, _ = self._step(index)
        if state is None:
            nd.sgd_update(weight, grad, out=weight, lr=lr, wd=wd, **self._common(), **_laziness(self))
        else:
            nd.sgd_mom_update(weight, grad, state, out=weight, lr=lr, wd=wd, momentum=self.momentum, **self._common(), **_laziness(self))

    def update_multi_precision(self, index, weight, grad, state):
        if isinstance(index, (list, tuple)):
            if not self._low_precision(weight[0]):
                return self.update(index, weight, grad, state)
            return self._step_many(index, weight, grad, [own for _, own in state], [master for master, _ in state])
        if not self._low_precision(weight):
            return self.update(index, weight, grad, state)
        lr, wd, _ = self._step(index)
        master, momentum = state
        if momentum is None:
            nd.mp_sgd_update(weight, grad, master, out=weight, lr=lr, wd=wd, **self._common())
        else:
            nd.mp_sgd_mom_update(weight, grad, momentum, master, out=weight, lr=lr, wd=wd, momentum=self.momentum, **self._common())

    def _step_many(self, indices, weights, grads, momenta, masters):
        lrs, wds, _ = self._steps(indices)
        arrays, options = _sgd_groups(self, weights, grads, momenta, masters)
        step = _SGD_STEPS["momentum" in options, masters is not None]
        step(*arrays, out=list(weights), lrs=lrs, wds=wds, **options)


def _sgd_groups(optimizer, weights, grads, momenta, masters):
    """The arrays of the operators that make SGD steps of several weights, and their options."""
    columns = [weights, grads]
    options = {**optimizer._common(), "num_weights": len(weights)}
    if momenta[0] is not None:
        columns.append(momenta)
        options["momentum"] = optimizer.momentum
    if masters is not None:
        columns.append(masters)
    return [array for group in zip(*columns) for array in group], options


# By whether there are momenta and float32 copies.
_SGD_STEPS = {
    (False, False): nd.multi_sgd_update,
    (True, False): nd.multi_sgd_mom_update,
    (False, True): nd.multi_mp_sgd_update,
    (True, True): nd.multi_mp_sgd_mom_update,
}
_PRELOADED_SGD_STEPS = {
    (False, False): nd.preloaded_multi_sgd_update,
    (True, False): nd.preloaded_multi_sgd_mom_update,
    (False, True): nd.preloaded_multi_mp_sgd_update,
    (True, True): nd.preloaded_multi_mp_sgd_mom_update,
}


@register
class ccSGD(SGD):  # noqa: N801 - MXNet's name
    """SGD under its old name."""


@register
class NAG(Optimizer):
    """SGD with Nesterov's momentum (Sutskever et al., 2013)."""

    def __init__(self, learning_rate=0.1, momentum=0.9, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum

    def create_state(self, index, weight):
        return self._zeros(weight) if self.momentum else None

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        if state is None:
            nd.sgd_update(weight, grad, out=weight, lr=lr, wd=wd, **self._common())
        else:
            nd.nag_mom_update(weight, grad, state, out=weight, lr=lr, wd=wd, momentum=self.momentum, **self._common())

    def update_multi_precision(self, index, weight, grad, state):
        if not self._low_precision(weight) or state[1] is None:
            return super().update_multi_precision(index, weight, grad, state)
        lr, wd, _ = self._step(index)
        master, momentum = state
        nd.mp_nag_mom_update(weight, grad, momentum, master, out=weight, lr=lr, wd=wd, momentum=self.momentum, **self._common())


@register
class SGLD(Optimizer):
    """Stochastic gradient Langevin dynamics (Patterson and Teh, 2013): half a gradient step and noise of variance lr."""

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        noise = random.normal(0, math.sqrt(lr), shape=weight.shape, dtype=weight.dtype, ctx=weight.context)
        weight += -lr / 2 * (self._prepared(grad) + wd * weight) + noise


@register
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015). lazy_update: row_sparse gradients change only the rows that they have."""

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, lazy_update=True, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon, self.lazy_update = beta1, beta2, epsilon, lazy_update

    def create_state(self, index, weight):
        return self._zeros(weight), self._zeros(weight)

    def update(self, index, weight, grad, state):
        lr, wd, t = self._step(index)
        lr *= math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        moments = {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon}
        nd.adam_update(weight, grad, *state, out=weight, lr=lr, wd=wd, **moments, **self._common(), **_laziness(self))


@register
class AdaGrad(Optimizer):
    """AdaGrad (Duchi et al., 2011)."""

    def __init__(self, learning_rate=0.01, eps=1e-7, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.float_stable_eps = eps

    def create_state(self, index, weight):
        return self._zeros(weight)

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        if grad.stype == "row_sparse" and wd == 0:
            nd._sparse_adagrad_update(weight, grad, state, out=weight, lr=lr, epsilon=self.float_stable_eps, **self._common())
            return
        grad = self._prepared(grad)
        state += grad.square()
        weight += -lr * (grad / (state + self.float_stable_eps).sqrt() + wd * weight)


@register
class GroupAdaGrad(Optimizer):
    """AdaGrad with one rate per row, for tables of embeddings; without weight decay."""

    def __init__(self, learning_rate=0.01, eps=1e-5, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.float_stable_eps = eps

    def create_state(self, index, weight):
        if weight.ndim != 2:
            raise ValueError(f"[GroupAdaGrad] weight: expected 2 dimensions, got {weight.shape}")
        return nd.zeros((weight.shape[0], 1), weight.context, dtype=weight.dtype)

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        if wd != 0:
            raise ValueError(f"[GroupAdaGrad] wd: expected 0, got {wd}")
        nd._contrib_group_adagrad_update(weight, grad, state, out=weight, lr=lr, epsilon=self.float_stable_eps, **self._common())


@register
class RMSProp(Optimizer):
    """RMSProp (Tieleman and Hinton, 2012), or with `centered` the form of Graves (2013)."""

    def __init__(self, learning_rate=0.001, gamma1=0.9, gamma2=0.9, epsilon=1e-8, centered=False, clip_weights=None, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.gamma1, self.gamma2, self.epsilon, self.centered, self.clip_weights = gamma1, gamma2, epsilon, centered, clip_weights

    def create_state(self, index, weight):
        return tuple(self._zeros(weight) for _ in range(3 if self.centered else 1))

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        limits = {"clip_weights": -1.0 if self.clip_weights is None else self.clip_weights, **self._common()}
        if self.centered:
            nd.rmspropalex_update(weight, grad, *state, out=weight, lr=lr, wd=wd, gamma1=self.gamma1, gamma2=self.gamma2, epsilon=self.epsilon, **limits)
        else:
            nd.rmsprop_update(weight, grad, *state, out=weight, lr=lr, wd=wd, gamma1=self.gamma1, epsilon=self.epsilon, **limits)


@register
class AdaDelta(Optimizer):
    """AdaDelta (Zeiler, 2012)."""

    def __init__(self, rho=0.90, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.rho, self.epsilon = rho, epsilon

    def create_state(self, index, weight):
        return self._zeros(weight), self._zeros(weight)

    def update(self, index, weight, grad, state):
        _, wd, _ = self._step(index)
        grad = self._prepared(grad)
        squares, steps = state
        squares[:] = self.rho * squares + (1 - self.rho) * grad * grad
        delta = (steps + self.epsilon).sqrt() / (squares + self.epsilon).sqrt() * grad
        steps[:] = self.rho * steps + (1 - self.rho) * delta * delta
        weight[:] = weight - (delta + wd * weight)


@register
class Ftrl(Optimizer):
    """FTRL-proximal (McMahan et al., 2013)."""

    def __init__(self, lamda1=0.01, learning_rate=0.1, beta=1, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.lamda1, self.beta = lamda1, beta

    def create_state(self, index, weight):
        return self._zeros(weight), self._zeros(weight)

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        nd.ftrl_update(weight, grad, *state, out=weight, lr=lr, wd=wd, lamda1=self.lamda1, beta=self.beta, **self._common())


@register
class Adamax(Optimizer):
    """AdaMax (Kingma and Ba, 2015, section 7)."""

    def __init__(self, learning_rate=0.002, beta1=0.9, beta2=0.999, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2 = beta1, beta2

    def create_state(self, index, weight):
        return self._zeros(weight), self._zeros(weight)

    def update(self, index, weight, grad, state):
        lr, wd, t = self._step(index)
        lr /= 1 - self.beta1**t
        grad = grad * self.rescale_grad + wd * weight
        if self.clip_gradient is not None:
            grad = grad.clip(-self.clip_gradient, self.clip_gradient)
        mean, largest = state
        mean[:] = self.beta1 * mean + (1 - self.beta1) * grad
        largest[:] = nd.maximum(self.beta2 * largest, grad.abs())
        weight -= lr * mean / (largest + 1e-8)


@register
class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat, 2016)."""

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, schedule_decay=0.004, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon, self.schedule_decay = beta1, beta2, epsilon, schedule_decay
        self.m_schedule = 1.0

    def create_state(self, index, weight):
        return self._zeros(weight), self._zeros(weight)

    def update(self, index, weight, grad, state):
        lr, wd, t = self._step(index)
        grad = grad * self.rescale_grad + wd * weight
        if self.clip_gradient is not None:
            grad = grad.clip(-self.clip_gradient, self.clip_gradient)
        momentum = self.beta1 * (1 - 0.5 * 0.96 ** (t * self.schedule_decay))
        following = self.beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * self.schedule_decay))
        self.m_schedule *= momentum
        mean, var = state
        mean[:] = self.beta1 * mean + (1 - self.beta1) * grad
        var[:] = self.beta2 * var + (1 - self.beta2) * grad * grad
        ahead = (1 - momentum) * (grad / (1 - self.m_schedule)) + following * (mean / (1 - self.m_schedule * following))
        weight -= lr * ahead / ((var / (1 - self.beta2**t)).sqrt() + self.epsilon)


@register
class Signum(Optimizer):
    """SignSGD, with momentum when it is above 0 (Bernstein et al., 2018)."""

    def __init__(self, learning_rate=0.01, momentum=0.9, wd_lh=0.0, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.wd_lh = momentum, wd_lh

    def create_state(self, index, weight):
        return self._zeros(weight) if self.momentum else None

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        if state is None:
            nd.signsgd_update(weight, grad, out=weight, lr=lr, wd=wd, **self._common())
        else:
            nd.signum_update(weight, grad, state, out=weight, lr=lr, wd=wd, momentum=self.momentum, wd_lh=self.wd_lh, **self._common())


@register
class SignSGD(Signum):
    """Steps by the gradient's sign alone."""

    def __init__(self, learning_rate=0.01, **kwargs):
        super().__init__(learning_rate=learning_rate, momentum=0.0, **kwargs)


@register
class FTML(Optimizer):
    """Follow the moving leader (Zheng and Kwok, 2017)."""

    def __init__(self, learning_rate=0.0025, beta1=0.6, beta2=0.999, epsilon=1e-8, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def create_state(self, index, weight):
        return tuple(self._zeros(weight) for _ in range(3))

    def update(self, index, weight, grad, state):
        lr, wd, t = self._step(index)
        clip = -1.0 if self.clip_gradient is None else self.clip_gradient
        nd.ftml_update(
            weight,
            grad,
            *state,
            out=weight,
            lr=lr,
            wd=wd,
            t=t,
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            rescale_grad=self.rescale_grad,
            clip_grad=clip,
        )


@register
class DCASGD(Optimizer):
    """Delay-compensated asynchronous SGD (Zheng et al., 2017)."""

    def __init__(self, momentum=0.0, lamda=0.04, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.lamda = momentum, lamda

    def create_state(self, index, weight):
        return (self._zeros(weight) if self.momentum else None), weight.copy()

    def update(self, index, weight, grad, state):
        lr, wd, _ = self._step(index)
        grad = self._prepared(grad)
        momentum, previous = state
        step = -lr * (grad + wd * weight + self.lamda * grad * grad * (weight - previous))
        if momentum is not None:
            momentum[:] = self.momentum * momentum + step
            step = momentum
        previous[:] = weight
        weight += step


@register
class LAMB(Optimizer):
    """LAMB (You et al., 2020)."""

    def __init__(self, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-6, lower_bound=None, upper_bound=None, bias_correction=True, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta1, self.beta2, self.epsilon, self.bias_correction = beta1, beta2, epsilon, bias_correction
        self.lower_bound, self.upper_bound = lower_bound, upper_bound
        self._aggregates(LAMB, self.aggregate_num)

    def create_state(self, index, weight):
        return self._zeros(weight), self._zeros(weight)

    def _bounds(self):
        return {"lower_bound": -1.0 if self.lower_bound is None else self.lower_bound, "upper_bound": -1.0 if self.upper_bound is None else self.upper_bound}

    def _moments(self):
        return {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon, "bias_correction": self.bias_correction}

    def update(self, index, weight, grad, state):
        if isinstance(index, (list, tuple)):
            return self._step_many(nd._multi_lamb_update, index, weight, (weight, grad, *zip(*state)))
        lr, wd, t = self._step(index)
        direction = nd.lamb_update_phase1(weight, grad, *state, t=t, wd=wd, **self._moments(), **self._common())
        nd.lamb_update_phase2(weight, direction, weight.norm(), direction.norm(), out=weight, lr=lr, **self._bounds())

    def update_multi_precision(self, index, weight, grad, state):
        if not isinstance(index, (list, tuple)):
            return super().update_multi_precision(index, weight, grad, state)
        if not self._low_precision(weight[0]):
            return self.update(index, weight, grad, state)
        masters, moments = zip(*state)
        self._step_many(nd._multi_mp_lamb_update, index, weight, (weight, grad, *zip(*moments), masters))

    def _step_many(self, step, indices, weights, columns):
        lrs, wds, counts = self._steps(indices)
        arrays = [array for group in zip(*columns) for array in group]
        options = {**self._moments(), **self._bounds(), **self._common()}
        step(*arrays, out=list(weights), learning_rates=lrs, wds=wds, step_count=counts, num_tensors=len(weights), **options)


@register
class LARS(Optimizer):
    """Layer-wise adaptive rates (You et al., 2017): the rate of a layer grows with the ratio of weight and gradient norms.

    Weights whose names end in gamma, beta or bias keep their rate. Norms stay on the device: a step waits for nothing.
    """

    def __init__(self, learning_rate=0.1, momentum=0.0, eta=0.001, epsilon=1e-8, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum, self.eta, self.epsilon = momentum, eta, epsilon
        self._aggregates(LARS, self.aggregate_num)

    def create_state(self, index, weight):
        return self._zeros(weight) if self.momentum else None

    def update(self, index, weight, grad, state):
        if not isinstance(index, (list, tuple)):
            return self.update([index], [weight], [grad], [state])
        self._step_many(index, weight, grad, state, None)

    def update_multi_precision(self, index, weight, grad, state):
        if not isinstance(index, (list, tuple)):
            return self.update_multi_precision([index], [weight], [grad], [state])
        if not self._low_precision(weight[0]):
            return self.update(index, weight, grad, state)
        self._step_many(index, weight, grad, [own for _, own in state], [master for master, _ in state])

    def _adapts(self, index):
        return not self.idx2name.get(index, str(index)).endswith(("gamma", "beta", "bias"))

    def _step_many(self, indices, weights, grads, momenta, masters):
        lrs, wds, _ = self._steps(indices)
        # Those whose rates change go first.
        order = sorted(range(len(indices)), key=lambda k: not self._adapts(indices[k]))
        count = sum(self._adapts(index) for index in indices)
        weights, grads, momenta = ([values[k] for k in order] for values in (weights, grads, momenta))
        masters = masters and [masters[k] for k in order]
        where = weights[0].context
        rates, decays = (nd.array([values[k] for k in order], ctx=where, dtype="float32") for values in (lrs, wds))
        if count:
            norms = [nd.multi_sum_sq(*arrays[:count], num_arrays=count) for arrays in (weights, grads)]
            adapted = nd.multi_lars(rates[:count], *norms, decays[:count], eta=self.eta, eps=self.epsilon, rescale_grad=self.rescale_grad)
            rates[:count] = adapted
        arrays, options = _sgd_groups(self, weights, grads, momenta, masters)
        step = _PRELOADED_SGD_STEPS["momentum" in options, masters is not None]
        step(*arrays, rates, decays, out=weights, **options)
