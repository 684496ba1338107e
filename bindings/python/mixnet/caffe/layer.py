"""Typed access to a message of a prototxt file: what is missing has its default, what is of another kind is refused in one line."""

from ..base import MXNetError
from .text import Word

_LARGEST = 2**31 - 1
_TRUTHS = {"true": True, "True": True, "t": True, "1": True, "false": False, "False": False, "f": False, "0": False}


def texts(content, key, owner):
    """All values of a field that are texts."""
    values = content.get(key, [])
    for value in values:
        if not isinstance(value, str):
            raise MXNetError(f"[caffe {owner}] {key}: expected texts, got {str(value)[:40]}")
    return list(values)


class Layer:
    """A layer, or a message inside one."""

    def __init__(self, content, owner):
        if not isinstance(content, dict):
            raise MXNetError(f"[caffe {owner}] expected a message, got {str(content)[:40]}")
        self.content, self.owner = content, owner
        if owner in ("layer", "layers"):
            self.owner = self.name = self.word("name", "")
            self.type = str(self._last("type", ""))
            self.bottoms, self.tops = self.texts("bottom"), self.texts("top")
            for text in (self.name, self.type, *self.bottoms, *self.tops):
                if not text.isprintable():
                    self.owner = repr(self.name)
                    self.fail("name", "printable texts", repr(text))

    def fail(self, key, expected, got):
        """Raises the error of a field."""
        raise MXNetError(f"[caffe {self.owner}] {key}: expected {expected}, got {str(got)[:60]}")

    def _last(self, key, default):
        values = self.content.get(key)
        return values[-1] if values else default

    def has(self, key):
        """Whether a field is given."""
        return bool(self.content.get(key))

    def part(self, key):
        """A message inside; an empty one where it is missing."""
        return Layer(self._last(key, {}), self.owner)

    def messages(self, key):
        """All messages of a field."""
        return [Layer(value, self.owner) for value in self.content.get(key, [])]

    def texts(self, key):
        """All texts of a field."""
        return texts(self.content, key, self.owner)

    def word(self, key, default):
        """A text or an enumerator."""
        value = self._last(key, default)
        return value if isinstance(value, str) else self.fail(key, "a text", value)

    def integers(self, key):
        """All whole numbers of a field."""
        values = self.content.get(key, [])
        for value in values:
            if not isinstance(value, int) or abs(value) > _LARGEST:
                self.fail(key, "whole numbers", value)
        return list(values)

    def integer(self, key, default):
        """A whole number."""
        return (self.integers(key) or [default])[-1]

    def number(self, key, default):
        """A number."""
        value = self._last(key, default)
        if isinstance(value, Word) and value.lstrip("-") in ("inf", "nan"):
            value = float(value)
        return float(value) if isinstance(value, (int, float)) else self.fail(key, "a number", value)

    def flag(self, key, default):
        """true or false."""
        value = str(self._last(key, "true" if default else "false"))
        return _TRUTHS[value] if value in _TRUTHS else self.fail(key, "true or false", value)
