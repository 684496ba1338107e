"""Random convolutional nets as the passes, layouts and folded weights make them, against the same nets run operator by operator.

Prediction before and after parameters change, outputs, gradients and states of training.
"""

import random

import numpy as np
import pytest

import mixnet as mx

PLAIN = dict.fromkeys(("MIXNET_FUSION", "MIXNET_FOLD", "MIXNET_LAYOUTS", "MIXNET_CANCEL", "MIXNET_MERGE"), "0")


class RandomNet:
    """A graph that grows from one of its last values at a time. values: (symbol, channels, extent)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        channels, extent = self.random.choice([1, 3, 8, 16, 20]), self.random.choice([9, 12, 16])
        self.shape = (self.random.choice([1, 2, 5]), channels, extent, extent)
        self.values = [(mx.sym.Variable("data"), channels, extent)]
        steps = [self.layer, self.layer, self.layer, self.combine, self.combine, self.join, self.pool, self.turn, self.scale, self.normalise, self.flatten]
        for _ in range(self.random.randint(3, 12)):
            self.random.choice(steps)(*self.random.choice(self.values[-3:]))
        head = mx.sym.FullyConnected(self.values[-1][0], num_hidden=self.random.choice([5, 40]))
        inner = self.random.choice(self.values)[0] * 1.0
        self.symbol = mx.sym.Group([head, inner]) if self.random.random() < 0.4 else head

    def layer(self, value, _channels, extent):
        """A convolution, perhaps normalised, perhaps activated."""
        filters, kernel, stride = (self.random.choice(choice) for choice in ([4, 8, 16, 20, 32], [1, 3], [1, 1, 2]))
        pad = kernel // 2
        value = mx.sym.Convolution(
            value, kernel=(kernel, kernel), pad=(pad, pad), stride=(stride, stride), num_filter=filters, no_bias=self.random.random() < 0.5
        )
        extent = (extent + 2 * pad - kernel) // stride + 1
        self.values.append((value, filters, extent))
        if self.random.random() < 0.6:
            value = mx.sym.BatchNorm(value, fix_gamma=self.random.random() < 0.3)
            self.values.append((value, filters, extent))
        if self.random.random() < 0.6:
            self.values.append((mx.sym.Activation(value, act_type=self.random.choice(["relu", "tanh", "sigmoid"])), filters, extent))

    def combine(self, value, channels, extent):
        other = self.random.choice([v for v in self.values if v[1:] == (channels, extent)])[0]
        self.values.append((self.random.choice([value + other, value * other, mx.sym.maximum(value, other)]), channels, extent))

    def join(self, _value, _channels, extent):
        parts = [v for v in self.values if v[2] == extent][:3]
        self.values.append((mx.sym.Concat(*[part[0] for part in parts], dim=1), sum(part[1] for part in parts), extent))

    def pool(self, value, channels, extent):
        if extent > 3:
            pooled = mx.sym.Pooling(value, kernel=(2, 2), stride=(2, 2), pool_type=self.random.choice(["max", "avg"]))
            self.values.append((pooled, channels, extent // 2))

    def turn(self, value, channels, extent):
        there = mx.sym.transpose(value, axes=(0, 2, 3, 1))
        self.values.append((mx.sym.transpose(there, axes=(0, 3, 1, 2)), channels, extent))

    def scale(self, value, channels, extent):
        scaled = value * self.random.choice([1.0, 2.0]) + self.random.choice([0.0, 1.0])
        self.values.append((mx.sym.clip(scaled, a_min=-3, a_max=3), channels, extent))

    def normalise(self, value, channels, extent):
        self.values.append((mx.sym.BatchNorm(value, fix_gamma=False), channels, extent))

    def flatten(self, value, channels, extent):
        flat = mx.sym.Reshape(value, shape=(0, -1))
        self.values.append((mx.sym.Reshape(flat, shape=(-1, channels, extent, extent)), channels, extent))


def run(net, seed):
    """{what: [arrays]} of a prediction, two training steps, and a prediction with other parameters."""
    executor = net.symbol.simple_bind(mx.cpu(), grad_req="write", data=net.shape)
    numbers = np.random.RandomState(seed)
    for name, array in executor.arg_dict.items():
        scale = (2 / max(1, np.prod(array.shape[1:]))) ** 0.5 if name.endswith("weight") else 1
        array[:] = scale * numbers.randn(*array.shape)
    for array in executor.aux_dict.values():
        array[:] = numbers.rand(*array.shape) + 0.5
    found = {"prediction": [out.asnumpy() for out in executor.forward(is_train=False)]}
    for _ in range(2):
        executor.forward(is_train=True)
        executor.backward([mx.nd.array(np.random.RandomState(7).randn(*out.shape)) for out in executor.outputs])
    found["outputs"] = [out.asnumpy() for out in executor.outputs]
    found["gradients"] = [a.asnumpy() for a in executor.grad_arrays]
    found["states"] = [a.asnumpy() for a in executor.aux_arrays]
    for array in executor.arg_arrays[-3:]:
        array[:] = 1.3 * array + 0.01
    found["next prediction"] = [out.asnumpy() for out in executor.forward(is_train=False)]
    return found


@pytest.mark.parametrize("seed", [*range(60), 89, 367, 462])
def test_random_nets(seed, monkeypatch):
    net = RandomNet(seed)
    found = run(net, seed)
    for name, value in PLAIN.items():
        monkeypatch.setenv(name, value)
    want = run(net, seed)
    # A gradient that is zero but for rounding is as exact as what it was added up from.
    floor = {"gradients": 1e-2 * max(abs(a).max() for a in want["gradients"])}
    for what, arrays in want.items():
        for i, (a, b) in enumerate(zip(found[what], arrays)):
            tolerance = (2e-3 if what == "gradients" else 3e-4) * max(floor.get(what, 1e-2), abs(b).max())
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance, err_msg=f"{what} {i}")
