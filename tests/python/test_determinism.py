"""The same training in two processes gives the same bits."""

import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = """
import sys, zlib
sys.path.insert(0, {benchmarks!r})
import mixnet as mx, nets, numpy as np
mx.random.seed(4)
random = np.random.RandomState(2)
data = mx.io.NDArrayIter(random.randn(12, 3, 64, 64), random.randint(0, 1000, 12), batch_size=4)
module = mx.mod.Module(nets.ALL[{net!r}].make(), context=mx.cpu())
module.bind(data.provide_data, data.provide_label)
module.init_params(mx.init.Xavier())
module.init_optimizer(optimizer_params=dict(learning_rate=0.01, momentum=0.9))
for batch in data:
    module.forward_backward(batch)
    module.update()
arguments, states = module.get_params()
print([zlib.crc32(values[k].asnumpy().tobytes()) for values in (arguments, states) for k in sorted(values)])
"""


def bits(net, **environment):
    program = PROGRAM.format(net=net, benchmarks=str(pathlib.Path(__file__).parents[2] / "benchmarks"))
    return subprocess.run([sys.executable, "-c", program], env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=300).stdout


@pytest.mark.parametrize("net", ["GoogLeNet", "ResNet-50"])
def test_training_gives_the_same_bits(net):
    first = bits(net)
    assert first == bits(net)
    assert first == bits(net, MIXNET_ENGINE="naive")
