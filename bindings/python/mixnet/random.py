"""mx.random: the seed, and draws from distributions."""

from .base import check, lib
from .ndarray.random import *  # noqa: F401, F403
from .ndarray.random import (  # noqa: F401
    exponential,
    gamma,
    generalized_negative_binomial,
    negative_binomial,
    normal,
    poisson,
    randint,
    randn,
    shuffle,
    uniform,
)


def seed(seed_state, ctx="all"):
    """Seeds all random operators; the same seed gives the same numbers on every device."""
    check(lib.mxn_random_seed(int(seed_state)))
