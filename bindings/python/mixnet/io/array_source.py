"""Turning what a user hands to NDArrayIter into named NDArrays of equal length."""

import numpy as np

from .. import ndarray as nd

ACCEPTED = "an NDArray, a numpy array, a list of them or a dict with them as values"


def named_arrays(data, default_name, allow_empty):
    """``[(name, NDArray)]``, sorted by name where `data` is a dict.

    numpy arrays and lists of numbers become float32; an NDArray keeps its type. Several unnamed arrays are called
    ``_0_data``, ``_1_data``...

    Raises TypeError for other inputs, ValueError for none at all unless `allow_empty`.
    """
    items = _name_items(data, default_name)
    if not items and not allow_empty:
        raise ValueError(f"[NDArrayIter] {default_name}: expected {ACCEPTED}, got {data!r}")
    return [(name, _as_ndarray(name, value)) for name, value in items]


def check_lengths(sources):
    """Number of examples that all `sources` share; ValueError naming the first array that differs."""
    first_name, first = sources[0]
    for name, array in sources:
        if not array.shape:
            raise ValueError(f"[NDArrayIter] {name}: expected at least one axis, got a scalar")
        if array.shape[0] != first.shape[0]:
            raise ValueError(f"[NDArrayIter] {name}: expected {first.shape[0]} examples like {first_name}, got {array.shape[0]}")
    if first.shape[0] == 0:
        raise ValueError(f"[NDArrayIter] {first_name}: expected at least one example, got shape {first.shape}")
    return first.shape[0]


def _name_items(data, default_name):
    if data is None:
        return []
    if isinstance(data, dict):
        return sorted(data.items())
    if not isinstance(data, (list, tuple)):
        return [(default_name, data)]
    if len(data) == 1:
        return [(default_name, data[0])]
    return [(f"_{i}_{default_name}", value) for i, value in enumerate(data)]


def _as_ndarray(name, value):
    if isinstance(value, nd.NDArray):
        return value
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__"):
        raise TypeError(f"[NDArrayIter] {name}: expected {ACCEPTED}, got {type(value).__name__}")
    try:
        return nd.array(np.asarray(value, dtype=np.float32))
    except (TypeError, ValueError):
        raise TypeError(f"[NDArrayIter] {name}: expected {ACCEPTED}, got {type(value).__name__}") from None
