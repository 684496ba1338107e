"""Checking the names and shapes of a module's inputs against its symbol."""

import warnings

from ..io.data_desc import as_desc


def check_names(place, names, arguments, strict):
    """`names` as a list; where one is no argument of the symbol, ValueError (`strict`) or a warning."""
    names = [names] if isinstance(names, str) else list(names or [])
    for name in names:
        if name not in arguments:
            likely = [arg for arg in arguments if not arg.endswith(("_weight", "_bias", "_gamma", "_beta"))]
            message = f"[Module] {place}: expected names out of {likely}, got {name!r}"
            if strict:
                raise ValueError(message)
            warnings.warn(message, stacklevel=4)
    return names


def describe(data_names, label_names, data_shapes, label_shapes):
    """Lists of DataDesc (labels: None where there are none), in the order in which batches bring their arrays.

    Names of data that differ from the module's are a ValueError; those of labels a warning, for they may be unused.
    """
    data = [as_desc(item) for item in data_shapes]
    label = [as_desc(item) for item in label_shapes] if label_shapes else None
    if sorted(desc.name for desc in data) != sorted(data_names):
        raise ValueError(_mismatch("data_shapes", data_names, data))
    if sorted(desc.name for desc in label or []) != sorted(label_names) and label:
        warnings.warn(_mismatch("label_shapes", label_names, label), stacklevel=4)
    return data, label


def _mismatch(place, names, described):
    found = sorted(desc.name for desc in described)
    return f"[Module] bind {place}: expected shapes for {sorted(names)}, got {found}"
