"""Runs a symbol in whatever MXNet is installed and keeps everything it computed. Imported by the scripts that run there."""

import json

import mxnet as mx
import numpy as np

INDICES = ("words",)  # inputs without a gradient


def values(name, shape, low=-0.5, high=0.5):
    """The same numbers for a name and a shape in every release."""
    seed = sum(ord(c) * (i + 1) for i, c in enumerate(name)) % 9973
    return np.random.RandomState(seed).uniform(low, high, shape).astype("float32")


def first_value(name, shape, inputs):
    if name in inputs:
        return inputs[name]
    return values(name, shape, 0.5, 1.5) if name.endswith(("var", "gamma")) else values(name, shape)


def now(array):
    """A copy of what an array holds: not left to the engine, which may take it after the next run of the executor."""
    return mx.nd.array(array.asnumpy(), dtype=array.dtype)


def bound(symbol, inputs):
    wanted = {name: "null" if name in INDICES else "write" for name in symbol.list_arguments()}
    executor = symbol.simple_bind(mx.cpu(), grad_req=wanted, **{name: value.shape for name, value in inputs.items()})
    for arrays in (executor.arg_dict, executor.aux_dict):
        for name, array in arrays.items():
            array[:] = first_value(name, array.shape, inputs)
    mx.nd.waitall()
    return executor


def record(symbol, stem, inputs, heads=True):
    """Writes STEM-symbol.json, STEM-0000.params and STEM-run.params: what the symbol makes of `inputs`.

    The run's keys: in:NAME, predict:I (outputs of prediction), out:I (of training), head:I (gradients of outputs; without them the outputs
    are losses), grad:NAME (of every argument), after:NAME (auxiliary states after the backward pass), and list of names in STEM-names.json.
    """
    executor = bound(symbol, inputs)
    run, parameters = {}, {}
    for kind, arrays in (("arg", executor.arg_dict), ("aux", executor.aux_dict)):
        for name, array in arrays.items():
            if name in inputs:
                run["in:" + name] = now(array)
            else:
                parameters[kind + ":" + name] = now(array)
    for i, output in enumerate(executor.forward(is_train=False)):
        run["predict:%d" % i] = now(output)
    executor = bound(symbol, inputs)
    outputs = executor.forward(is_train=True)
    for i, output in enumerate(outputs):
        run["out:%d" % i] = now(output)
        if heads:
            run["head:%d" % i] = mx.nd.array(values("head%d" % i, output.shape))
    executor.backward([run["head:%d" % i] for i in range(len(outputs))] if heads else None)
    for name, gradient in executor.grad_dict.items():
        if gradient is not None:
            run["grad:" + name] = now(gradient)
    for name, array in executor.aux_dict.items():
        run["after:" + name] = now(array)
    if parameters:
        mx.nd.save(stem + "-0000.params", parameters)
    mx.nd.save(stem + "-run.params", run)
    names(symbol, stem)


def names(symbol, stem):
    said = {"arguments": symbol.list_arguments(), "outputs": symbol.list_outputs(), "states": symbol.list_auxiliary_states()}
    said["attributes"] = symbol.attr_dict()
    with open(stem + "-names.json", "w") as file:
        json.dump(said, file, indent=1, sort_keys=True)
        file.write("\n")
