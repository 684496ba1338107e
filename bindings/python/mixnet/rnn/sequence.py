"""A sequence as one symbol with a time axis or as a list of symbols, one per step, and the ways between the two."""

from .. import symbol as sym

LAYOUTS = ("NTC", "TNC")


def time_axis(place, layout):
    """Index of the time axis; ValueError for a layout that is neither NTC nor TNC."""
    if layout not in LAYOUTS:
        raise ValueError(f"[{place}] layout: expected NTC or TNC, got {layout!r}")
    return layout.find("T")


def as_steps(place, length, inputs, layout):
    """A list of `length` symbols of shape (batch, channels)."""
    axis = time_axis(place, layout)
    if isinstance(inputs, sym.Symbol):
        if len(inputs) == 1:
            return list(sym.split(inputs, axis=axis, num_outputs=length, squeeze_axis=True))
        inputs = list(inputs)
    if len(inputs) != length:
        raise ValueError(f"[{place}] inputs: expected {length} symbols, got {len(inputs)}")
    return list(inputs)


def as_whole(place, length, inputs, layout):
    """One symbol with the time axis where `layout` has it."""
    axis = time_axis(place, layout)
    if isinstance(inputs, sym.Symbol) and len(inputs) == 1:
        return inputs
    steps = as_steps(place, length, inputs, layout)
    return sym.concat(*[sym.expand_dims(step, axis=axis) for step in steps], dim=axis)


def in_form(place, length, outputs, layout, merge):
    """`outputs` merged (True), as steps (False), or as they are (None)."""
    if merge is None:
        return outputs
    return (as_whole if merge else as_steps)(place, length, outputs, layout)
