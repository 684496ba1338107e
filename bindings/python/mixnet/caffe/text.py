"""Parser of protobuf's text format, in which prototxt files are written.

A message becomes a dict from field name to the list of its values, in order: numbers, texts, words (enumerators, true and false) and messages.
Which fields exist is not checked here.
"""

import re

from ..base import MXNetError

DEEPEST = 64
_TOKEN = re.compile(
    r"""(?P<skip>[\s]+|\#[^\n]*)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?|(?:inf|nan)\b))
    |(?P<word>-?[A-Za-z_][\w.]*)
    |(?P<mark>[{}<>\[\]:,;])""",
    re.X,
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))")
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Word(str):
    """An enumerator, true or false: a text without quotes."""


def _unescaped(match):
    octal, hexadecimal, other = match.groups()
    if octal or hexadecimal:
        return chr(int(octal, 8) & 255) if octal else chr(int(hexadecimal, 16))
    return _CONTROLS.get(other, other)


def _number(text):
    body = text.rstrip("fF") if "x" not in text.lower() and "inf" not in text.lower() else text
    if re.fullmatch(r"[-+]?0[xX][0-9a-fA-F]+", body):
        return int(body, 16)
    if re.fullmatch(r"[-+]?\d{1,20}", body):
        return int(body)
    return float(body)


class _Parser:
    def __init__(self, source, name):
        self.name, self.tokens, self.at = name, [], 0
        position = 0
        while position < len(source):
            match = _TOKEN.match(source, position)
            if match is None:
                raise MXNetError(f"[caffe] {name}: line {source.count(chr(10), 0, position) + 1}: unexpected {source[position]!r}")
            if match.lastgroup != "skip":
                self.tokens.append((match.lastgroup, match.group(), position))
            position = match.end()
        self.source = source

    def fail(self, expected):
        kind, text, position = self.peek()
        line = self.source.count("\n", 0, position) + 1
        raise MXNetError(
            f"[caffe] {self.name}: line {line}: expected {expected}, got {text[:40]!r}" if kind else f"[caffe] {self.name}: expected {expected}, got the end"
        )

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else (None, "", len(self.source))

    def take(self, *marks):
        """The next token if it is one of these marks."""
        kind, text, _ = self.peek()
        if kind == "mark" and text in marks:
            self.at += 1
            return text
        return None

    def message(self, end, depth):
        if depth > DEEPEST:
            self.fail(f"at most {DEEPEST} messages inside each other")
        fields = {}
        while True:
            if end and self.take(end):
                return fields
            kind, name, _ = self.peek()
            if kind is None and not end:
                return fields
            if kind != "word":
                self.fail("the name of a field")
            self.at += 1
            values = fields.setdefault(name, [])
            if self.take(":") and not self.opens():
                values.extend(self.listed())
            else:
                values.append(self.nested(depth))
            self.take(",", ";")

    def opens(self):
        kind, text, _ = self.peek()
        return kind == "mark" and text in "{<"

    def nested(self, depth):
        mark = self.take("{", "<")
        if mark is None:
            self.fail("':' or '{'")
        return self.message("}" if mark == "{" else ">", depth + 1)

    def listed(self):
        if not self.take("["):
            return [self.value()]
        values = []
        while not self.take("]"):
            values.append(self.value())
            self.take(",")
        return values

    def value(self):
        kind, text, _ = self.peek()
        if kind not in ("text", "number", "word"):
            self.fail("a value")
        self.at += 1
        if kind == "number":
            return _number(text)
        if kind == "word":
            return Word(text)
        whole = text[1:-1]
        while self.peek()[0] == "text":
            whole += self.peek()[1][1:-1]
            self.at += 1
        return _ESCAPE.sub(_unescaped, whole)


def parse(source, name="prototxt"):
    """The message that a text holds."""
    return _Parser(source, name).message(None, 0)
