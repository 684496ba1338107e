"""RNN, GRU and LSTM: the library's fused operator for their usual form, steps written one by one for all others."""

from ..errors import OnnxError
from ..table import operator

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_USUAL = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
_ALPHA = {"affine": 1.0, "leakyrelu": 0.01, "thresholdedrelu": 1.0, "scaledtanh": 1.0, "hardsigmoid": 0.2, "elu": 1.0}
_BETA = {"affine": 0.0, "scaledtanh": 1.0, "hardsigmoid": 0.5}
_LOOPS = 2_000


class Layer:
    """One direction of a recurrent node: weights, activations and how a step is made."""

    def __init__(self, n, index, weight, recurrent, bias, peephole, activations):
        b, self.n, self.b = n.b, n, n.b
        self.gates, self.hidden = _GATES[n.op], recurrent.shape[2]

        def own(value):
            return None if value is None else value.slice(0, index, index + 1).reshape(value.full_shape()[1:])

        size = self.gates * self.hidden
        self.weight, self.recurrent = own(weight).transpose(1, 0), own(recurrent).transpose(1, 0)
        bias = own(bias) if bias is not None else b.full((2 * size,), 0, weight.dtype)
        self.input_bias, self.own_bias = bias.slice(0, 0, size), bias.slice(0, size, 2 * size)
        peephole = own(peephole)
        self.peepholes = None if peephole is None else [self._piece(peephole, i, 0) for i in range(3)]
        self.functions = activations
        self.clip = n.float("clip")

    def _piece(self, value, gate, axis):
        return value.slice(axis, gate * self.hidden, (gate + 1) * self.hidden)

    def _act(self, which, x):
        if self.clip:
            x = self.b.binary("minimum", self.b.binary("maximum", x, -self.clip), self.clip)
        return self.functions[which](x)

    def step(self, x, h, c):
        """(h, c) after a step; x is the input already multiplied with its weights."""
        return getattr(self, "_" + self.n.op.lower())(x, h, c)

    def _rnn(self, x, h, c):
        return self._act(0, x + self.b.matmul(h, self.recurrent) + self.own_bias), c

    def _gru(self, x, h, c):
        inner = self.b.matmul(h, self.recurrent)
        z, r = (self._act(0, self._piece(x, i, 1) + self._piece(inner, i, 1) + self._piece(self.own_bias, i, 0)) for i in (0, 1))
        bias = self._piece(self.own_bias, 2, 0)
        if self.n.int("linear_before_reset", 0):
            new = self._act(1, self._piece(x, 2, 1) + r * (self._piece(inner, 2, 1) + bias))
        else:
            new = self._act(1, self._piece(x, 2, 1) + self.b.matmul(r * h, self._piece(self.recurrent, 2, 1)) + bias)
        return new - z * new + z * h, c

    def _lstm(self, x, h, c):
        total = x + self.b.matmul(h, self.recurrent) + self.own_bias
        i, o, f, g = (self._piece(total, k, 1) for k in range(4))
        p = self.peepholes
        i = self._act(0, i if p is None else i + p[0] * c)
        f = i.builder.scalar(1, i) - i if self.n.int("input_forget", 0) else self._act(0, f if p is None else f + p[2] * c)
        c = f * c + i * self._act(1, g)
        return self._act(0, o if p is None else o + p[1] * c) * self.functions[2](c), c

    def run(self, x, h, c, lengths):
        """(outputs stacked over time, h, c)"""
        x = self.b.matmul(x, self.weight) + self.input_bias
        outputs = []
        if x.full_shape()[0] > _LOOPS:
            raise OnnxError(f"more than {_LOOPS} steps of a form that the fused operator does not have")
        for t in range(x.full_shape()[0]):
            new, cell = self.step(x.slice(0, t, t + 1).reshape(x.shape[1:]), h, c)
            if lengths is not None:
                going = (self.b.scalar(t, lengths) < lengths).reshape(-1, 1)
                out = self.b.where(going, new, self.b.scalar(0, new))
                h, c = self.b.where(going, new, h), c if c is None else self.b.where(going, cell, c)
            else:
                out, h, c = new, new, cell
            outputs.append(out)
        return self.b.stack(outputs, 0), h, c


def _activation(b, name, alpha, beta):
    name = name.lower()
    alpha, beta = _ALPHA.get(name, 1.0) if alpha is None else alpha, _BETA.get(name, 0.0) if beta is None else beta
    table = {
        "relu": lambda x: x.unary("relu"),
        "tanh": lambda x: x.unary("tanh"),
        "sigmoid": lambda x: x.unary("sigmoid"),
        "affine": lambda x: x * alpha + beta,
        "leakyrelu": lambda x: b.op("LeakyReLU", x, act_type="leaky", slope=alpha),
        "thresholdedrelu": lambda x: x * (x > alpha).cast(x.dtype),
        "scaledtanh": lambda x: (x * beta).unary("tanh") * alpha,
        "hardsigmoid": lambda x: b.op("clip", x * alpha + beta, a_min=0.0, a_max=1.0),
        "elu": lambda x: b.op("LeakyReLU", x, act_type="elu", slope=alpha),
        "softsign": lambda x: x.unary("softsign"),
        "softplus": lambda x: b.op("Activation", x, act_type="softrelu"),
    }
    if name not in table:
        raise OnnxError(f"activations: '{name}' is unknown")
    return table[name]


