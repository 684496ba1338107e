"""Runs a symbol in JAX, images as (N, H, W, C) and kernels as (H, W, I, O), which XLA's CPU backend likes best."""

import graph as symbols
import jax
import jax.numpy as jnp
from jax import lax


def _convolution(node, x, weight, bias=None):
    attrs = node.attrs
    pads = [(p, p) for p in symbols.values(attrs, "pad", (0, 0))]
    strides, dilation = symbols.values(attrs, "stride", (1, 1)), symbols.values(attrs, "dilate", (1, 1))
    groups = int(attrs.get("num_group", 1))
    out = lax.conv_general_dilated(x, weight, strides, pads, rhs_dilation=dilation, dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups)
    return out if bias is None else out + bias


def _pads(extent, kernel, stride, pad, full):
    """Padding before and after; with full, enough after that the last window is whole."""
    spare = (extent + 2 * pad - kernel) % stride
    return pad, pad + (stride - spare if full and spare else 0)


def _pooling(node, x):
    attrs = node.attrs
    average = attrs.get("pool_type", "max") == "avg"
    if symbols.flag(attrs, "global_pool"):
        return x.mean((1, 2), keepdims=True) if average else x.max((1, 2), keepdims=True)
    kernel, stride, pad = symbols.values(attrs, "kernel", None), symbols.values(attrs, "stride", (1, 1)), symbols.values(attrs, "pad", (0, 0))
    full = attrs.get("pooling_convention", "valid") == "full"
    pads = [(0, 0), *(_pads(x.shape[i + 1], kernel[i], stride[i], pad[i], full) for i in (0, 1)), (0, 0)]
    window, strides = (1, *kernel, 1), (1, *stride, 1)
    if not average:
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)
    if any(after > before for before, after in pads):
        raise ValueError("[jax_graph] Pooling: no average over windows that the image does not fill")
    return lax.reduce_window(x, 0.0, lax.add, window, strides, pads) / (kernel[0] * kernel[1])


def _batch_norm(node, x, gamma, beta, mean, var, training, states):
    """Adds the new running statistics to states, {variable's node: value}."""
    eps, momentum = symbols.number(node.attrs, "eps", 1e-3), symbols.number(node.attrs, "momentum", 0.9)
    if symbols.flag(node.attrs, "fix_gamma", True):
        gamma = jnp.ones_like(gamma)
    if training:
        old, (mean, var) = (mean, var), (x.mean((0, 1, 2)), x.var((0, 1, 2)))
        states.update(zip((node.inputs[3][0], node.inputs[4][0]), (momentum * o + (1 - momentum) * n for o, n in zip(old, (mean, var)))))
    scale = gamma * lax.rsqrt(var + eps)
    return x * scale.astype(x.dtype) + (beta - mean * scale).astype(x.dtype)


def _lstm(node, x, packed, state, cell):
    """Layers one after the other; the products with the inputs of all steps are one product."""
    layers, hidden, _ = symbols.rnn_sizes(node.attrs, x.shape[-1])
    places = symbols.rnn_sizes(node.attrs, x.shape[-1])[2]
    part = [packed[offset : offset + shape[0] * (shape[1] if len(shape) > 1 else 1)].reshape(shape) for offset, shape in places]
    for layer in range(layers):
        into, recurrent = part[2 * layer], part[2 * layer + 1]
        bias = part[2 * layers + 2 * layer] + part[2 * layers + 2 * layer + 1]
        gates = x @ into.T + bias

        def step(carry, gate, recurrent=recurrent):
            h, c = carry
            i, f, g, o = jnp.split(gate + h @ recurrent.T, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        _, x = lax.scan(step, (state[layer], cell[layer]), gates)
    return x


def _flat(x):
    """(N, rest), in the order of (N, C, H, W)."""
    return (jnp.transpose(x, (0, 3, 1, 2)) if x.ndim == 4 else x).reshape(x.shape[0], -1)


def _full(node, x, weight, bias=None):
    out = _flat(x) @ weight.T
    return out if bias is None else out + bias


ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}
PLAIN = {
    "Convolution": _convolution,
    "Pooling": _pooling,
    "RNN": _lstm,
    "FullyConnected": _full,
    "Activation": lambda node, x: ACTIVATIONS[node.attrs["act_type"]](x),
    "Flatten": lambda node, x: _flat(x),
    "Reshape": lambda node, x: x.reshape(symbols.values(node.attrs, "shape", None)),
    "Embedding": lambda node, x, weight: weight[x],
    "Concat": lambda node, *x: jnp.concatenate(x, -1),
    "elemwise_add": lambda node, a, b: a + b,
    "_plus": lambda node, a, b: a + b,
    "SoftmaxOutput": lambda node, x, label: x,
}


def evaluate(graph, arrays, training):
    """(logits, {variable's name: its new state}) from {name: array}."""
    found, states = {}, {}
    for i, node in enumerate(graph.nodes):
        if node.op == "null":
            found[i] = arrays.get(node.name)
        elif node.op == "BatchNorm":
            found[i] = _batch_norm(node, *(found[e[0]] for e in node.inputs), training, states)
        elif node.op in PLAIN:
            found[i] = PLAIN[node.op](node, *(found[e[0]] for e in node.inputs))
        else:
            raise ValueError(f"[jax_graph] {node.op}: no translation")
    return found[len(graph.nodes) - 1], {graph.nodes[i].name: value for i, value in states.items()}
