"""Reductions over axes."""

from .table import converts, refuse

_KINDS = {"sum": "ReduceSum", "mean": "ReduceMean", "prod": "ReduceProd", "max": "ReduceMax", "min": "ReduceMin"}


def axes_of(n, key="axis"):
    """The axes that go."""
    rank = n.rank()
    given = n.attrs.get(key)
    axes = sorted({a % max(rank, 1) for a in n.ints(key)}) if given not in (None, "None", "()") else list(range(rank))
    if n.flag("exclude"):
        axes = [i for i in range(rank) if i not in axes] if given not in (None, "None", "()") else list(range(rank))
    return axes


def shaped(b, n, value, output=0):
    """What loses all axes in ONNX has one here."""
    return b.reshape(value, (1,)) if n.out_shapes[output] == (1,) and not n.flag("keepdims") else value


@converts(*_KINDS)
def reduce(b, n):
    return shaped(b, n, b.reduce(_KINDS[n.op], n.inputs[0], axes_of(n), n.flag("keepdims")))


@converts("nansum", "nanprod")
def ignoring_nan(b, n):
    neutral = b.const(0 if n.op == "nansum" else 1, n.out_types[0])
    value = b.node("Where", [b.node("IsNaN", n.inputs), neutral, n.inputs[0]])
    return shaped(b, n, b.reduce(_KINDS[n.op[3:]], value, axes_of(n), n.flag("keepdims")))


@converts("norm")
def norm(b, n):
    kind = {1: "ReduceL1", 2: "ReduceL2"}.get(n.get("ord", 2))
    if kind is None:
        refuse(n, f"ord: expected 1 or 2, got {n.get('ord')}")
    value = b.reduce(kind, n.inputs[0], axes_of(n), n.flag("keepdims"))
    return shaped(b, n, b.cast(value, n.out_types[0], n.in_types[0]))


@converts("_square_sum")
def square_sum(b, n):
    return shaped(b, n, b.reduce("ReduceSumSquare", n.inputs[0], axes_of(n), n.flag("keepdims")))


@converts("argmax", "argmin", "argmax_channel")
def argument(b, n):
    op = "ArgMin" if n.op == "argmin" else "ArgMax"
    value, keep = n.inputs[0], n.flag("keepdims")
    if n.op == "argmax_channel":
        found = b.node(op, [value], axis=1, keepdims=0)
    elif n.get("axis") is None:
        found = b.reshape(b.node(op, [b.flatten(value)], axis=0, keepdims=0), n.out_shapes[0])
    else:
        found = b.node(op, [value], axis=n.axis(), keepdims=int(keep))
    if n.op != "argmax_channel" and n.get("axis") is not None:
        found = shaped(b, n, found)
    return b.cast(found, n.out_types[0], "int64")
