"""Helpers for testing operators and networks: comparing arrays, drawing inputs, checking values and gradients."""

from .comparison import (
    almost_equal,
    assert_almost_equal,
    assert_almost_equal_ignore_nan,
    assert_exception,
    default_atols,
    default_numeric_eps,
    default_rtols,
    find_max_violation,
    get_atol,
    get_rtol,
    same,
)
from .consistency import check_consistency
from .devices import default_context, default_dtype, list_gpus, set_default_context
from .gradients import check_numeric_gradient, numeric_grad
from .random_inputs import rand_ndarray, rand_shape_2d, rand_shape_3d, rand_shape_nd, random_arrays, random_sample
from .reduction import collapse_sum_like, np_reduce
from .speed import check_speed
from .symbolic import check_symbolic_backward, check_symbolic_forward, simple_forward

__all__ = [
    "almost_equal",
    "assert_almost_equal",
    "assert_almost_equal_ignore_nan",
    "assert_exception",
    "check_consistency",
    "check_numeric_gradient",
    "check_speed",
    "check_symbolic_backward",
    "check_symbolic_forward",
    "collapse_sum_like",
    "default_atols",
    "default_context",
    "default_dtype",
    "default_numeric_eps",
    "default_rtols",
    "find_max_violation",
    "get_atol",
    "get_rtol",
    "list_gpus",
    "np_reduce",
    "numeric_grad",
    "rand_ndarray",
    "rand_shape_2d",
    "rand_shape_3d",
    "rand_shape_nd",
    "random_arrays",
    "random_sample",
    "same",
    "set_default_context",
    "simple_forward",
]
