"""What lets a store's traffic hide behind the computation: large nets take and release arrays layer by layer.

In processes of their own: the naive engine, under which tests run too, does one thing after the other.
"""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading
import numpy as np
import mixnet as mx

layers, width, patience = 16, 300, 60
net = mx.sym.Variable("data")
for layer in range(layers):
    net = mx.sym.FullyConnected(net, num_hidden=width, name=f"fc{layer}")
executor = mx.sym.MakeLoss(net).simple_bind(mx.cpu(), data=(2, width))
for array in executor.arg_dict.values():
    array[:] = 0.01
executor.forward(is_train=True)
executor.backward()
mx.nd.waitall()


class Held:
    "Arrays that are busy until the end of the block."

    def __init__(self, **arrays):
        self.end, self.expired = threading.Event(), False
        mx.engine.push(self.wait, **arrays)

    def wait(self):
        self.expired = not self.end.wait(patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert not self.expired
        self.end.set()
        mx.nd.waitall()


for layer in 1, 5, 8, 15:
"""

BACKWARD = """
    with Held(reads=[executor.grad_dict[f"fc{layer - 1}_weight"]]):
        executor.forward(is_train=True)
        executor.backward()
        executor.grad_dict[f"fc{layer}_weight"].wait_to_read()
"""

FORWARD = """
    first = executor.arg_dict["fc0_weight"]
    with Held(writes=[executor.arg_dict[f"fc{layer}_weight"]]):
        executor.forward(is_train=True)
        first[:] = 0.01  # when the first layer has read it
        first.wait_to_read()
    assert np.isfinite(executor.outputs[0].asnumpy()).all()
"""


@pytest.mark.parametrize("body", [BACKWARD, FORWARD], ids=["gradients", "weights"])
def test_layers_do_not_wait_for_each_other(body):
    done = subprocess.run([sys.executable, "-c", PROGRAM + body], env={**os.environ, "MIXNET_ENGINE": "threaded"}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
