"""Random numbers, drawn from the library's generator: `seed` attributes have no meaning for it."""

from ..dtypes import NAMES
from ..errors import OnnxError
from ..table import operator


@operator("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike")
def draw(n, like=None):
    """Of a shape that an attribute or another value has."""
    shape = n.ints("shape") if like is None else like.full_shape()
    dtype = NAMES.get(n.int("dtype", 1 if like is None else 0), like.dtype if like is not None else "float32")
    if "Normal" in n.op:
        return n.b.random("_random_normal", shape, loc=n.float("mean", 0.0), scale=n.float("scale", 1.0)).cast(dtype)
    return n.b.random("_random_uniform", shape, low=n.float("low", 0.0), high=n.float("high", 1.0)).cast(dtype)


@operator("Bernoulli")
def bernoulli(n, x):
    """1 with the probability that each element says."""
    dtype = NAMES.get(n.int("dtype", 0), x.dtype)
    drawn = n.b.random("_random_uniform", x.full_shape(), low=0.0, high=1.0)
    return (drawn < x.cast("float32")).cast(dtype)


@operator("Multinomial")
def multinomial(n, x):
    """Classes drawn by their unnormalised logarithms, by the largest of scores with Gumbel's noise."""
    rows, classes = x.full_shape()
    count = n.int("sample_size", 1)
    if count < 1:
        raise OnnxError(f"sample_size: expected at least 1, got {count}")
    noise = n.b.random("_random_uniform", (rows, count, classes), low=1e-20, high=1.0)
    scores = x.cast("float32").reshape(rows, 1, classes) - (-noise.unary("log")).unary("log")
    return n.b.op("argmax", scores, axis=2).cast(NAMES.get(n.int("dtype", 6), "int32"))
