"""Random shapes and arrays, drawn from ``numpy.random``."""

import numpy as np

from .. import ndarray as nd
from .devices import default_context, default_dtype


def random_arrays(*shapes):
    """Normal numpy arrays of float32: one, or a list where several shapes are given. ``()`` gives a 0-d array."""
    arrays = [np.asarray(np.random.randn(*shape), dtype=default_dtype()) for shape in shapes]
    return arrays[0] if len(arrays) == 1 else arrays


def random_sample(population, k):
    """`k` different elements of `population` in random order."""
    return [population[i] for i in np.random.permutation(len(population))[:k]]


def rand_shape_nd(num_dim, dim=10, allow_zero_size=False):
    """Shape with `num_dim` axes of 1 (or 0) to `dim`."""
    return tuple(int(axis) for axis in np.random.randint(0 if allow_zero_size else 1, dim + 1, size=num_dim))


def rand_shape_2d(dim0=10, dim1=10, allow_zero_size=False):
    """Shape with axes of at most `dim0` and `dim1`."""
    return _shape_within((dim0, dim1), allow_zero_size)


def rand_shape_3d(dim0=10, dim1=10, dim2=10, allow_zero_size=False):
    """Shape with axes of at most `dim0`, `dim1` and `dim2`."""
    return _shape_within((dim0, dim1, dim2), allow_zero_size)


def _shape_within(limits, allow_zero_size):
    return tuple(rand_shape_nd(1, limit, allow_zero_size)[0] for limit in limits)


def rand_ndarray(
    shape,
    stype="default",
    density=None,
    dtype=None,
    modifier_func=None,
    shuffle_csr_indices=False,
    distribution=None,
    ctx=None,
):
    """NDArray with values uniform in [-1, 1).

    Parameters
    ----------
    stype : {'default', 'row_sparse', 'csr'}
    density : float, optional
        Share of rows (row_sparse) or elements (csr) that are not zero; random by default.
    modifier_func : callable, optional
        Applied to every value that is not zero.
    shuffle_csr_indices, distribution :
        Accepted for old tests; column indices stay sorted and places are uniform.
    """
    dtype = default_dtype() if dtype is None else dtype
    values = np.random.uniform(-1, 1, size=shape)
    if modifier_func is not None:
        values = np.vectorize(modifier_func, otypes=[np.float64])(values)
    if stype != "default":
        density = np.random.rand() if density is None else density
        kept = shape if stype == "csr" else (shape[0],) + (1,) * (len(shape) - 1)
        values = values * (np.random.rand(*kept) < density)
    dense = nd.array(values, ctx or default_context(), dtype=dtype)
    return dense if stype == "default" else dense.tostype(stype)
