"""Batches over several contexts, the norm of many gradients, files."""

import hashlib
import warnings

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError
from .parameter import is_known


def split_data(data, num_slice, batch_axis=0, even_split=True):
    """An array's parts along an axis. ValueError where they would not be equal, unless even_split is False: then the last one is longer."""
    size = data.shape[batch_axis]
    if size < num_slice or (even_split and size % num_slice):
        raise ValueError(
            f"[split_data] data: expected a multiple of {num_slice} along axis {batch_axis}, got {size}; even_split=False allows others from {num_slice}"
        )
    step = size // num_slice
    ends = [step * (i + 1) for i in range(num_slice - 1)] + [size]
    return [data.slice_axis(axis=batch_axis, begin=step * i, end=end) for i, end in enumerate(ends)]


def split_and_load(data, ctx_list, batch_axis=0, even_split=True):
    """Parts of an array, one on each context."""
    data = data if isinstance(data, nd.NDArray) else nd.array(data, ctx=ctx_list[0])
    if len(ctx_list) == 1:
        return [data.as_in_context(ctx_list[0])]
    return [part.as_in_context(context) for part, context in zip(split_data(data, len(ctx_list), batch_axis, even_split), ctx_list)]


def clip_global_norm(arrays, max_norm, check_isfinite=True):
    """Scales all arrays, in place, so that the norm of all of them together is at most max_norm; the norm that it was.

    check_isfinite: a number comes back, and a warning where it is not finite; otherwise an array of one, without waiting for it.
    """
    if not arrays:
        raise MXNetError("[clip_global_norm] arrays: expected at least one")
    home = arrays[0].context
    squares = (
        nd.multi_sum_sq(*arrays, num_arrays=len(arrays))
        if all(a.context == home for a in arrays)
        else nd.concat(*[nd.multi_sum_sq(a, num_arrays=1).as_in_context(home) for a in arrays], dim=0)
    )
    norm = squares.sum().sqrt()
    factor = nd.minimum(max_norm / (norm + 1e-8), 1.0)
    if check_isfinite:
        total = norm.asscalar()
        if not np.isfinite(total):
            warnings.warn("[clip_global_norm] the norm is not finite: the arrays stay as they are", stacklevel=2)
            return float(total)
    for array in arrays:
        array *= factor.as_in_context(array.context).astype(array.dtype, copy=False)
    return float(total) if check_isfinite else norm


def check_sha1(filename, sha1_hash):
    """Whether a file's SHA-1 is this, in hexadecimal."""
    digest = hashlib.sha1()
    with open(filename, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest() == sha1_hash


def shape_is_known(shape):
    """Whether every extent is known."""
    return is_known(shape)
