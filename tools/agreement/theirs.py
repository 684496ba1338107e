"""Runs under Apache MXNet 1.9.1: computes cases. Arguments: a file of cases, a file for the results, the number of the case to begin with.

A result is written as soon as it is there, so that what ends this process (MXNet's asynchronous errors do) costs one case only.
"""

import ctypes
import pickle
import sys

import mxnet as mx
import numpy as np
from mxnet._ctypes.ndarray import _imperative_invoke
from mxnet.base import _LIB, MXNetError, check_call


def handle(name):
    found = ctypes.c_void_p()
    check_call(_LIB.NNGetOpHandle(name.encode(), ctypes.byref(found)))
    return found.value


def array(packed):
    shape, dtype, data = packed
    return mx.nd.array(np.frombuffer(data, dtype).reshape(shape), dtype=dtype)


def packed(array):
    value = np.ascontiguousarray(array.asnumpy())
    return value.shape, str(value.dtype), value.tobytes()


def run(case):
    """{"outputs", "inputs" afterwards, "gradients" {input: value} or why there are none}."""
    mx.random.seed(case["seed"])
    inputs = [array(value) for value in case["inputs"]]
    keys, values = list(case["parameters"]), [str(v) for v in case["parameters"].values()]
    for i in case["wanted"]:
        inputs[i].attach_grad()
    with mx.autograd.record(train_mode=case["training"]) if case["wanted"] else mx.autograd.pause(train_mode=case["training"]):
        targets = [inputs[i] for i in case["targets"]] or None
        outputs = _imperative_invoke(handle(case["op"]), inputs, keys, values, targets, False, True)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    result = {"outputs": [packed(o) for o in outputs], "inputs": [packed(i) for i in inputs], "gradients": {}}
    if case["wanted"]:
        heads = [mx.nd.array(np.random.RandomState(7 + i).uniform(0.5, 1.5, o.shape), dtype=o.dtype) for i, o in enumerate(outputs)]
        try:
            mx.autograd.backward(outputs, heads)
            result["gradients"] = {i: packed(inputs[i].grad) for i in case["wanted"]}
        except MXNetError as error:
            result["no gradient"] = str(error).splitlines()[-1]
    return result


def main(source, target, first):
    with open(source, "rb") as file:
        cases = pickle.load(file)
    with open(target, "ab") as file:
        for number in range(first, len(cases)):
            try:
                result = run(cases[number])
            except (MXNetError, ValueError, TypeError) as error:
                lines = [line for line in str(error).splitlines() if line.strip()] or ["no message"]
                result = {"error": lines[-1][:200]}
            pickle.dump(result, file, protocol=4)
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
