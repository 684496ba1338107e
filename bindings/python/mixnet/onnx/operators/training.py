"""Steps of optimizers (ai.onnx.preview.training): inputs are the rate, the step's number, then weights, gradients and states."""

from ..errors import OnnxError
from ..table import operator

_TRAINING = "ai.onnx.preview.training"


def _columns(tensors, kinds):
    if not tensors or len(tensors) % kinds:
        raise OnnxError(f"inputs: expected {kinds} for every weight, got {len(tensors)}")
    count = len(tensors) // kinds
    return zip(*[tensors[i * count : (i + 1) * count] for i in range(kinds)])


def _outputs(rows):
    return tuple(value for column in zip(*rows) for value in column)


@operator("Adagrad", domain=_TRAINING)
def adagrad(n, rate, step, *tensors):
    """Sums of squares."""
    rate = rate / (step.cast(rate.dtype) * n.float("decay_factor", 0.0) + 1.0)
    rows = []
    for x, g, h in _columns(tensors, 3):
        g = g + x * n.float("norm_coefficient", 0.0)
        h = h + g * g
        rows.append((x - rate * g / (h.unary("sqrt") + n.float("epsilon", 1e-6)), h))
    return _outputs(rows)


@operator("Momentum", domain=_TRAINING)
def momentum(n, rate, step, *tensors):
    """Plain or Nesterov's."""
    alpha, beta = n.float("alpha", 0.9), n.float("beta", 1.0)
    beta = beta if step.item("the step") > 0 else 1.0
    nesterov = n.choice("mode", "standard", "nesterov") == "nesterov"
    rows = []
    for x, g, v in _columns(tensors, 3):
        g = g + x * n.float("norm_coefficient", 0.0)
        v = v * alpha + g * beta
        rows.append((x - rate * (g + v * alpha if nesterov else v), v))
    return _outputs(rows)


@operator("Adam", domain=_TRAINING)
def adam(n, rate, step, *tensors):
    """With corrected moments."""
    alpha, beta, count = n.float("alpha", 0.9), n.float("beta", 0.999), step.item("the step")
    if count > 0:
        rate = rate * ((1 - beta**count) ** 0.5 / (1 - alpha**count))
    rows = []
    for x, g, v, h in _columns(tensors, 4):
        g = g + x * n.float("norm_coefficient", 0.0)
        v, h = v * alpha + g * (1 - alpha), h * beta + g * g * (1 - beta)
        x = x - rate * v / (h.unary("sqrt") + n.float("epsilon", 1e-6))
        rows.append((x * (1 - n.float("norm_coefficient_post", 0.0)), v, h))
    return _outputs(rows)
