"""Which elements are finite, of arrays and symbols alike: mx.nd.contrib and mx.sym.contrib."""

import math


def isinf(data):
    """1 where an element is infinite, 0 elsewhere."""
    return abs(data) == math.inf


def isnan(data):
    """1 where an element is not a number, 0 elsewhere."""
    return data != data


def isfinite(data):
    """1 where an element is neither infinite nor not a number, 0 elsewhere."""
    return abs(data) < math.inf
