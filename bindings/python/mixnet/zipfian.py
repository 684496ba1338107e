"""rand_zipfian, of arrays and symbols alike: mx.nd.contrib and mx.sym.contrib."""

import math


def rand_zipfian(uniform, true_classes, num_sampled, range_max):
    """Classes drawn from an approximately Zipfian distribution on [0, range_max): P(k) = log((k+2)/(k+1)) / log(range_max+1).

    The classes drawn (int64), and how often the true classes and they themselves are to be expected among them. uniform: what draws.
    """
    draws = uniform(0, math.log(range_max + 1), shape=(num_sampled,), dtype="float64").exp()
    sampled = (draws.floor() - 1).astype("int64") % range_max

    def expected(classes):
        k = classes.astype("float64")
        return ((k + 2) / (k + 1)).log() / math.log(range_max + 1) * num_sampled

    return sampled, expected(true_classes), expected(sampled)
