"""Automatic names: convolution0, convolution1, ..."""

import threading

_local = threading.local()


class NameManager:
    """Names symbols by operator and counter. A `with` block starts a numbering of its own."""

    def __init__(self):
        self._counter = {}

    def get(self, name, hint):
        """`name` when given, else the hint with its counter."""
        if name:
            return name
        number = self._counter.get(hint, 0)
        self._counter[hint] = number + 1
        return f"{hint}{number}"

    def __enter__(self):
        _stack().append(self)
        return self

    def __exit__(self, *exc):
        _stack().pop()


class Prefix(NameManager):
    """Puts a prefix before every name."""

    def __init__(self, prefix):
        super().__init__()
        self._prefix = prefix

    def get(self, name, hint):
        return self._prefix + super().get(name, hint)


def _stack():
    if not hasattr(_local, "stack"):
        _local.stack = [NameManager()]
    return _local.stack


def current():
    """The name manager in force."""
    return _stack()[-1]
