"""Several inputs combined element by element, and reductions."""

from .. import symbol as sym
from .model import converts


@converts("Eltwise")
def eltwise(net, layer, inputs):
    part = layer.part("eltwise_param")
    kind = {"PROD": "PROD", "SUM": "SUM", "MAX": "MAX", "0": "PROD", "1": "SUM", "2": "MAX"}.get(str(part._last("operation", "SUM")))
    factors = list(part.content.get("coeff", []))
    if kind is None or len(inputs) < 2:
        layer.fail("operation", "PROD, SUM or MAX of two inputs or more", (part._last("operation", "SUM"), len(inputs)))
    if factors and (kind != "SUM" or len(factors) != len(inputs) or not all(isinstance(f, (int, float)) for f in factors)):
        layer.fail("coeff", f"{len(inputs)} numbers for SUM", factors)
    if kind == "SUM":
        parts = [value if factor == 1 else value * factor for value, factor in zip(inputs, factors or [1] * len(inputs))]
        return [sym.add_n(*parts, num_args=len(parts), name=layer.name)]
    value = inputs[0]
    for other in inputs[1:]:
        value = value * other if kind == "PROD" else sym.maximum(value, other)
    return [sym.identity(value, name=layer.name)]


@converts("Reduction")
def reduction(net, layer, inputs):
    part = layer.part("reduction_param")
    kind = str(part._last("operation", "SUM"))
    axis, shape = part.integer("axis", 0), net.shape(inputs[0])
    value = {"SUM": lambda v: v, "MEAN": lambda v: v, "ASUM": sym.abs, "SUMSQ": sym.square}.get(kind)
    if value is None or shape is None:
        layer.fail("operation", "SUM, ASUM, SUMSQ or MEAN of an input of known shape", kind)
    axes = tuple(range(axis % len(shape), len(shape)))
    function = sym.mean if kind == "MEAN" else sym.sum
    return [function(value(inputs[0]), axis=axes, name=layer.name) * part.number("coeff", 1)]


@converts("ArgMax")
def argmax(net, layer, inputs):
    part = layer.part("argmax_param")
    if part.integer("top_k", 1) != 1 or part.flag("out_max_val", False) or not part.has("axis"):
        layer.fail("axis", "an axis, top_k 1 and indices alone", part.integer("top_k", 1))
    return [sym.argmax(inputs[0], axis=part.integer("axis", 1), keepdims=True, name=layer.name)]
