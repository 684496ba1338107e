"""The fused RNN: one ONNX node per layer, with the packed parameters taken apart.

Packed: per layer and direction W_i2h and W_h2h, after all weights b_i2h and b_h2h in the same order. Gates there are i f g o (LSTM) and r z n
(GRU), in ONNX i o f g and z r n.
"""

import numpy as np

from .table import converts, refuse

_ORDER = {"lstm": [0, 3, 1, 2], "gru": [1, 0, 2], "rnn_relu": [0], "rnn_tanh": [0]}
_OP = {"lstm": "LSTM", "gru": "GRU", "rnn_relu": "RNN", "rnn_tanh": "RNN"}


def unpack(packed, mode, layers, directions, width, size):
    """[(W, R, B)] per layer, in ONNX's form, from the vector of parameters."""
    gates, at, weights = len(_ORDER[mode]), 0, []
    for layer in range(layers):
        inside = width if layer == 0 else size * directions
        for _ in range(directions):
            for columns in (inside, size):
                count = gates * size * columns
                weights.append(_reordered(packed[at : at + count].reshape(gates, size, columns), mode))
                at += count
    biases = [_reordered(v.reshape(gates, size), mode) for v in packed[at:].reshape(-1, gates * size)]
    result = []
    for layer in range(layers):
        one = slice(2 * layer * directions, 2 * (layer + 1) * directions)
        w, r = np.stack(weights[one][::2]), np.stack(weights[one][1::2])
        result.append((w, r, np.stack(biases[one]).reshape(directions, -1)))
    return result


def _reordered(gated, mode):
    gated = gated[_ORDER[mode]]
    return gated.reshape(-1, *gated.shape[2:])


@converts("RNN")
def rnn(b, n):
    mode, size, layers = n.get("mode"), n.get("state_size"), n.get("num_layers")
    directions, dtype = 2 if n.flag("bidirectional") else 1, n.out_types[0]
    if n.in_values[1] is None:
        refuse(n, "parameters: expected the values among params")
    for key in ("projection_size", "lstm_state_clip_min", "lstm_state_clip_max"):
        if n.get(key) is not None:
            refuse(n, f"{key}: expected None, got {n.get(key)}")
    packed = n.in_values[1].asnumpy()
    lengths = b.cast(n.inputs[-1], "int32", n.in_types[-1]) if n.flag("use_sequence_length") else None
    states = [_split_state(b, n, index, layers, directions) for index in range(2, 4 if mode == "lstm" else 3)]
    value, finals = n.inputs[0], []
    for layer, (w, r, bias) in enumerate(unpack(packed, mode, layers, directions, n.in_shapes[0][2], size)):
        inputs = [value, *(b.const(v, dtype) for v in (w, r, bias)), lengths, *(s[layer] for s in states)]
        made = b.node(
            _OP[mode],
            inputs,
            outputs=3 if mode == "lstm" else 2,
            hidden_size=size,
            direction="bidirectional" if directions == 2 else "forward",
            activations=["Relu" if mode == "rnn_relu" else "Tanh"] * directions if _OP[mode] == "RNN" else None,
            linear_before_reset=1 if mode == "gru" else None,
        )
        # (steps, directions, batch, size) to (steps, batch, directions * size).
        value = b.node("Reshape", [b.transpose(made[0], [0, 2, 1, 3]), b.const([0, 0, directions * size])])
        finals.append(made[1:])
    if not n.flag("state_outputs"):
        return [value]
    return [value, *(b.concat(list(parts), 0) for parts in zip(*finals))]


def _split_state(b, n, index, layers, directions):
    """The initial state of each layer; None where it is zero."""
    if n.sources[index].op == "_zeros":
        return [None] * layers
    value = n.inputs[index]
    # A state of one row stands for all rows.
    if n.in_shapes[index][1] != n.in_shapes[0][1]:
        value = b.expand(value, (layers * directions, n.in_shapes[0][1], n.get("state_size")))
    return b.split(value, [directions] * layers, 0)
