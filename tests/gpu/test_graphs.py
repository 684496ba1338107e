"""Graphs of GPUs from Python: training in every setting ends with the same bits, and the profiler counts what was captured and launched.

Run as test_gpu.py is, on emulated GPUs or real ones.
"""

import json
import os
import subprocess
import sys


PROGRAM = """
import hashlib
import json

import numpy as np

import mixnet as mx

digest = hashlib.sha256()
rng = np.random.RandomState(1)
mx.random.seed(3)
mx.profiler.set_config(profile_all=True)
mx.profiler.set_state("run")


def module():
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
    net = mx.sym.Activation(mx.sym.BatchNorm(net, name="bn"), act_type="tanh")
    net = mx.sym.Dropout(mx.sym.FullyConnected(net, num_hidden=8, name="fc1"), p=0.4)
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.exp(net), num_hidden=4, name="fc2"), name="softmax")
    iterator = mx.io.NDArrayIter(rng.randn(24, 1, 8, 8), rng.randint(0, 4, 24), batch_size=8)
    trained = mx.mod.Module(net, context=mx.gpu())
    trained.bind(iterator.provide_data, iterator.provide_label)
    trained.init_params(mx.init.Xavier())
    trained.init_optimizer(optimizer="adam")
    for _ in range(3):
        iterator.reset()
        for batch in iterator:
            trained.forward_backward(batch)
            trained.update()
    for part in trained.get_params():
        for name in sorted(part):
            digest.update(part[name].asnumpy().tobytes())


def replayed():
    weights = [mx.nd.array(rng.randn(*shape) / 3, ctx=mx.gpu()) for shape in ((6, 8), (8, 3))]
    for weight in weights:
        weight.attach_grad()

    @mx.jit
    def loss_of(x):
        hidden = mx.nd.Dropout(mx.nd.tanh(mx.nd.dot(mx.nd.exp(mx.nd.tanh(x)), weights[0])), p=0.3)
        return mx.nd.square(mx.nd.sin(mx.nd.dot(hidden, weights[1]))).sum()

    for step in range(10):
        x = mx.nd.array(rng.randn(4 + step // 9, 6), ctx=mx.gpu())
        with mx.autograd.record():
            loss = loss_of(x)
        loss.backward()
        for weight in weights:
            mx.nd.sgd_update(weight, weight.grad, lr=0.1 / (1 + step), out=weight)
        digest.update(loss.asnumpy().tobytes())
    for weight in weights:
        digest.update(weight.asnumpy().tobytes())


module()
replayed()
mx.nd.waitall()
mx.profiler.set_state("stop")
sums = json.loads(mx.profiler.dumps(format="json"))["Counter"]
counted = {name: int(sum["Max"]) for group in sums.values() for name, sum in group.items() if name.startswith("graphs")}
print(json.dumps({"digest": digest.hexdigest(), "counted": counted}))
"""


def run(**settings):
    env = {name: value for name, value in os.environ.items() if name not in ("MIXNET_ENGINE", "MIXNET_GPU_SYNC", "MIXNET_GPU_GRAPHS")}
    result = subprocess.run([sys.executable, "-c", PROGRAM], env={**env, **settings}, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_training_ends_with_the_same_bits_in_every_setting():
    captured = run()
    assert captured["counted"]["graphs captured"] >= 3
    assert captured["counted"]["graphs launched"] > captured["counted"]["graphs captured"]
    for settings in ({"MIXNET_GPU_GRAPHS": "0"}, {"MIXNET_GPU_SYNC": "1"}, {"MIXNET_ENGINE": "naive"}):
        plain = run(**settings)
        assert plain["counted"] == {}, settings
        assert plain["digest"] == captured["digest"], settings
    alone = run(MIXNET_GPU_BRANCHES="1")
    assert alone["counted"]["graphs captured"] >= 3
    assert alone["digest"] == captured["digest"]
    assert run(MIXNET_BACKWARD_DO_MIRROR="1")["digest"] == captured["digest"]
