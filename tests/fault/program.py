"""A worker that trains a linear model by dist_sync, made so that the weights after every step are known exactly.

The loss of a sample x is the sum of x w, so its gradient is x, whole numbers from rank and step; the learning rate is a power of two: sums
are exact in float32. What it does next is said on standard output (`phase NAME STEP`), and at the phase in FAULT_HOLD (`NAME` or
`NAME STEP`) it waits for a line of input first. The last line is `result {...}`: whether all weights were the reference, or the error.

FAULT_STEPS: how many; FAULT_FOLDER: for checkpoints; FAULT_TYPE: the store's.
"""

import json
import os
import sys
import time

import mixnet as mx
import numpy as np

STEPS = int(os.environ.get("FAULT_STEPS", "4"))
SIZES = {"large": 100_000, "row": 64, "one": 1}
RATE = 0.125


def sample(name, rank, step):
    """Inputs of one step: whole numbers that tell ranks and steps apart."""
    return (np.arange(SIZES[name]) % 13 + 5 * rank + step).astype("float32")


def reference(name, steps, ranks):
    """The weights after so many steps of so many workers."""
    total = sum((sample(name, rank, step) for step in range(1, steps + 1) for rank in range(ranks)), np.zeros(SIZES[name], "float32"))
    return np.ones(SIZES[name], "float32") - np.float32(RATE) * total


def phase(name, step=0):
    print("phase", name, step, flush=True)
    if os.environ.get("FAULT_HOLD") in (name, f"{name} {step}"):
        sys.stdin.readline()


def gradient(name, weight, rank, step):
    """By autograd, as a training program has it."""
    weight.attach_grad()
    with mx.autograd.record():
        loss = mx.nd.sum(weight * mx.nd.array(sample(name, rank, step)))
    loss.backward()
    return weight.grad


def checkpoint(kv):
    """Has the servers write what they hold; where the disk is known to be full, that may fail and training goes on."""
    try:
        kv.save_servers(os.path.join(os.environ["FAULT_FOLDER"], "state"))
    except mx.MXNetError as error:
        if not os.environ.get("FAULT_DISK"):
            raise
        print("checkpoint failed", error, flush=True)


def train():
    """None, or what was wrong about the weights."""
    phase("rendezvous")
    kv = mx.kv.create(os.environ.get("FAULT_TYPE", "dist_sync"))
    names = list(SIZES)
    weights = [mx.nd.ones((SIZES[name],)) for name in names]
    phase("init")
    kv.init(names, weights)
    kv.set_optimizer(mx.optimizer.SGD(learning_rate=RATE, wd=0.0, rescale_grad=1.0))
    for step in range(1, STEPS + 1):
        gradients = [gradient(name, weight, kv.rank, step) for name, weight in zip(names, weights)]
        phase("push", step)
        kv.push(names, gradients)
        phase("pull", step)
        kv.pull(names, out=weights)
        for name, weight in zip(names, weights):
            expected, got = reference(name, step, kv.num_workers), weight.asnumpy()
            if not os.environ.get("FAULT_ELASTIC") and not np.array_equal(expected, got):
                return f"{name} after step {step}: expected {expected[:3]}, got {got[:3]}"
        phase("barrier", step)
        kv.barrier()
        phase("checkpoint", step)
        if kv.rank == 0:
            checkpoint(kv)
    phase("end")
    return check_elastic(names, weights) if os.environ.get("FAULT_ELASTIC") and kv.rank == 0 else None


def check_elastic(names, weights):
    """Rank 0 was there all the time: all of its steps count, and some of the others'."""
    for name, weight in zip(names, weights):
        got, least, most = weight.asnumpy(), reference(name, STEPS, 1), reference(name, STEPS, 2)
        if not (got <= least).all() or not (got >= most).all():
            return f"{name}: expected between {most[:3]} and {least[:3]}, got {got[:3]}"
    return None


def main():
    begin = time.monotonic()
    try:
        wrong = train()
        result, code = ({"wrong": wrong}, 4) if wrong else ({"weights": "reference"}, 0)
    except mx.MXNetError as error:
        result, code = {"error": str(error), "code": error.code}, 3
    result["seconds"] = round(time.monotonic() - begin, 2)
    print("result", json.dumps(result), flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
