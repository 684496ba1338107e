"""The same cases here."""

import numpy as np

import mixnet as mx
from mixnet.ndarray import gen_op
from mixnet.ndarray.ndarray import invoke


def array(packed):
    shape, dtype, data = packed
    return mx.nd.array(np.frombuffer(data, dtype).reshape(shape), dtype=dtype)


def run(case):
    """What theirs.run gives, as NumPy arrays; an operator's error is raised."""
    mx.random.seed(case["seed"])
    inputs = [array(value) for value in case["inputs"]]
    for i in case["wanted"]:
        inputs[i].attach_grad()
    op = getattr(gen_op, case["name"] + "_op")
    with mx.autograd.record(train_mode=case["training"]) if case["wanted"] else mx.autograd.pause(train_mode=case["training"]):
        targets = [inputs[i] for i in case["targets"]] or None
        outputs = invoke(op, inputs, {key: str(value) for key, value in case["parameters"].items()}, targets)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    result = {"outputs": [o.asnumpy() for o in outputs], "inputs": [i.asnumpy() for i in inputs], "gradients": {}}
    if case["wanted"]:
        heads = [mx.nd.array(np.random.RandomState(7 + i).uniform(0.5, 1.5, o.shape), dtype=o.dtype) for i, o in enumerate(outputs)]
        mx.autograd.backward(outputs, heads)
        result["gradients"] = {i: inputs[i].grad.asnumpy() for i in case["wanted"]}
    return result
