"""Runs a symbol in PyTorch: the same net, node by node, so that both sides of a benchmark compute the same thing."""

import graph as symbols
import torch
import torch.nn.functional as F


def _convolution(attrs, x, weight, bias=None):
    stride, pad, dilate = (symbols.values(attrs, key, default) for key, default in (("stride", (1, 1)), ("pad", (0, 0)), ("dilate", (1, 1))))
    return F.conv2d(x, weight, bias, stride, pad, dilate, int(attrs.get("num_group", 1)))


def _pooling(attrs, x):
    average = attrs.get("pool_type", "max") == "avg"
    if symbols.flag(attrs, "global_pool"):
        return x.mean((2, 3), keepdim=True) if average else x.amax((2, 3), keepdim=True)
    kernel, stride, pad = symbols.values(attrs, "kernel", None), symbols.values(attrs, "stride", (1, 1)), symbols.values(attrs, "pad", (0, 0))
    return (F.avg_pool2d if average else F.max_pool2d)(x, kernel, stride, pad, ceil_mode=attrs.get("pooling_convention", "valid") == "full")


def _lrn(attrs, x):
    number = symbols.number
    return F.local_response_norm(x, int(attrs["nsize"]), number(attrs, "alpha", 1e-4), number(attrs, "beta", 0.75), number(attrs, "knorm", 2))


ACTIVATIONS = {"relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
PLAIN = {
    "Convolution": _convolution,
    "Pooling": _pooling,
    "LRN": _lrn,
    "Activation": lambda attrs, x: ACTIVATIONS[attrs["act_type"]](x),
    "FullyConnected": lambda attrs, x, *rest: F.linear(x.flatten(1), *rest),
    "Flatten": lambda attrs, x: x.flatten(1),
    "Reshape": lambda attrs, x: x.reshape(symbols.values(attrs, "shape", None)),
    "Embedding": lambda attrs, x, weight: F.embedding(x, weight),
    "Concat": lambda attrs, *x: torch.cat(x, 1),
    "elemwise_add": lambda attrs, a, b: a + b,
    "_plus": lambda attrs, a, b: a + b,
    "SoftmaxOutput": lambda attrs, x, label: x,
}


class Net(torch.nn.Module):
    """A symbol with its parameters ({name: numpy array}) as a module; the loss's input is the output."""

    def __init__(self, graph, arguments, states):
        super().__init__()
        self.graph, self.names = graph, {}
        packed = {graph.nodes[node.inputs[1][0]].name for node in graph.nodes if node.op == "RNN"}
        for name, value in {**arguments, **states}.items():
            if name in packed:
                continue
            key = self.names[name] = name.replace(".", "_")
            tensor = torch.from_numpy(value.copy())
            if name in arguments:
                setattr(self, key, torch.nn.Parameter(tensor))
            else:
                self.register_buffer(key, tensor)
        for index, node in enumerate(graph.nodes):
            if node.op == "RNN":
                setattr(self, f"rnn{index}", self._lstm(node, arguments[graph.nodes[node.inputs[1][0]].name]))

    @staticmethod
    def _lstm(node, packed):
        """PyTorch's own module with the packed parameters; the order of the gates is the same."""
        hidden, layers = int(node.attrs["state_size"]), int(node.attrs["num_layers"])
        biases, later = 8 * hidden * layers, 8 * hidden * hidden * (layers - 1)
        inputs = (packed.size - biases - later) // (4 * hidden) - hidden
        places = symbols.rnn_sizes(node.attrs, inputs)[2]
        module = torch.nn.LSTM(inputs, hidden, layers)
        names = [f"{kind}_{part}_l{layer}" for kind in ("weight", "bias") for layer in range(layers) for part in ("ih", "hh")]
        with torch.no_grad():
            for name, (offset, shape) in zip(names, places):
                getattr(module, name).copy_(torch.from_numpy(packed[offset:][: torch.Size(shape).numel()]).view(shape))
        return module

    def forward(self, inputs):
        found = {}
        for i, node in enumerate(self.graph.nodes):
            if node.op == "null":
                found[i] = inputs.get(node.name) if node.name not in self.names else getattr(self, self.names[node.name])
            else:
                found[i] = self._run(i, node, [found[entry[0]] for entry in node.inputs])
        return found[len(self.graph.nodes) - 1]

    def _run(self, index, node, x):
        if node.op == "BatchNorm":
            data, gamma, beta, mean, var = x
            gamma = torch.ones_like(gamma) if symbols.flag(node.attrs, "fix_gamma", True) else gamma
            momentum = 1 - symbols.number(node.attrs, "momentum", 0.9)
            return F.batch_norm(data, mean, var, gamma, beta, self.training, momentum, symbols.number(node.attrs, "eps", 1e-3))
        if node.op == "Dropout":
            return F.dropout(x[0], symbols.number(node.attrs, "p", 0.5), self.training)
        if node.op == "RNN":
            return getattr(self, f"rnn{index}")(x[0], (x[2], x[3]))[0]
        if node.op not in PLAIN:
            raise ValueError(f"[torch_graph] {node.op}: no translation")
        return PLAIN[node.op](node.attrs, *x)
