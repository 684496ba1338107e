"""Branches and loops.

A branch or a loop is followed while the model is read, so its condition and its trip count must be known then; both branches are
computed where only the condition is not known and their outputs have the same shapes. A loop may go round LIMIT times.
"""

import numpy as np

from ..errors import NeedsValue, OnnxError
from ..graph import is_tensor
from ..table import operator

LIMIT = 10_000
_UNROLLED = 2_000


def _run(n, body, inputs):
    names = [info.name for info in body.input]
    if len(names) != len(inputs):
        raise OnnxError(f"body: takes {len(names)} inputs, {len(inputs)} are given")
    scope = n.graph.inner(n.scope)
    scope.update(zip(names, inputs))
    return n.graph.run(body, scope)


@operator("If")
def branch(n, condition):
    """One of two graphs; both, and a choice between their outputs, where the condition is not known."""
    if condition.known:
        return tuple(_run(n, n.subgraph("then_branch" if condition.item("the condition") else "else_branch"), ()))
    results = []
    for yes, no in zip(_run(n, n.subgraph("then_branch"), ()), _run(n, n.subgraph("else_branch"), ())):
        if not (is_tensor(yes) and is_tensor(no)) or yes.shape != no.shape or yes.dtype != no.dtype:
            raise NeedsValue("the condition is known only when the model runs, and the branches' outputs differ in shape")
        results.append(n.b.where(condition.reshape((1,) * max(yes.ndim, 1)), yes, no).reshape(*yes.shape))
    return tuple(results)


@operator("Loop")
def loop(n, trips, condition, *states):
    """A graph run again and again: its first output says whether to go on, then come states, then what is collected."""
    body, states = n.subgraph("body"), list(states)
    limit = None if trips is None else int(trips.item("the trip count"))
    going = condition is None or bool(condition.item("the condition"))
    collected, count = [[] for _ in range(len(body.output) - 1 - len(states))], 0
    while going and (limit is None or count < limit):
        if count >= (LIMIT if all(is_tensor(s) and s.known for s in states) and states else _UNROLLED):
            raise OnnxError(f"the loop goes round more than {count} times")
        again, *results = _run(n, body, (n.b.constant(np.int64(count)), n.b.constant(np.asarray(going)), *states))
        states, rest = results[: len(states)], results[len(states) :]
        for column, value in zip(collected, rest):
            column.append(value)
        count += 1
        going = bool(again.item("the condition"))
    return (*states, *[_stacked(n, body.output[1 + len(states) + i], c) for i, c in enumerate(collected)])


def _stacked(n, info, values):
    if values:
        return n.b.stack(values, 0)
    dims = [d.dim_value for d in info.type.tensor_type.shape.dim]
    return n.b.full([0, *dims], 0, "float32")


@operator("Scan", since=9)
def scan(n, *inputs):
    """A graph run on every element of the scanned inputs' axes, with states."""
    return _scan(n, inputs)


@operator("Scan", since=8)
def scan_batched(n, lengths, *inputs):
    """Opset 8 does so for every element of a batch."""
    if lengths is not None:
        raise OnnxError("sequence_lens is not supported")
    batch = inputs[0].full_shape()[0]
    rows = [_scan(n, [v.slice(0, i, i + 1).reshape(v.shape[1:]) for v in inputs]) for i in range(batch)]
    return tuple(n.b.stack(list(column), 0) for column in zip(*rows))


def _scan(n, inputs):
    body, count = n.subgraph("body"), n.int("num_scan_inputs")
    if not 0 < count <= len(inputs):
        raise OnnxError(f"num_scan_inputs: expected 1 to {len(inputs)}, got {count}")
    states, scanned = list(inputs[: len(inputs) - count]), inputs[len(inputs) - count :]
    axes = [v.axis(a) for v, a in zip(scanned, n.ints("scan_input_axes", [0] * count))]
    back = n.ints("scan_input_directions", n.ints("directions", [0] * count))
    length = scanned[0].shape[axes[0]]
    if length < 0:
        raise NeedsValue("the length of the scanned axis is not known: give input_shapes")
    if length > _UNROLLED:
        raise OnnxError(f"the scan goes round more than {_UNROLLED} times")
    collected = [[] for _ in range(len(body.output) - len(states))]
    for t in range(length):
        places = [length - 1 - t if b else t for b in back]
        parts = [n.b.op("squeeze", v.slice(a, p, p + 1), axis=(a,)) for v, a, p in zip(scanned, axes, places)]
        parts = [p if v.ndim > 1 else n.b.op("Reshape", p, shape=()) for p, v in zip(parts, scanned)]
        results = _run(n, body, (*states, *parts))
        states = results[: len(states)]
        for column, value in zip(collected, results[len(states) :]):
            column.append(value)
    axes = n.ints("scan_output_axes", [0] * len(collected))
    back = n.ints("scan_output_directions", [0] * len(collected))
    outs = [n.b.stack(c[::-1] if b else c, a % (c[0].ndim + 1)) for c, a, b in zip(collected, axes, back)]
    return (*states, *outs)
