"""mx.sym.random: draws from distributions, with numbers or symbols as parameters."""

from ..base import _Null, dtype_name
from ..namespaces import publish
from . import gen_op
from .symbol import Symbol


def _draw(name, parameters, shape, dtype, kwargs):
    if shape is not _Null:
        kwargs["shape"] = (shape,) if isinstance(shape, int) else tuple(shape)
    if dtype is not _Null and dtype is not None:
        kwargs["dtype"] = dtype_name(dtype)
    symbols = [isinstance(value, Symbol) for value in parameters.values()]
    if all(symbols):
        return getattr(gen_op, "_sample_" + name)(*parameters.values(), **kwargs)
    if any(symbols):
        raise ValueError(f"[random.{name}] expected numbers or symbols for {', '.join(parameters)}, got both")
    return getattr(gen_op, "_random_" + name)(**parameters, **kwargs)


def uniform(low=0, high=1, shape=_Null, dtype=_Null, **kwargs):
    """Uniform in [low, high)."""
    return _draw("uniform", {"low": low, "high": high}, shape, dtype, kwargs)


def normal(loc=0, scale=1, shape=_Null, dtype=_Null, **kwargs):
    """Normal with mean loc and standard deviation scale."""
    names = ("mu", "sigma") if isinstance(loc, Symbol) else ("loc", "scale")
    return _draw("normal", dict(zip(names, (loc, scale))), shape, dtype, kwargs)


def randn(*shape, loc=0, scale=1, dtype=_Null, **kwargs):
    """Normal, with the shape as positional arguments."""
    return normal(loc, scale, shape, dtype, **kwargs)


def gamma(alpha=1, beta=1, shape=_Null, dtype=_Null, **kwargs):
    """Gamma with shape alpha and scale beta."""
    return _draw("gamma", {"alpha": alpha, "beta": beta}, shape, dtype, kwargs)


def exponential(scale=1, shape=_Null, dtype=_Null, **kwargs):
    """Exponential with mean scale."""
    return _draw("exponential", {"lam": 1.0 / scale}, shape, dtype, kwargs)


def poisson(lam=1, shape=_Null, dtype=_Null, **kwargs):
    """Poisson with rate lam."""
    return _draw("poisson", {"lam": lam}, shape, dtype, kwargs)


def negative_binomial(k=1, p=1, shape=_Null, dtype=_Null, **kwargs):
    """Failures before k successes of probability p."""
    return _draw("negative_binomial", {"k": k, "p": p}, shape, dtype, kwargs)


def generalized_negative_binomial(mu=1, alpha=1, shape=_Null, dtype=_Null, **kwargs):
    """Negative binomial with mean mu and dispersion alpha."""
    return _draw("generalized_negative_binomial", {"mu": mu, "alpha": alpha}, shape, dtype, kwargs)


def randint(low, high, shape=_Null, dtype=_Null, **kwargs):
    """Whole numbers in [low, high)."""
    return _draw("randint", {"low": low, "high": high}, shape, dtype, kwargs)


multinomial = gen_op._sample_multinomial
publish(globals(), gen_op, "_random_")
