"""Matrix products, Einstein sums and determinants."""

import numpy as np

from ..builder import checked_size, common_shape
from ..errors import OnnxError
from ..table import operator


def matmul(b, left, right):
    """numpy's matmul. Integers are multiplied as float64, exact up to 2^53."""
    if left.ndim == 0 or right.ndim == 0:
        raise OnnxError("inputs: expected at least one axis each")
    if not left.floating:
        return matmul(b, left.cast("float64"), right.cast("float64")).cast(left.dtype)
    if left.ndim == 1:
        out = matmul(b, b.op("expand_dims", left, axis=0), right)
        return b.op("Reshape", out, shape=()) if right.ndim == 1 else b.op("squeeze", out, axis=(out.ndim - 2,)) if right.ndim > 1 else out
    if right.ndim == 1:
        out = matmul(b, left, b.op("expand_dims", right, axis=1))
        return b.op("squeeze", out, axis=(out.ndim - 1,))
    if 0 in left.shape or 0 in right.shape:
        return b.full((*common_shape([left.shape[:-2], right.shape[:-2]]), left.shape[-2], right.shape[-1]), 0, left.dtype)
    if right.ndim == 2:
        return b.op("dot", left, right)
    return _batched(b, left, right)


def _batched(b, left, right):
    batch = common_shape([left.shape[:-2], right.shape[:-2]]) if left.ndim > 2 else right.shape[:-2]
    left, right = b.broadcast(left, (*batch, *left.shape[-2:])), b.broadcast(right, (*batch, *right.shape[-2:]))
    if len(batch) == 1:
        return b.op("batch_dot", left, right)
    if left.dtype in ("float32", "float64"):
        return b.op("linalg_gemm2", left, right)
    flat = b.op("batch_dot", left.reshape(-1, *left.shape[-2:]), right.reshape(-1, *right.shape[-2:]))
    return flat.reshape(*batch, left.shape[-2], right.shape[-1])


@operator("MatMul")
def mat_mul(n, left, right):
    """numpy's matmul"""
    return matmul(n.b, left, right)


@operator("Gemm")
def gemm(n, a, b, c=None):
    """alpha * A * B + beta * C, a dense layer where its form allows."""
    alpha, beta = n.float("alpha", 1.0), n.float("beta", 1.0)
    a = a.transpose(1, 0) if n.int("transA", 0) else a
    weight = b if n.int("transB", 0) else b.transpose(1, 0)
    if alpha != 1.0:
        weight = weight * alpha
    if c is not None and beta != 1.0:
        c = c * beta
    if not a.floating:
        out = matmul(n.b, a, weight.transpose(1, 0))
        return out if c is None else out + c
    hidden = weight.shape[0]
    if c is not None and c.ndim and c.size == hidden and c.shape[-1] == hidden:
        return n.b.op("FullyConnected", a, weight, c.reshape(-1), num_hidden=hidden, flatten=False)
    out = n.b.op("FullyConnected", a, weight, num_hidden=hidden, no_bias=True, flatten=False)
    return out if c is None else out + c


@operator("Det")
def determinant(n, x):
    """Of the matrices in the last two axes."""
    out = n.b.op("linalg_det", x if x.ndim > 2 else x.reshape(1, *x.shape))
    return n.b.op("Reshape", out, shape=()) if x.ndim == 2 else out


@operator("Einsum")
def einsum(n, *inputs):
    """Two inputs at a time: each becomes (kept by both, its own, summed) and a batched product does the rest."""
    left, arrow, result = n.attr("equation", "").replace(" ", "").partition("->")
    terms = [_letters(term, value) for term, value in zip(left.split(","), inputs)]
    if len(left.split(",")) != len(inputs):
        raise OnnxError(f"equation: expected {len(inputs)} terms, got '{left}'")
    everything = "".join(terms)
    spread = "".join(sorted({c for c in everything if c.isdigit()}))
    if arrow:
        result = result.replace("...", spread)
    else:
        result = spread + "".join(sorted(c for c in set(everything) if everything.count(c) == 1 and not c.isdigit()))
    if set(result) - set(everything):
        raise OnnxError(f"equation: '{result}' has letters that no input has")
    value, term = _diagonals(n.b, inputs[0], terms[0])
    for i in range(1, len(inputs)):
        other, name = _diagonals(n.b, inputs[i], terms[i])
        needed = set(result).union(*map(set, terms[i + 1 :]))
        value, term = _contract(n.b, value, term, other, name, needed)
    extra = [i for i, c in enumerate(term) if c not in result]
    value = n.b.reduce("sum", value, extra, False) if extra else value
    term = "".join(c for c in term if c in result)
    return value.transpose([term.index(c) for c in result]) if term != result else value


def _letters(term, value):
    """A term with its dots written as digits, counted from the right."""
    named = term.replace("...", "")
    spread = value.ndim - len(named)
    if spread < 0 or (spread and "..." not in term):
        raise OnnxError(f"equation: '{term}' does not fit an input of {value.ndim} axes")
    return term.replace("...", "".join(str(9 - i) for i in range(spread))[::-1] if spread else "")


def _diagonals(b, value, term):
    for letter in sorted(set(term)):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            size = value.full_shape()[i]
            checked_size((size, size))
            mask = np.eye(size).reshape([size if k in (i, j) else 1 for k in range(value.ndim)])
            value = b.reduce("sum", value * b.constant(mask.astype("float32")).cast(value.dtype), [j], False)
            term = term[:j] + term[j + 1 :]
    return value, term


def _contract(b, left, first, right, second, needed):
    both = [c for c in first if c in second and c in needed]
    summed = [c for c in first if c in second and c not in needed]
    mine, yours = [c for c in first if c not in second], [c for c in second if c not in first]
    sizes = {**dict(zip(first, left.full_shape())), **{c: e for c, e in zip(second, right.full_shape()) if e != 1 or c not in first}}

    def arranged(value, term, groups):
        have = dict(zip(term, value.shape))
        value = value.transpose([term.index(c) for g in groups for c in g])
        value = b.broadcast(value, [sizes[c] if c in both + summed else have[c] for g in groups for c in g])
        return value.reshape([int(np.prod([sizes[c] for c in g], dtype=np.int64)) for g in groups])

    out = matmul(b, arranged(left, first, (both, mine, summed)), arranged(right, second, (both, summed, yours)))
    letters = both + mine + yours
    return out.reshape([sizes[c] for c in letters]), "".join(letters)
