"""Scaled dot-product attention, and the products of fused self-attention and of attention between two sequences."""

import math

from .matrix import swapped
from .table import converts, refuse


@converts("_contrib_div_sqrt_dim")
def div_sqrt_dim(b, n):
    extent = n.in_shapes[0][-1]
    if not isinstance(extent, int):
        refuse(n, "expected a fixed last extent")
    return b.binary("Mul", n.inputs[0], 1 / math.sqrt(extent), n.out_types[0])


def _heads(b, n, index, parts):
    """(length, batch, heads * parts * d) as `parts` values of (batch * heads, length, d)."""
    heads, width = n.get("heads"), n.in_shapes[index][2]
    if not isinstance(width, int):
        refuse(n, "expected a fixed last extent")
    depth = width // heads // parts
    value = b.node("Reshape", [n.inputs[index], b.const([0, 0, heads, parts * depth])])
    value = b.transpose(value, [1, 2, 0, 3])
    value = b.node("Reshape", [value, b.const([-1, *_fixed(b, n, index), parts * depth])])
    return b.split(value, [depth] * parts, 2) if parts > 1 else [value]


def _fixed(b, n, index):
    length = n.in_shapes[index][0]
    if not isinstance(length, int):
        refuse(n, "expected a fixed length")
    return [length]


def _product(b, n, queries, keys):
    depth = n.in_shapes[0][2] // n.get("heads") // (3 if "self" in n.op else 1)
    queries = b.binary("Mul", queries, 1 / math.sqrt(depth), n.out_types[0])
    return b.node("MatMul", [queries, swapped(b, keys, 3)])


@converts("_contrib_interleaved_matmul_selfatt_qk")
def self_qk(b, n):
    queries, keys, _ = _heads(b, n, 0, 3)
    return _product(b, n, queries, keys)


@converts("_contrib_interleaved_matmul_encdec_qk")
def encdec_qk(b, n):
    return _product(b, n, _heads(b, n, 0, 1)[0], _heads(b, n, 1, 2)[0])


@converts("_contrib_interleaved_matmul_selfatt_valatt", "_contrib_interleaved_matmul_encdec_valatt")
def valatt(b, n):
    """Attention times values, back as (length, batch, heads * d)."""
    values = _heads(b, n, 0, 3 if "self" in n.op else 2)[-1]
    heads, extents = n.get("heads"), n.out_shapes[0]
    value = b.node("MatMul", [n.inputs[1], values])
    value = b.node("Reshape", [value, b.const([-1, heads, extents[0], extents[2] // heads])])
    value = b.transpose(value, [2, 0, 1, 3])
    return b.node("Reshape", [value, b.const([0, 0, extents[2]])])


@converts("_contrib_sdp_attention")
def attention(b, n):
    query, key, value = n.inputs[:3]
    dtype, depth = n.out_types[0], n.in_shapes[0][3]
    scale = n.number("scale")
    if scale is None:
        scale = 1 / math.sqrt(depth) if isinstance(depth, int) else refuse(n, "expected a fixed depth")
    scores = b.node("MatMul", [b.binary("Mul", query, scale, dtype), swapped(b, key, 4)])
    if n.flag("use_mask"):
        scores = b.node("Add", [scores, n.inputs[3]])
    if n.flag("causal"):
        rows, columns = (b.node("Range", [b.const(0), b.gather(b.node("Shape", [scores]), axis, 0), b.const(1)]) for axis in (2, 3))
        seen = b.node("GreaterOrEqual", [b.unsqueeze(rows, [1]), columns])
        scores = b.node("Where", [seen, scores, b.const(-math.inf, dtype)])
    weights = b.node("Softmax", [scores], axis=-1)
    if n.flag("use_mask"):
        # A query that sees no key gives 0, where softmax gives nan.
        weights = b.node("Where", [b.node("IsNaN", [weights]), b.const(0, dtype), weights])
    return [b.node("MatMul", [weights, value])]
