"""PyTorch as a side of a benchmark: python torch_peer.py eager|compile. Channels last; all cores.

On a GPU: TF32 for float32, cuDNN's autotuning, and compiled code in CUDA graphs.
"""

import os
import sys
import time

import graph as symbols
import torch
import torch.nn.functional as F
import torch_graph
import worker

COMPILED = sys.argv[1] == "compile"


class Case:
    """Gradients of all parameters with train, and torch.optim.SGD's step with update."""

    def __init__(self, spec):
        spec.only("float32", "bfloat16")
        torch._dynamo.reset()
        self.mode, graph, dtype = spec.mode, symbols.load(spec.symbol), getattr(torch, spec.dtype)
        self.device = prepared(spec.device)
        module = torch_graph.Net(graph, spec.arguments, spec.states).train(spec.mode != "predict").to(self.device, dtype)
        self.module = module.to(memory_format=torch.channels_last) if any(v.ndim == 4 for v in spec.arguments.values()) else module
        self.inputs = {n: self._input(n, v, symbols.indices(graph), dtype) for n, v in spec.inputs.items()}
        self.label = self.inputs["softmax_label"].reshape(-1)
        self.run = self._compiled() if COMPILED else self._function()
        self.optimizer = torch.optim.SGD(self.module.parameters(), lr=spec.lr, fused=True) if spec.mode == "update" else None

    def _input(self, name, value, indices, dtype):
        tensor = torch.from_numpy(value.copy()).to(self.device)
        if name in indices:
            return tensor.long()
        return tensor.to(dtype, memory_format=torch.channels_last) if tensor.ndim == 4 else tensor.to(dtype)

    def _function(self):
        module, label = self.module, self.label
        if self.mode == "predict":
            return lambda inputs: torch.softmax(module(inputs), 1)
        return lambda inputs: torch.nn.functional.cross_entropy(module(inputs).float(), label, reduction="sum")

    def _compiled(self):
        import torch._inductor.config

        # Freezing packs the weights of a prediction, what mixnet's plans do too.
        torch._inductor.config.freezing = self.mode == "predict"
        return torch.compile(self._function(), mode="reduce-overhead" if self.device == "cuda" else "default")

    def step(self):
        if self.mode == "predict":
            with torch.no_grad():
                self.result = self.run(self.inputs)
        else:
            self.module.zero_grad()
            self.run(self.inputs).backward()
            if self.optimizer:
                self.optimizer.step()
        wait(self.device)

    def outputs(self):
        if self.mode == "predict":
            self.step()
            return self.result.float().cpu().numpy()
        with torch.no_grad():
            return torch.softmax(self.module(self.inputs).float(), 1).cpu().numpy()


def prepared(device):
    """PyTorch's name of a device, with the settings under which it is fastest there."""
    if device != "gpu":
        return "cpu"
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    return "cuda"


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def add(command):
    """{"seconds": of one addition of `size` floats}."""
    device = prepared(command.get("device", "cpu"))
    a, b = (torch.ones(command["size"], device=device) for _ in "ab")
    return {"seconds": worker.each(lambda: a + b, lambda: wait(device), command["calls"])}


def device_memory(command):
    """{"bytes": the most of the GPU's memory that tensors and workspaces took at a time}."""
    return {"bytes": torch.cuda.max_memory_allocated()}


def ceilings(command):
    """{"flops": of a product of square matrices of `dtype` a second, "bandwidth": bytes a second read and written by a copy}, on the GPU."""
    device, size, extent = prepared("gpu"), command.get("size", 8192), command.get("copied", 1 << 30)
    a, b = (torch.randn(size, size, device=device).to(getattr(torch, command["dtype"])) for _ in "ab")
    product = worker.each(lambda: a @ b, lambda: wait(device), 5)
    source = torch.empty(extent, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = worker.each(lambda: target.copy_(source), lambda: wait(device), 5)
    return {"flops": 2 * size**3 / product, "bandwidth": 2 * extent / copy}


SMALL = {
    "chain": lambda x, w, b: torch.tanh(x * w + 1) * x - b,
    "mlp": lambda x, w1, b1, w2, b2: F.linear(torch.relu(F.linear(x, w1, b1)), w2, b2),
}


def small(command):
    """{"forward": seconds of a call of one of SMALL, "step": seconds of a call with gradients of all but the first argument}."""
    function, arrays = SMALL[command["net"]], [torch.rand(shape) for shape in command["shapes"]]
    ones = torch.ones_like(function(*arrays))
    parameters = [a.requires_grad_() for a in arrays[1:]]

    def forward():
        with torch.no_grad():
            function(*arrays)

    def step():
        for parameter in parameters:
            parameter.grad = None
        function(*arrays).backward(ones)

    answer = {}
    for name, call in (("forward", forward), ("step", step)):
        call()
        count, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < command["seconds"]:
            for _ in range(20):
                call()
            count += 20
        answer[name] = (time.perf_counter() - begin) / count
    return answer


if __name__ == "__main__":
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    worker.serve(f"torch {sys.argv[1]}", torch.__version__, Case, add=add, small=small, device_memory=device_memory, ceilings=ceilings)
