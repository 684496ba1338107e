"""The parameters in a caffemodel file, which is a protobuf message in wire format.

Only what names layers and holds arrays is looked at: {layer name: [array of float32]}. Arrays are views of the file's bytes where these are in one
piece. Files of both generations of layers are read; the numbers of the fields are those of Caffe's files.
"""

import numpy as np

from ..base import MXNetError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# The field that holds layers: (number of the name's field, number of the arrays' field).
_LAYERS = {100: (1, 7), 2: (4, 6)}
_LEGACY_SHAPE = (1, 2, 3, 4)
_DATA, _SHAPE, _DOUBLES = 5, 7, 8


class Reader:
    """Walks over the fields of one message."""

    def __init__(self, data, name):
        self.data, self.name = data, name

    def fail(self, expected, got):
        raise MXNetError(f"[caffe] {self.name}: expected {expected}, got {got}")

    def varint(self, at):
        """(number, position after it)."""
        result = shift = 0
        while True:
            if at >= len(self.data) or shift > 63:
                self.fail("a number of at most 10 bytes", "the end of the message" if at >= len(self.data) else "a longer one")
            byte = self.data[at]
            result |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return result & (2**64 - 1), at

    def fields(self):
        """(field number, wire type, value) of each field; bytes are views."""
        at = 0
        while at < len(self.data):
            key, at = self.varint(at)
            kind = key & 7
            if kind == _VARINT:
                value, at = self.varint(at)
            else:
                size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
                if kind == _BYTES:
                    size, at = self.varint(at)
                if size is None or key < 8:
                    self.fail("a protobuf message", f"a field of type {kind} at byte {at}")
                if size > len(self.data) - at:
                    self.fail(f"{size} bytes for a field", f"{len(self.data) - at}")
                value, at = self.data[at : at + size], at + size
            yield key >> 3, kind, value


def _integers(reader, kind, value):
    if kind == _VARINT:
        return [value]
    if kind != _BYTES:
        reader.fail("whole numbers in a shape", f"a field of type {kind}")
    inner, at, result = Reader(value, reader.name), 0, []
    while at < len(value):
        number, at = inner.varint(at)
        result.append(number)
    return result


def _blob(data, name):
    """One array."""
    reader, chunks, shape, legacy = Reader(data, name), [], None, {}
    for number, kind, value in reader.fields():
        if number in (_DATA, _DOUBLES):
            size = 4 if number == _DATA else 8
            if kind == _VARINT or len(value) % size:
                reader.fail(f"numbers of {size} bytes in an array", f"{0 if kind == _VARINT else len(value)} bytes")
            chunks.append(np.frombuffer(value, "<f4" if size == 4 else "<f8"))
        elif number == _SHAPE and kind == _BYTES:
            inner = Reader(value, name)
            shape = [d for n, k, v in inner.fields() if n == 1 for d in _integers(inner, k, v)]
        elif number in _LEGACY_SHAPE and kind == _VARINT:
            legacy[number] = value
    values = chunks[0] if len(chunks) == 1 else np.concatenate(chunks) if chunks else np.empty(0, "float32")
    if shape is None:
        shape = [legacy.get(n, 1) for n in _LEGACY_SHAPE] if legacy else [values.size]
    count = 1
    for extent in shape:
        count *= extent
    if count != values.size or len(shape) > 32:
        reader.fail(f"{count} numbers for the shape {tuple(shape[:8])}", f"{values.size}")
    return np.asarray(values, "float32").reshape(shape)


def _layer(data, name, fields):
    label, blobs = "", []
    reader = Reader(data, name)
    for number, kind, value in reader.fields():
        if number == fields[0] and kind == _BYTES:
            label = bytes(value).decode("utf-8", "replace")
        elif number == fields[1]:
            if kind != _BYTES:
                reader.fail(f"an array in layer {label!r}", f"a field of type {kind}")
            blobs.append(_blob(value, f"{name}: layer {label!r}"))
    return label, blobs


def parameters(data, name="caffemodel"):
    """{layer name: [arrays]} of the bytes of a file."""
    reader, result = Reader(memoryview(data), name), {}
    for number, kind, value in reader.fields():
        if number not in _LAYERS:
            continue
        if kind != _BYTES:
            reader.fail("layers", f"a field of type {kind}")
        label, blobs = _layer(value, name, _LAYERS[number])
        if blobs:
            result[label] = blobs
    return result
