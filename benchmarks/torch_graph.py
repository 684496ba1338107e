"""Runs a symbol in PyTorch: the same net, node by node, so that both sides of a benchmark compute the same thing."""

import ast
import json

import torch
import torch.nn.functional as F


def _tuple(attrs, key, default):
    return tuple(ast.literal_eval(attrs.get(key) or "()")) or default


def _flag(attrs, key):
    return attrs.get(key, "False") in ("True", "1")


def _pad(attrs):
    return _tuple(attrs, "pad", (0, 0))


def _convolution(attrs, x, weight, bias=None):
    return F.conv2d(x, weight, bias, _tuple(attrs, "stride", (1, 1)), _pad(attrs), _tuple(attrs, "dilate", (1, 1)), int(attrs.get("num_group", 1)))


def _pooling(attrs, x):
    if _flag(attrs, "global_pool"):
        return x.mean((2, 3), keepdim=True) if attrs["pool_type"] == "avg" else x.amax((2, 3), keepdim=True)
    kernel, stride = _tuple(attrs, "kernel", None), _tuple(attrs, "stride", (1, 1))
    full = attrs.get("pooling_convention", "valid") == "full"
    if attrs.get("pool_type", "max") == "avg":
        return F.avg_pool2d(x, kernel, stride, _pad(attrs), ceil_mode=full)
    return F.max_pool2d(x, kernel, stride, _pad(attrs), ceil_mode=full)


def _batch_norm(attrs, x, gamma, beta, mean, var, training):
    momentum = 1 - float(attrs.get("momentum", 0.9))
    return F.batch_norm(x, mean, var, gamma, beta, training, momentum, float(attrs.get("eps", 1e-3)))


def _lrn(attrs, x):
    return F.local_response_norm(x, int(attrs["nsize"]), float(attrs.get("alpha", 1e-4)), float(attrs.get("beta", 0.75)), float(attrs.get("knorm", 2)))


ACTIVATIONS = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


class Net(torch.nn.Module):
    """A symbol with its parameters ({name: numpy array}) as a module; the loss's input is the output."""

    def __init__(self, symbol, arguments, states):
        super().__init__()
        graph = json.loads(symbol.tojson())
        self.nodes = [(n["op"], n["name"], n.get("attrs") or {}, n["inputs"]) for n in graph["nodes"]]
        self.names = {}
        for name, value in {**arguments, **states}.items():
            key = self.names[name] = name.replace(".", "_")
            tensor = torch.from_numpy(value.copy())
            if name in arguments:
                setattr(self, key, torch.nn.Parameter(tensor))
            else:
                self.register_buffer(key, tensor)

    def forward(self, data):
        values = {}
        for i, (op, name, attrs, inputs) in enumerate(self.nodes):
            if op == "null":
                values[i] = data if name == "data" else getattr(self, self.names[name]) if name in self.names else None
                continue
            values[i] = self.run(op, attrs, [values[entry[0]] for entry in inputs])
        return values[len(self.nodes) - 1]

    def run(self, op, attrs, x):
        if op == "Convolution":
            return _convolution(attrs, *x)
        if op == "Activation":
            return ACTIVATIONS[attrs["act_type"]](x[0])
        if op == "BatchNorm":
            return _batch_norm(attrs, *x, self.training)
        if op == "Pooling":
            return _pooling(attrs, x[0])
        if op == "FullyConnected":
            return F.linear(x[0].flatten(1), *x[1:])
        if op == "Dropout":
            return F.dropout(x[0], float(attrs.get("p", 0.5)), self.training)
        if op == "LRN":
            return _lrn(attrs, x[0])
        plain = {
            "Flatten": lambda a: a.flatten(1),
            "Concat": lambda *a: torch.cat(a, 1),
            "elemwise_add": torch.add,
            "_plus": torch.add,
            "SoftmaxOutput": lambda a, _: a,
        }
        if op not in plain:
            raise ValueError(f"[torch_graph] {op}: no translation")
        return plain[op](*x)
