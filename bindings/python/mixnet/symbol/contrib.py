"""mx.sym.contrib: loops, branches, and the operators whose names begin with _contrib_."""

from .. import zipfian
from ..finite import isfinite, isinf, isnan
from ..namespaces import publish
from . import gen_op
from .control import cond, foreach, while_loop
from .random import uniform


def rand_zipfian(true_classes, num_sampled, range_max):
    """Classes drawn from an approximately Zipfian distribution on [0, range_max): P(k) = log((k+2)/(k+1)) / log(range_max+1).

    The classes drawn (int64), and how often the true classes and they themselves are to be expected among them.
    """
    return zipfian.rand_zipfian(uniform, true_classes, num_sampled, range_max)


__all__ = ["cond", "foreach", "isfinite", "isinf", "isnan", "rand_zipfian", "while_loop", *publish(globals(), gen_op, "_contrib_")]
