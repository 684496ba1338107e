"""Attributes for all symbols made in a `with` block."""

import threading

_local = threading.local()


class AttrScope:
    """`with AttrScope(ctx_group='stage1'):` gives every symbol made inside these attributes. Values are texts."""

    def __init__(self, **attributes):
        for key, value in attributes.items():
            if not isinstance(value, str):
                raise ValueError(f"[AttrScope] {key}: expected a text, got {type(value).__name__}")
        self._attr = attributes

    def get(self, attributes):
        """The scope's attributes under those given."""
        if not self._attr:
            return dict(attributes) if attributes else {}
        merged = dict(self._attr)
        merged.update(attributes or {})
        return merged

    def __enter__(self):
        merged = dict(current()._attr)
        merged.update(self._attr)
        self._merged = AttrScope(**merged)
        _stack().append(self._merged)
        return self

    def __exit__(self, *exc):
        _stack().pop()


def _stack():
    if not hasattr(_local, "stack"):
        _local.stack = [AttrScope()]
    return _local.stack


def current():
    """The scope in force."""
    return _stack()[-1]
