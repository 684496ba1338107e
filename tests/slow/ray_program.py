"""What tests/slow/test_ray.py runs with a Python that has ray: prints one line of JSON."""

import json
import os
import pathlib
import sys

import mixnet as mx
import mixnet.ray
import numpy as np


def dies_once(context):
    """Worker 1 is killed in the first attempt, after worker 0 has written two checkpoints, the second of which is damaged."""
    prefix = context.checkpoint
    if context.attempt == 0 and context.rank == 0:
        mx.nd.save(prefix + "-0001.params", {"arg:w": mx.nd.ones((2,))})
        pathlib.Path(prefix + "-0002.params").write_bytes(b"damaged")
        pathlib.Path(prefix + "-written").touch()
    if context.attempt == 0 and context.rank == 1:
        while not pathlib.Path(prefix + "-written").exists():
            pass
        os.kill(os.getpid(), 9)
    while context.attempt == 0:
        pass
    return [context.rank, context.num_workers, context.attempt, context.epoch]


def fails(context):
    raise ValueError(f"rank {context.rank} does not want to")


def trains(context):
    """Sums of two workers on two servers; the first attempt ends with the death of worker 1 after step 3."""
    kv = mx.kv.create("dist_sync")
    prefix, begin = context.checkpoint, context.epoch
    weight = mx.nd.load(f"{prefix}-{begin:04d}.params")["w"] if begin else mx.nd.zeros((1000,))
    kv.init("w", weight)
    kv.set_optimizer(mx.optimizer.SGD(learning_rate=1.0, wd=0.0, rescale_grad=1.0))
    for step in range(begin + 1, 7):
        kv.push("w", mx.nd.ones((1000,)) * -(context.rank + 1) * step)
        kv.pull("w", out=weight)
        weight.wait_to_read()
        if kv.rank == 0:
            mx.nd.save(f"{prefix}-{step:04d}.params", {"w": weight})
        kv.barrier()
        if context.attempt == 0 and step == 3 and kv.rank == 1:
            os.kill(os.getpid(), 9)
    return [begin, np.unique(weight.asnumpy()).tolist()]


def main(what, prefix):
    if what == "dies_once":
        result = mixnet.ray.run(dies_once, 2, 0, restarts=1, checkpoint=prefix)
    elif what == "trains":
        result = mixnet.ray.run(trains, 2, 2, restarts=1, checkpoint=prefix)
    else:
        try:
            mixnet.ray.run(fails, 2, 0, restarts=1)
            result = "no error"
        except mx.MXNetError as error:
            result = str(error)
    print("result", json.dumps(result), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
