"""What an index means for an array of a shape."""

import numpy as np


def basic_box(key, shape):
    """(begin, end, step, result shape) of basic indexing, or None when the key needs the advanced kind."""
    keys = key if isinstance(key, tuple) else (key,)
    if any(k is not None and not isinstance(k, (int, np.integer, slice, type(Ellipsis))) or isinstance(k, (bool, np.bool_)) for k in keys):
        return None
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if used > len(shape):
        raise IndexError(f"[NDArray] expected at most {len(shape)} indices, got {used}")
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys = keys[:at] + (slice(None),) * (len(shape) - used) + keys[at + 1 :]
    keys = keys + (slice(None),) * (len(shape) - sum(1 for k in keys if k is not None))
    begin, end, step, result = [], [], [], []
    axis = 0
    for k in keys:
        if k is None:
            result.append(1)
            continue
        extent = shape[axis]
        if isinstance(k, slice):
            first, last, stride = k.indices(extent)
            count = len(range(first, last, stride))
            begin.append(first if count else 0)
            end.append((None if stride < 0 and last < 0 else last) if count else 0)
            step.append(stride if count else 1)
            result.append(count)
        else:
            if not -extent <= k < extent:
                raise IndexError(f"[NDArray] index {k} is out of bounds for axis {axis} with {extent} elements")
            k = int(k) % extent
            begin.append(k)
            end.append(k + 1)
            step.append(1)
        axis += 1
    return tuple(begin), tuple(end), tuple(step), tuple(result)
