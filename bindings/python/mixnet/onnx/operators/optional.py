"""Optional values: None is the absent one."""

import numpy as np

from ..errors import OnnxError
from ..table import operator


@operator("Optional")
def optional(n, x=None):
    """The value, or none."""
    return (x,)


@operator("OptionalHasElement")
def has_element(n, x=None):
    """Whether there is a value."""
    return n.b.constant(np.asarray(x is not None))


@operator("OptionalGetElement")
def get_element(n, x):
    """The value."""
    if x is None:
        raise OnnxError("input: there is no value")
    return (x,)
