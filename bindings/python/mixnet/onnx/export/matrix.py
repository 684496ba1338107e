"""Dense layers and matrix products."""

import numpy as np

from .reduction import shaped
from .table import converts, refuse


@converts("FullyConnected")
def fully_connected(b, n):
    value, weight = n.inputs[:2]
    if n.flag("flatten") or n.rank() == 2:
        if n.rank() != 2:
            value = b.node("Flatten", [value], axis=1)
        return b.node("Gemm", [value, *n.inputs[1:]], transB=1)
    value = b.node("MatMul", [value, b.transpose(weight, [1, 0])])
    return b.node("Add", [value, n.inputs[2]]) if len(n.inputs) > 2 else value


def swapped(b, value, rank):
    """The last two axes exchanged."""
    return b.transpose(value, [*range(rank - 2), rank - 1, rank - 2])


@converts("batch_dot")
def batch_dot(b, n):
    left = swapped(b, n.inputs[0], n.rank(0)) if n.flag("transpose_a") else n.inputs[0]
    right = swapped(b, n.inputs[1], n.rank(1)) if n.flag("transpose_b") else n.inputs[1]
    return b.node("MatMul", [left, right])


@converts("dot")
def dot(b, n):
    """The last axis of the left against the first of the right; transposed, all axes of a side go round by one."""
    (left, right), (p, q) = n.inputs, (n.rank(0), n.rank(1))
    if n.flag("transpose_a"):
        left = b.transpose(left, [*range(1, p), 0])
    if n.flag("transpose_b"):
        right = b.transpose(right, [q - 1, *range(q - 1)])
    if q <= 2 and (p, q) != (1, 1):
        return b.node("MatMul", [left, right])
    if (p, q) == (1, 1):
        return b.reshape(b.node("MatMul", [left, right]), n.out_shapes[0])
    shared = n.in_shapes[1][-1 if n.flag("transpose_b") else 0]
    if not isinstance(shared, int):
        refuse(n, "expected a fixed extent of the summed axis")
    return b.reshape(b.node("MatMul", [left, b.node("Reshape", [right, b.const([shared, -1])])]), n.out_shapes[0])


@converts("_linalg_gemm2", "_linalg_gemm")
def gemm(b, n):
    rank, dtype = n.rank(), n.out_types[0]
    if n.get("axis", -2) not in (-2, rank - 2):
        refuse(n, f"axis: expected -2, got {n.get('axis')}")
    value = b.node("MatMul", [swapped(b, v, rank) if n.flag(k) else v for v, k in zip(n.inputs, ("transpose_a", "transpose_b"))])
    alpha, beta = n.number("alpha", 1), n.number("beta", 1)
    value = value if alpha == 1 else b.binary("Mul", value, alpha, dtype)
    if n.op == "_linalg_gemm2":
        return value
    return b.node("Add", [value, n.inputs[2] if beta == 1 else b.binary("Mul", n.inputs[2], beta, dtype)])


@converts("_linalg_syrk")
def syrk(b, n):
    other = swapped(b, n.inputs[0], n.rank())
    value = b.node("MatMul", [other, n.inputs[0]] if n.flag("transpose") else [n.inputs[0], other])
    return b.binary("Mul", value, n.number("alpha", 1), n.out_types[0])


@converts("_linalg_det")
def det(b, n):
    return shaped(b, n, b.node("Det", n.inputs))


@converts("diag")
def diag(b, n):
    if n.rank() != 2 or n.get("k", 0) != 0 or not all(isinstance(e, int) for e in n.in_shapes[0]):
        refuse(n, "expected a matrix of fixed shape and k=0")
    small = min(n.in_shapes[0])
    return b.node("GatherND", [n.inputs[0], b.const(np.stack([np.arange(small)] * 2, 1))])
