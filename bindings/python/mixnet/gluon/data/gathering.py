"""Work on whole batches, where examples one by one and joined would be the same.

A dataset may have `batch_of(indices)`: the examples with these numbers, joined as `default_batchify_fn` would, or None where they must be made one by one.
And the last steps of a transform that do to a batch of pictures what they do to each (`Transform.batched`) wait until the batch is joined.
"""

import numpy as np

from ... import ndarray as nd

PICTURE, PICTURES = 3, 4  # axes


def gathered(rows, indices):
    """``default_batchify_fn([rows[i] for i in indices])`` of an NDArray or a numpy array."""
    if isinstance(rows, nd.NDArray):
        return nd.take(rows, nd.array(indices, dtype="int64"))
    return nd.array(rows[indices], dtype=rows.dtype)


def can_gather(rows):
    """Whether `rows` are an array whose rows have numbers, and `gathered` does what it says."""
    if isinstance(rows, nd.NDArray):
        return rows.ndim > 1 and rows.stype == "default"
    return isinstance(rows, np.ndarray) and rows.dtype.kind in "biuf"


def batch_of(dataset, indices):
    """`dataset.batch_of(indices)`, or None where it has none, a subclass has examples of its own, or a number is out of range."""
    for kind in type(dataset).__mro__:
        if "batch_of" in kind.__dict__:
            break
        if "__getitem__" in kind.__dict__:
            return None
    else:
        return None
    try:
        numbers = np.asarray(indices)
    except ValueError:
        return None
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not len(numbers) or numbers.min() < 0 or numbers.max() >= len(dataset):
        return None
    return dataset.batch_of(numbers)


def split(fn):
    """(what must be done to each example or None, [transforms for a batch]) of a transform."""
    if getattr(fn, "batched", False):
        return None, [fn]
    return fn.split() if hasattr(fn, "split") else (fn, [])


def without_tail(dataset):
    """(dataset whose examples lack their last steps, [transforms that do these to the first part of a batch])."""
    return dataset.without_tail() if hasattr(dataset, "without_tail") else (dataset, [])


def are_pictures(parts):
    """Whether these are NDArrays of one shape and dtype that a transform takes for pictures."""
    first = parts[0]
    if not isinstance(first, nd.NDArray) or first.ndim != PICTURE:
        return False
    return all(isinstance(part, nd.NDArray) and part.shape == first.shape and part.dtype == first.dtype for part in parts)
