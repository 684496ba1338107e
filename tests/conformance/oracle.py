"""Runs in an environment with MXNet 1.9.1: computes what make.py asks for. Arguments: a pickle of jobs, where to write the results."""

import pickle
import sys

import mxnet as mx
import numpy as np

# numpy 2 pickles its arrays under a name that numpy 1 does not have.
sys.modules.setdefault("numpy._core", np.core)
sys.modules.setdefault("numpy._core.multiarray", np.core.multiarray)
sys.modules.setdefault("numpy._core.numeric", np.core.numeric)


def function(name):
    """An operator of MXNet, wherever it keeps it."""
    for place, stem in ((mx.nd, name), (mx.nd._internal, name), (mx.nd.linalg, name[8:]), (mx.nd.image, name[7:]), (mx.nd.contrib, name[9:])):
        if stem and hasattr(place, stem):
            return getattr(place, stem)
    raise SystemExit(f"MXNet has no {name}")


def operator(case):
    """{"outputs", "headgrads", "grads"} of an operator's case."""
    inputs = {name: mx.nd.array(value, dtype=value.dtype) for name, value in case["inputs"].items()}
    for name in case["grads"]:
        inputs[name].attach_grad()
    with mx.autograd.record(train_mode=bool(case["train"])) if case["grads"] else mx.autograd.pause(train_mode=bool(case["train"])):
        positional = list(inputs) if list(inputs)[0].isdigit() else []
        named = {name: value for name, value in inputs.items() if name not in positional}
        outputs = function(case["op"])(*[inputs[name] for name in positional], **named, **case["parameters"])
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    result = {"outputs": [o.asnumpy() for o in outputs], "headgrads": [], "grads": {}}
    if case["grads"]:
        if not case["loss"]:
            random = np.random.RandomState(len(case["name"]))
            result["headgrads"] = [random.uniform(-1, 1, o.shape).astype(o.dtype) for o in result["outputs"]]
        mx.autograd.backward(outputs, [mx.nd.array(h, dtype=h.dtype) for h in result["headgrads"]] or None)
        result["grads"] = {name: inputs[name].grad.asnumpy() for name in case["grads"]}
    return result


def bound(case, **kwargs):
    """A module with the case's symbol and parameters."""
    loaded = mx.nd.load(case["params"])
    groups = {kind: {name[4:]: value for name, value in loaded.items() if name.startswith(kind)} for kind in ("arg:", "aux:")}
    symbol, data = mx.sym.load(case["symbol"]), case["inputs"]["data"]
    labels = [name for name in symbol.list_arguments() if name.endswith("label")]
    module = mx.mod.Module(symbol, ["data"], labels)
    shapes = [[mx.io.DataDesc("data", data.shape)], [mx.io.DataDesc(name, data.shape[:1]) for name in labels] or None]
    module.bind(*shapes, **kwargs)
    module.init_params(None, groups["arg:"], groups["aux:"])
    return module


def batch(case, rows=slice(None)):
    label = [mx.nd.array(case["label"][rows])] if "label" in case else []
    return mx.io.DataBatch([mx.nd.array(case["data"][rows])], label)


def model(case):
    """Outputs of a trained net."""
    module = bound(case, for_training=False)
    module.forward(mx.io.DataBatch([mx.nd.array(case["inputs"]["data"])]), is_train=False)
    return {"outputs": [o.asnumpy() for o in module.get_outputs()]}


def training(case):
    """Loss of every step and the parameters at the end."""
    size = case["batch"]
    case["inputs"] = {"data": case["data"][:size]}
    module = bound(case, for_training=True)
    module.init_optimizer(None, case["optimizer"], dict(case["options"]))
    losses = []
    for step in range(case["steps"]):
        first = step * size % len(case["data"])
        rows = slice(first, first + size)
        module.forward_backward(batch(case, rows))
        probability = module.get_outputs()[0].asnumpy().astype("float64")
        losses.append(-np.log(probability[np.arange(size), case["label"][rows].astype(int)]).mean())
        module.update()
    args, states = module.get_params()
    return {"losses": losses, "final": {name: value.asnumpy() for name, value in [*args.items(), *states.items()]}}


def main():
    with open(sys.argv[1], "rb") as file:
        jobs = pickle.load(file)
    kinds = {"operator": operator, "model": model, "training": training}
    with open(sys.argv[2], "wb") as file:
        pickle.dump([kinds[kind](case) for kind, case in jobs], file, protocol=4)


if __name__ == "__main__":
    main()
