"""Sequences: lists of values, whose lengths are known while a model is read."""

import numpy as np

from ..errors import OnnxError
from ..table import operator


def _place(position, length, what="position"):
    index = int(position.item(what)) if position is not None else length
    if not -length <= index <= length:
        raise OnnxError(f"{what}: expected one of {length}, got {index}")
    return index + length if index < 0 else index


@operator("SequenceEmpty")
def empty(n):
    """No values."""
    return ([],)


@operator("SequenceConstruct")
def construct(n, *inputs):
    """The inputs."""
    return (list(inputs),)


@operator("SequenceAt")
def at(n, sequence, position):
    """One of the values."""
    index = _place(position, len(sequence))
    if index == len(sequence):
        raise OnnxError(f"position: expected one of {len(sequence)}, got {index}")
    return sequence[index]


@operator("SequenceInsert")
def insert(n, sequence, value, position=None):
    """With a value more, at the end by default."""
    index = _place(position, len(sequence))
    return ([*sequence[:index], value, *sequence[index:]],)


@operator("SequenceErase")
def erase(n, sequence, position=None):
    """With a value less, the last by default."""
    index = _place(position, len(sequence)) if position is not None else len(sequence) - 1
    return ([*sequence[:index], *sequence[index + 1 :]],)


@operator("SequenceLength")
def length(n, sequence):
    """How many values."""
    return n.b.constant(np.asarray(len(sequence), np.int64))


@operator("ConcatFromSequence")
def concat(n, sequence):
    """The values joined, along a new axis when asked for."""
    if not sequence:
        raise OnnxError("input: expected at least one value")
    new = n.int("new_axis", 0)
    axis = n.int("axis")
    axis = axis + sequence[0].ndim + bool(new) if axis < 0 else axis
    return n.b.stack(sequence, axis) if new else n.b.concat(sequence, axis)


@operator("SequenceMap")
def sequence_map(n, sequence, *others):
    """A graph run on every value."""
    body, results = n.subgraph("body"), []
    for i, value in enumerate(sequence):
        scope = n.graph.inner(n.scope)
        scope.update(zip([info.name for info in body.input], [value, *[o[i] if isinstance(o, list) else o for o in others]]))
        results.append(n.graph.run(body, scope))
    return tuple(list(column) for column in zip(*results)) if results else tuple([] for _ in body.output)