def _fused(n, x, weight, recurrent, bias, h, c, directions):
    """Outputs of the library's RNN operator, whose gates stand in another order."""
    order = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 2, 3, 1]}[n.op]
    hidden, pieces, biases = recurrent.shape[2], [], []

    def arranged(value, axis):
        return n.b.concat([value.slice(axis, g * hidden, (g + 1) * hidden) for g in order], axis)

    size = len(order) * hidden
    for d in range(directions):
        pieces += [arranged(v.slice(0, d, d + 1), 1).reshape(-1) for v in (weight, recurrent)]
        own = n.b.full((2 * size,), 0, x.dtype) if bias is None else bias.slice(0, d, d + 1).reshape(-1)
        biases += [arranged(own.slice(0, 0, size), 0), arranged(own.slice(0, size, 2 * size), 0)]
    kind = {"RNN": "rnn_" + (n.attr("activations") or ["tanh"])[0].lower(), "GRU": "gru", "LSTM": "lstm"}[n.op]
    inputs = [x, n.b.concat(pieces + biases, 0), h] + ([c] if n.op == "LSTM" else [])
    out = n.b.op("RNN", *inputs, state_size=hidden, num_layers=1, mode=kind, bidirectional=directions == 2, state_outputs=True, p=0.0)
    y = n.b.op("Reshape", out[0], shape=(0, 0, directions, hidden)).transpose(0, 2, 1, 3)
    return [y, *out[1:]]


def _usual(n, weight, recurrent, lengths, peephole, names, directions):
    kinds = [list(map(str.lower, names[i * len(_USUAL[n.op]) : (i + 1) * len(_USUAL[n.op])])) for i in range(directions)]
    plain = [a.lower() for a in _USUAL[n.op]]
    if n.op == "RNN" and kinds[0] == ["relu"]:
        plain = ["relu"]
    return (
        all(k == plain for k in kinds) and lengths is None and peephole is None and not n.float("clip") and not n.int("input_forget", 0)
        and (n.op != "GRU" or n.int("linear_before_reset", 0)) and not n.has("activation_alpha") and weight.dtype in ("float32", "float64")
    )  # fmt: skip


def _state(n, x, value, directions, hidden):
    if value is not None:
        return value
    if x.shape[1] >= 0:
        return n.b.full((directions, x.shape[1], hidden), 0, x.dtype)
    one = x.slice(0, 0, 1).slice(2, 0, 1) * 0.0
    return n.b.op("broadcast_axis", one, axis=(0, 2), size=(directions, hidden))


@operator("RNN", "GRU", "LSTM")
def recurrent(n, x, weight, recurrent, bias=None, lengths=None, h=None, c=None, peephole=None):
    """All outputs (time, direction, batch, hidden), the last ones, and LSTM's cells."""
    b, way = n.b, n.choice("direction", "forward", "reverse", "bidirectional")
    directions, batch_first = 2 if way == "bidirectional" else 1, n.int("layout", 0)
    if x.ndim != 3 or weight.ndim != 3 or recurrent.ndim != 3 or recurrent.shape[0] != directions:
        raise OnnxError(f"weights: expected {directions} directions in three axes, got {weight.shape} and {recurrent.shape}")
    if batch_first:
        x = x.transpose(1, 0, 2)
        h, c = (None if v is None else v.transpose(1, 0, 2) for v in (h, c))
    hidden = recurrent.shape[2]
    h, c = _state(n, x, h, directions, hidden), _state(n, x, c, directions, hidden) if n.op == "LSTM" else None
    names = n.attr("activations") or _USUAL[n.op] * directions
    if way == "reverse":
        x = _reversed(b, x, lengths)
    if _usual(n, weight, recurrent, lengths, peephole, names, directions):
        outs = _fused(n, x, weight, recurrent, bias, h, c, directions)
    else:
        outs = _written(n, x, weight, recurrent, bias, lengths, h, c, peephole, names, directions)
    if way == "reverse":
        outs[0] = _reversed(b, outs[0], lengths)
    if batch_first:
        outs = [outs[0].transpose(2, 0, 1, 3), *[v.transpose(1, 0, 2) for v in outs[1:]]]
    return tuple(outs)


def _reversed(b, x, lengths):
    if lengths is None:
        return b.op("reverse", x, axis=(0,))
    if x.ndim == 4:
        turned = b.op("SequenceReverse", x.transpose(0, 2, 1, 3), lengths.cast("float32"), use_sequence_length=True)
        return turned.transpose(0, 2, 1, 3)
    return b.op("SequenceReverse", x, lengths.cast("float32"), use_sequence_length=True)


def _written(n, x, weight, recurrent, bias, lengths, h, c, peephole, names, directions):
    b, count, results = n.b, len(_USUAL[n.op]), []
    alphas, betas = list(n.attr("activation_alpha", [])), list(n.attr("activation_beta", []))
    functions = []
    for name in names:
        alpha = alphas.pop(0) if alphas and name.lower() in _ALPHA else None
        beta = betas.pop(0) if betas and name.lower() in _BETA else None
        functions.append(_activation(b, name, alpha, beta))
    for d in range(directions):
        layer = Layer(n, d, weight, recurrent, bias, peephole, functions[d * count : (d + 1) * count])
        own = [None if v is None else v.slice(0, d, d + 1).reshape(v.full_shape()[1:]) for v in (h, c)]
        y, *states = layer.run(_reversed(b, x, lengths) if d else x, *own, lengths)
        results.append([_reversed(b, y, lengths) if d else y, *[s for s in states if s is not None]])
    return [b.stack([r[0] for r in results], 1), *[b.stack([r[i] for r in results], 0) for i in range(1, len(results[0]))]]
