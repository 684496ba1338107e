"""The table of ONNX operators: for every name the functions that carry it out, each from an opset on."""

import importlib

FAMILIES = (
    "activation casting control indexing learning logic loss math matrix neural normalise optional pooling quantise random recurrent reduction resize "
    "sampling scatter sequence shape signal text training"
).split()
_table = {}


def operator(*names, since=1, domain=""):
    """Registers a function (node, *inputs) for operators of these names; inputs that are left out are None."""

    def register(function):
        for name in names:
            _table.setdefault((domain, name), []).append((since, function))
        return function

    return register


def find(domain, name, opset):
    """The function for an operator in an opset, or None."""
    if not _table:
        for family in FAMILIES:
            importlib.import_module(".operators." + family, __package__)
    fitting = [entry for entry in _table.get((domain, name), ()) if entry[0] <= opset]
    return max(fitting, key=lambda entry: entry[0])[1] if fitting else None


def operators():
    """(domain, name, lowest opset) of all operators there are."""
    find("", "", 0)
    return sorted((domain, name, min(since for since, _ in entries)) for (domain, name), entries in _table.items())
