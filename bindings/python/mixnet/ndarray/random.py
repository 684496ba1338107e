"""mx.nd.random: draws from distributions, with numbers or arrays as parameters."""

from ..base import _Null, dtype_name
from ..namespaces import publish
from . import gen_op
from .ndarray import NDArray, _shape_arg


def _draw(name, parameters, shape, dtype, ctx, out):
    keys = {"uniform": ("low", "high"), "normal": ("loc", "scale"), "gamma": ("alpha", "beta"), "exponential": ("lam",)}
    keys.update(poisson=("lam",), negative_binomial=("k", "p"), generalized_negative_binomial=("mu", "alpha"), randint=("low", "high"))
    shape = _Null if shape is _Null else _shape_arg(shape)
    kwargs = {"shape": shape, "out": out}
    if dtype is not _Null and dtype is not None:
        kwargs["dtype"] = dtype_name(dtype)
    if isinstance(parameters[0], NDArray):
        return getattr(gen_op, "_sample_" + name)(*parameters, **kwargs)
    if out is not None and shape is _Null:
        kwargs["shape"] = out.shape
    elif shape is _Null:
        kwargs["shape"] = (1,)
    kwargs.update(zip(keys[name], parameters))
    if ctx is not None:
        kwargs["ctx"] = ctx
    return getattr(gen_op, "_random_" + name)(**kwargs)


def uniform(low=0, high=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
    """Uniform in [low, high)."""
    return _draw("uniform", (low, high), shape, dtype, ctx, out)


def normal(loc=0, scale=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
    """Normal with mean loc and standard deviation scale."""
    return _draw("normal", (loc, scale), shape, dtype, ctx, out)


def randn(*shape, loc=0, scale=1, dtype=_Null, ctx=None, out=None):
    """Normal, with the shape as positional arguments."""
    return _draw("normal", (loc, scale), shape, dtype, ctx, out)


def gamma(alpha=1, beta=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
    """Gamma with shape alpha and scale beta."""
    return _draw("gamma", (alpha, beta), shape, dtype, ctx, out)


def exponential(scale=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
    """Exponential with mean scale."""
    return _draw("exponential", (1.0 / scale,), shape, dtype, ctx, out)


def poisson(lam=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
    """Poisson with rate lam."""
    return _draw("poisson", (lam,), shape, dtype, ctx, out)


def negative_binomial(k=1, p=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
    """Failures before k successes of probability p."""
    return _draw("negative_binomial", (k, p), shape, dtype, ctx, out)


def generalized_negative_binomial(mu=1, alpha=1, shape=_Null, dtype=_Null, ctx=None, out=None, **kwargs):
    """Negative binomial with mean mu and dispersion alpha."""
    return _draw("generalized_negative_binomial", (mu, alpha), shape, dtype, ctx, out)


def randint(low, high, shape=_Null, dtype="int32", ctx=None, out=None, **kwargs):
    """Whole numbers in [low, high)."""
    return _draw("randint", (low, high), shape, dtype, ctx, out)


def shuffle(data, out=None, **kwargs):
    """The rows of data in random order; every order is equally likely."""
    return gen_op._shuffle(data, out=out, **kwargs)


def multinomial(data, shape=_Null, get_prob=False, out=None, dtype="int32", **kwargs):
    """Indices drawn with the probabilities in the last axis of data; with get_prob also the logarithms of their probabilities."""
    return gen_op._sample_multinomial(data, shape=shape, get_prob=get_prob, dtype=dtype, out=out, **kwargs)


publish(globals(), gen_op, "_random_")
