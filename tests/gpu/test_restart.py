"""A program that is killed while it trains on a GPU, and started again from its last checkpoint."""

import os
import pathlib
import signal
import subprocess
import sys

import numpy as np

import mixnet as mx

PROGRAM = """
import sys

import numpy as np

import mixnet as mx

prefix, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(3, 3), num_filter=4, name="conv")
net = mx.sym.Activation(mx.sym.BatchNorm(net, name="bn"), act_type="relu")
net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=4, name="fc"), name="softmax")
random = np.random.RandomState(1)
images = mx.io.NDArrayIter(random.randn(64, 1, 10, 10).astype("float32"), random.randint(0, 4, 64).astype("float32"), batch_size=8)
module = mx.mod.Module(net, context=mx.gpu())
mx.random.seed(3)
arguments = states = None
if first:
    _, arguments, states = mx.model.load_checkpoint(prefix, first)


def told(epoch, *_):
    print("epoch", epoch + 1, flush=True)


module.fit(
    images, num_epoch=last, begin_epoch=first, arg_params=arguments, aux_params=states, initializer=mx.init.Xavier(),
    optimizer_params={"learning_rate": 0.05}, epoch_end_callback=[mx.callback.do_checkpoint(prefix), told],
)
"""
EPOCHS = 6


def start(folder, first, last):
    program = pathlib.Path(folder) / "train.py"
    program.write_text(PROGRAM)
    return subprocess.Popen([sys.executable, program, str(folder / "net"), str(first), str(last)], env=dict(os.environ), stdout=subprocess.PIPE, text=True)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert start(whole, 0, EPOCHS).wait(timeout=300) == 0
    victim = start(killed, 0, 10000)
    for line in victim.stdout:
        if line == "epoch 2\n":
            break
    victim.send_signal(signal.SIGKILL)
    assert victim.wait(timeout=60) == -signal.SIGKILL
    assert start(killed, 2, EPOCHS).wait(timeout=300) == 0
    _, *want = mx.model.load_checkpoint(str(whole / "net"), EPOCHS)
    _, *got = mx.model.load_checkpoint(str(killed / "net"), EPOCHS)
    for expected, values in zip(want, got):
        assert expected.keys() == values.keys()
        for name, value in expected.items():
            np.testing.assert_array_equal(values[name].asnumpy(), value.asnumpy(), err_msg=name)
