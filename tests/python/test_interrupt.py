"""Ctrl-C during training: KeyboardInterrupt at once, and the parameters are those of the last whole step."""

import signal
import subprocess
import sys
import time

PROGRAM = """
import mixnet as mx
import numpy as np

data = mx.io.NDArrayIter(np.random.rand(20000, 256).astype("float32"), np.zeros(20000), 100)
net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=256)
net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=10), name="softmax")
module = mx.mod.Module(net)


def tell(param):
    if param.nbatch == 3:
        print("training", flush=True)


try:
    module.fit(data, num_epoch=1000, batch_end_callback=tell)
except KeyboardInterrupt:
    arguments, _ = module.get_params()
    module.save_checkpoint("stopped", 1)
    again = mx.mod.Module.load("stopped", 1)
    again.fit(mx.io.NDArrayIter(np.zeros((200, 256)), np.zeros(200), 100), num_epoch=1)
    print("stopped", all(np.isfinite(value.asnumpy()).all() for value in arguments.values()))
"""


def test_training_stops_at_once(tmp_path):
    # Who runs the tests in the background may have SIGINT ignored, which children inherit.
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    training = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **heed)
    try:
        assert training.stdout.readline() == "training\n"
        begin = time.monotonic()
        training.send_signal(signal.SIGINT)
        said, complaint = training.communicate(timeout=20)
        assert time.monotonic() - begin < 5
        assert (training.returncode, said.splitlines()[-1]) == (0, "stopped True"), complaint
    finally:
        training.kill()
