"""Sequences as cells take them: one array, or a list with one array per step."""

from ... import ndarray as nd
from ... import symbol as sym
from ...base import MXNetError
from ...symbol import Symbol


def module_of(value):
    """mx.sym for a symbol, mx.nd for an array, or what is in a list."""
    while isinstance(value, (list, tuple)):
        value = value[0]
    return sym if isinstance(value, Symbol) else nd


def axis_of(layout):
    """(time's axis, batch's axis) of 'TNC' or 'NTC'."""
    if layout not in ("NTC", "TNC"):
        raise MXNetError(f"[unroll] layout: expected 'NTC' or 'TNC', got {layout!r}")
    return layout.index("T"), layout.index("N")


def steps_of(inputs, length, layout):
    """The sequence as a list of arrays without the time's axis."""
    axis, _ = axis_of(layout)
    if isinstance(inputs, (list, tuple)):
        if len(inputs) != length:
            raise MXNetError(f"[unroll] inputs: expected {length}, got {len(inputs)}")
        return list(inputs)
    if not isinstance(inputs, Symbol) and inputs.shape[axis] != length:
        raise MXNetError(f"[unroll] inputs: expected length {length}, got {inputs.shape[axis]} in {inputs.shape}")
    parts = module_of(inputs).SliceChannel(inputs, num_outputs=length, axis=axis, squeeze_axis=True)
    return [parts] if length == 1 and not isinstance(parts, list) else list(parts)


def merged(steps, layout):
    """The steps as one array."""
    return module_of(steps).stack(*steps, axis=axis_of(layout)[0])


def cut(sequence, valid_length, axis):
    """A merged sequence with zeros behind each example's valid_length."""
    F = module_of(sequence)  # noqa: N806
    return F.SequenceMask(sequence, sequence_length=valid_length, use_sequence_length=True, axis=axis)


def last_valid(states, valid_length):
    """Of the states after every step those after each example's last one."""
    F = module_of(valid_length)  # noqa: N806
    return [F.SequenceLast(F.stack(*each, axis=0), sequence_length=valid_length, use_sequence_length=True, axis=0) for each in zip(*states)]


def backwards(steps, valid_length):
    """The steps from the last to the first; with valid_length each example from its own last one."""
    if valid_length is None:
        return list(reversed(steps))
    F = module_of(steps)  # noqa: N806
    turned = F.SequenceReverse(F.stack(*steps, axis=0), sequence_length=valid_length, use_sequence_length=True)
    return steps_of(turned, len(steps), "TNC")
