"""Cutting a batch for several devices: which rows each gets, and copying rows in and out.

The batch axis of an array is 0 unless its layout says otherwise; an array whose layout has no ``N`` (axis -1) goes to
every device whole.
"""

from .. import ndarray as nd


def split_batch(batch_size, workload):
    """List of slices of ``range(batch_size)``, one per device, sized in proportion to `workload`.

    Raises ValueError where a device would get nothing.
    """
    total = sum(workload)
    ends, done = [], 0
    for load in workload:
        done += load
        ends.append(int(round(batch_size * done / total)))
    slices = [slice(begin, end) for begin, end in zip([0] + ends[:-1], ends)]
    if any(part.stop <= part.start for part in slices):
        raise ValueError(f"[Module] batch_size: expected at least one example for each of {len(workload)} devices, got {batch_size}")
    return slices


def sliced_shape(shape, part, axis):
    """`shape` with the batch axis cut to the size of `part`."""
    if axis < 0:
        return tuple(shape)
    return tuple(shape[:axis]) + (part.stop - part.start,) + tuple(shape[axis + 1 :])


def take_part(array, part, axis):
    """Rows `part` of `array` along `axis`; the array itself where that is all of it."""
    if axis < 0 or (part.start == 0 and part.stop == array.shape[axis]):
        return array
    if axis == 0:
        return array[part.start : part.stop]
    return nd.slice_axis(array, axis=axis, begin=part.start, end=part.stop)


def load_part(source, target, part, axis):
    """Copy rows `part` of `source` (NDArray or numpy array) into `target`, converting the type where needed."""
    if not isinstance(source, nd.NDArray):
        source = nd.array(source, dtype=target.dtype)
    rows = take_part(source, part, axis)
    if rows.dtype != target.dtype:
        rows = rows.astype(target.dtype)
    if rows.shape != target.shape:
        raise ValueError(f"[Module] forward: expected a part of shape {target.shape}, got {rows.shape}")
    rows.copyto(target)


def merge_parts(parts, axis):
    """Join the outputs of the devices on the first device; without batch axis the first one stands for all."""
    if len(parts) == 1 or axis < 0:
        return parts[0]
    home = parts[0].context
    return nd.concat(*[part.as_in_context(home) for part in parts], dim=axis)
