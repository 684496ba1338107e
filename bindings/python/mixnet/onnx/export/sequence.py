"""Sequences of different lengths: (time, batch, ...), or (batch, time, ...) with axis 1."""

import numpy as np

from .table import converts, refuse


def _lengths(b, n):
    return b.cast(n.inputs[1], "int64", n.in_types[1])


def _steps(n, axis):
    extent = n.in_shapes[0][axis]
    return extent if isinstance(extent, int) else refuse(n, "expected a fixed number of steps")


@converts("SequenceMask")
def mask(b, n):
    if not n.flag("use_sequence_length"):
        return b.node("Identity", n.inputs[:1])
    axis = n.get("axis", 0)
    steps = b.unsqueeze(b.const(np.arange(_steps(n, axis))), [1 - axis])
    kept = b.node("Less", [steps, b.unsqueeze(_lengths(b, n), [axis])])
    if n.rank() > 2:
        kept = b.unsqueeze(kept, range(2, n.rank()))
    return b.node("Where", [kept, n.inputs[0], b.const(n.number("value", 0), n.out_types[0])])


@converts("SequenceReverse")
def reverse(b, n):
    if not n.flag("use_sequence_length"):
        return b.slice(n.inputs[0], [-1], [np.iinfo(np.int64).min], [0], [-1])
    return b.node("ReverseSequence", [n.inputs[0], _lengths(b, n)], time_axis=0, batch_axis=1)


@converts("SequenceLast")
def last(b, n):
    axis = n.get("axis", 0)
    if not n.flag("use_sequence_length"):
        return b.node("Gather", [n.inputs[0], b.const(-1)], axis=axis)
    value = n.inputs[0] if axis == 1 else b.transpose(n.inputs[0], [1, 0, *range(2, n.rank())])
    place = b.node("Max", [b.node("Sub", [_lengths(b, n), b.const(1)]), b.const(0)])
    return b.node("GatherND", [value, b.unsqueeze(place, [1])], batch_dims=1)
