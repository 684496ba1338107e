"""Values that come from nowhere: constants, ranges, random numbers. Extents may follow dynamic ones."""

import numpy as np

from .table import converts, refuse


def _filled(b, n, value):
    return b.node("Expand", [b.const(value, n.out_types[0]), b.shape(n.out_shapes[0])])


@converts("_zeros", "_ones", "_full")
def filled(b, n):
    return _filled(b, n, {"_zeros": 0, "_ones": 1}.get(n.op, n.number("value", 0)))


@converts("_eye")
def eye(b, n):
    rows = n.get("N")
    return b.node("Identity", [b.const(np.eye(rows, n.get("M", 0) or rows, n.get("k", 0)), n.out_types[0])])


@converts("_arange")
def arange(b, n):
    count = n.out_shapes[0][0]
    if not isinstance(count, int):
        refuse(n, "expected a fixed number of elements")
    # With one limit alone it is the end.
    start = 0 if n.get("stop") is None and not n.flag("infer_range") else n.number("start", 0)
    values = start + n.number("step", 1) * (np.arange(count) // n.get("repeat", 1))
    return b.node("Identity", [b.const(values, n.out_types[0])])


@converts("_linspace")
def linspace(b, n):
    values = np.linspace(n.number("start"), n.number("stop"), n.get("num", 50), endpoint=n.flag("endpoint"))
    return b.node("Identity", [b.const(values, n.out_types[0])])


@converts("_contrib_arange_like")
def arange_like(b, n):
    extents = n.out_shapes[0]
    if len(extents) == 1 and isinstance(extents[0], str):
        count = b.squeeze(b.extent(extents[0]), [0])
        places = b.cast(b.node("Range", [b.const(0), count, b.const(1)]), n.out_types[0], "int64")
        places = b.node("Floor", [b.binary("Div", places, n.get("repeat", 1), n.out_types[0])])
        return b.binary("Add", b.binary("Mul", places, n.number("step", 1), n.out_types[0]), n.number("start", 0), n.out_types[0])
    if not all(isinstance(e, int) for e in extents):
        refuse(n, "expected fixed extents")
    values = n.number("start", 0) + n.number("step", 1) * (np.arange(int(np.prod(extents))) // n.get("repeat", 1))
    return b.node("Identity", [b.const(values.reshape(extents), n.out_types[0])])


@converts("_random_uniform", "_random_normal", "_random_uniform_like", "_random_normal_like")
def random(b, n):
    normal = "normal" in n.op
    keys = {"mean": n.number("loc", 0), "scale": n.number("scale", 1)} if normal else {"low": n.number("low", 0), "high": n.number("high", 1)}
    like = _filled(b, n, 0)
    return b.node("RandomNormalLike" if normal else "RandomUniformLike", [like], dtype=b.type_code(n.out_types[0]), **keys)
