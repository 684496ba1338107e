"""Normalisation over batches, layers, groups, instances, channels."""

import numpy as np

from .reduction import shaped
from .table import converts, refuse


@converts("BatchNorm", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU")
def batch_norm(b, n):
    dtype, axis, rank = n.out_types[0], n.axis(default=1), n.rank()
    value, gamma, *rest = n.inputs
    types = n.in_types[1:]
    if n.flag("fix_gamma"):
        extent = n.in_shapes[1][0]
        gamma, types = b.const(np.ones(extent), dtype), [dtype, *types[1:]]
    order = [0, axis, *(i for i in range(1, rank) if i != axis)] if axis else [0]
    if axis == 0:
        refuse(n, "axis: expected one after the first, got 0")
    value = b.transpose(value, order)
    scales = [b.cast(v, dtype, t) for v, t in zip([gamma, *rest], types)]
    value = b.node("BatchNormalization", [value, *scales], epsilon=n.number("eps", 1e-3))
    if n.op == "_contrib_BatchNormWithReLU":
        value = b.node("Relu", [value])
    return [b.transpose(value, np.argsort(order).tolist())]


def _standard(b, value, axes, eps, dtype):
    """(value minus mean over deviation, mean, deviation) over these axes."""
    mean = b.reduce("ReduceMean", value, axes, True)
    centred = b.node("Sub", [value, mean])
    variance = b.reduce("ReduceMean", b.node("Mul", [centred, centred]), axes, True)
    deviation = b.node("Sqrt", [b.binary("Add", variance, eps, dtype)])
    return b.node("Div", [centred, deviation]), mean, deviation


@converts("LayerNorm")
def layer_norm(b, n):
    dtype, axis, rank = n.out_types[0], n.axis(), n.rank()
    eps, several = n.number("eps", 1e-5), n.flag("output_mean_var")
    if b.opset >= 17 and axis == rank - 1 and not several:
        return [b.node("LayerNormalization", n.inputs, axis=-1, epsilon=eps)]
    value, mean, deviation = _standard(b, n.inputs[0], [axis], eps, dtype)
    gamma, beta = (b.unsqueeze(v, range(1, rank - axis)) if axis < rank - 1 else v for v in n.inputs[1:])
    value = b.node("Add", [b.node("Mul", [value, gamma]), beta])
    if not several:
        return [value]
    # They come without the axis that was reduced, or with it: as the outputs' shapes say.
    if len(n.out_shapes[1]) < rank:
        mean, deviation = b.squeeze(mean, [axis]), b.squeeze(deviation, [axis])
    return [value, mean, deviation]


@converts("InstanceNorm")
def instance_norm(b, n):
    return b.node("InstanceNormalization", n.inputs, epsilon=n.number("eps", 1e-3))


@converts("GroupNorm")
def group_norm(b, n):
    dtype, groups = n.out_types[0], n.get("num_groups", 1)
    value = b.node("Reshape", [n.inputs[0], b.const([0, groups, -1])])
    value, _, _ = _standard(b, value, [2], n.number("eps", 1e-5), dtype)
    gamma, beta = (b.unsqueeze(v, [1]) for v in n.inputs[1:])
    value = b.node("Add", [b.node("Mul", [value, gamma]), beta])
    return [b.node("Reshape", [value, b.node("Shape", n.inputs[:1])])]


@converts("L2Normalization")
def l2(b, n):
    mode, rank = n.get("mode", "instance"), n.rank()
    axes = {"instance": range(1, rank), "channel": [1], "spatial": range(2, rank)}[mode]
    squares = b.reduce("ReduceSum", b.node("Mul", n.inputs * 2), axes, True)
    return b.node("Div", [n.inputs[0], b.node("Sqrt", [b.binary("Add", squares, n.number("eps", 1e-10), n.out_types[0])])])


@converts("LRN")
def lrn(b, n):
    settings = {"alpha": n.number("alpha", 1e-4), "beta": n.number("beta", 0.75), "bias": n.number("knorm", 2.0)}
    value, missing = n.inputs[0], range(n.rank(), 4)
    # Runtimes take four axes or more.
    value = b.node("LRN", [b.unsqueeze(value, missing) if missing else value], size=n.get("nsize"), **settings)
    return [b.squeeze(value, missing) if missing else value]


@converts("moments")
def moments(b, n):
    axes = sorted(a % n.rank() for a in n.ints("axes", tuple(range(n.rank()))))
    mean = b.reduce("ReduceMean", n.inputs[0], axes, True)
    centred = b.node("Sub", [n.inputs[0], mean])
    variance = b.reduce("ReduceMean", b.node("Mul", [centred, centred]), axes, n.flag("keepdims"))
    return [mean if n.flag("keepdims") else shaped(b, n, b.squeeze(mean, axes)), shaped(b, n, variance, 1)]
