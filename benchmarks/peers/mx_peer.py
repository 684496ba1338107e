"""mixnet or Apache MXNet as a side of a benchmark: python mx_peer.py mixnet|mxnet. The API is the same, and so is this file."""

import importlib
import re
import sys

import block_calls
import operator_calls
import worker

mx = importlib.import_module(sys.argv[1])
ARRAYS = operator_calls.Arrays(mx)  # none is made before it is asked for


def exact_loss(symbol):
    """The net with its loss in float32: 16 bits do not hold every label."""
    return mx.sym.SoftmaxOutput(mx.sym.Cast(symbol.get_children()[0], dtype="float32"), name=symbol.name)


def place(device):
    return mx.gpu() if device == "gpu" else mx.cpu()


class Case:
    """An executor. With options["update"] == "fused", update is one operator for all parameters, otherwise one for each; options["groups"]: groups of
    nodes, each on a context of its own."""

    def __init__(self, spec):
        ours = mx.__name__ == "mixnet"
        spec.only(*(("float32", "bfloat16", "float16", "int8") if ours else ("float32",)))
        symbol = mx.sym.load(spec.symbol)
        if spec.dtype == "int8":
            symbol = self.quantised(symbol, spec)
        types = {n: str(v.dtype) for n, v in {**spec.arguments, **spec.inputs}.items()}
        if spec.dtype not in ("float32", "int8"):
            symbol, types = exact_loss(symbol), {"data": spec.dtype, "softmax_label": "float32"}
        self.mode, self.lr, self.fused = spec.mode, spec.lr, spec.options.get("update") == "fused"
        self.names = [n for n in symbol.list_arguments() if n in spec.arguments]
        requests = {n: "null" if spec.mode == "predict" or n not in spec.arguments else "write" for n in symbol.list_arguments()}
        shapes = {n: v.shape for n, v in spec.inputs.items()}
        places = {group: mx.cpu(i) for i, group in enumerate(spec.options.get("groups", ()))}
        self.executor = symbol.simple_bind(place(spec.device), grad_req=requests, type_dict=types, group2ctx=places or None, **shapes)
        targets = {**self.executor.arg_dict, **self.executor.aux_dict}
        for name, value in {**spec.arguments, **spec.states, **spec.inputs}.items():
            targets[name][:] = mx.nd.array(value, dtype=str(value.dtype)).astype(targets[name].dtype)
        self.weights = [self.executor.arg_dict[n] for n in self.names]
        self.gradients = [self.executor.grad_dict.get(n) for n in self.names]
        mx.nd.waitall()
        if ours:
            mx.cpu().empty_cache()  # of what the values came in

    @staticmethod
    def quantised(symbol, spec):
        """The symbol on 8-bit numbers, calibrated on the inputs; its parameters take the place of the float ones."""
        spec.only("int8", modes=("predict",))
        arrays = [{n: mx.nd.array(v) for n, v in part.items()} for part in (spec.arguments, spec.states)]
        data = {n: v for n, v in spec.inputs.items() if not n.endswith("label")}
        examples = mx.io.NDArrayIter(data, batch_size=len(next(iter(data.values()))))
        made = mx.contrib.quantization.quantize_model(
            symbol, *arrays, data_names=list(data), calib_mode="naive", calib_data=examples, quantized_dtype="auto", quantize_granularity="channel-wise"
        )
        spec.arguments, spec.states = ({n: v.asnumpy() for n, v in part.items()} for part in made[1:])
        return made[0]

    def step(self):
        self.executor.forward(is_train=self.mode != "predict")
        if self.mode != "predict":
            self.executor.backward()
        if self.mode == "update":
            self.update()
        mx.nd.waitall()

    def update(self):
        if self.fused:
            pairs = [array for pair in zip(self.weights, self.gradients) for array in pair]
            count = len(self.weights)
            mx.nd.multi_sgd_update(*pairs, lrs=[self.lr] * count, wds=[0.0] * count, num_weights=count, out=self.weights)
            return
        for weight, gradient in zip(self.weights, self.gradients):
            mx.nd.sgd_update(weight, gradient, lr=self.lr, wd=0.0, out=weight)

    def outputs(self):
        self.executor.forward(is_train=self.mode != "predict")
        return self.executor.outputs[0].astype("float32").asnumpy()


def planned(command):
    """{"bytes": what an executor for these shapes says it took for inner values}, binding only. MXNet rounds to its megabytes."""
    symbol, request = mx.sym.load(command["symbol"]), "write" if command["training"] else "null"
    executor = symbol.simple_bind(mx.cpu(), grad_req=request, **{name: tuple(shape) for name, shape in command["shapes"].items()})
    found = re.search(r"^Total (\d+) MB allocated", executor.debug_str(), re.MULTILINE)
    if not found:
        raise worker.CannotError("its executor names no total")
    return {"bytes": int(found.group(1)) << 20}


def add(command):
    """{"seconds": of one imperative addition of `size` floats}."""
    a, b = (mx.nd.ones((command["size"],), ctx=place(command.get("device", "cpu"))) for _ in "ab")
    return {"seconds": worker.each(lambda: a + b, mx.nd.waitall, command["calls"])}


def operator(command):
    """{"seconds": [of three calls of a single operator]}; see operator_calls.py."""
    run = operator_calls.call(mx, ARRAYS, command["name"], command["gradient"])
    run()
    return {"seconds": [worker.timed(run) for _ in range(3)]}


def block(command):
    """{"seconds": [of calls of a gluon block]}; see block_calls.py."""
    run = block_calls.call(mx, command["net"], command["kind"])
    run()
    begun = worker.timed(run)
    return {"seconds": [worker.timed(run) for _ in range(max(3, min(200, int(0.3 / begun))))]}


def device_memory(command):
    """{"bytes": the most of the GPU's memory that arrays and workspaces took at a time}."""
    return {"bytes": mx.context.storage_info(mx.gpu())["peak"]}


if __name__ == "__main__":
    worker.serve(sys.argv[1], mx.__version__, Case, planned=planned, add=add, operator=operator, block=block, device_memory=device_memory)
