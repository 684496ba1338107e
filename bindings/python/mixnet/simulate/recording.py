"""record(module, batch): a Trace of a real net on this machine."""

import json
import os
import tempfile
import time

from .. import engine, profiler, waitall
from .trace import Step, Trace, expect

_BEGIN = "forward pass begins"


class _ModuleSteps:
    """A Module on one device with a batch."""

    def __init__(self, module, batch):
        group = getattr(module, "_exec_group", None)
        expect(group is not None and len(group.execs) == 1, "net", "an Executor or a bound Module on one device", type(module).__name__)
        self._module, self._batch = module, batch
        self.symbol, self.samples = module.symbol, int(group.batch_size)
        self.gradients = {name: arrays[0] for name, arrays in zip(group.param_names, group.grad_arrays) if arrays[0] is not None}

    def forward(self):
        self._module.forward(self._batch, is_train=True)

    def forward_backward(self):
        """Starts a step; an output."""
        self._module.forward_backward(self._batch)
        return self._module.get_outputs()[0]


class _ExecutorSteps:
    """An Executor whose inputs have their values."""

    def __init__(self, executor):
        self._executor, self.symbol = executor, executor._symbol
        self.gradients = {name: array for name, array in executor.grad_dict.items() if array is not None}
        self.samples = int(executor.outputs[0].shape[0])

    def forward(self):
        self._executor.forward(is_train=True)

    def forward_backward(self):
        """Starts a step; an output."""
        self._executor.forward(is_train=True)
        self._executor.backward()
        return self._executor.outputs[0]


def record(net, batch=None, steps=5, needs="start", model=""):
    """Times of `steps` training steps after one that is not counted.

    `net` is a bound and initialised Module of one device, with a batch, or an Executor, whose keys are its arguments with gradients. The engine runs
    a note of the time when it has released a gradient, which is when a store would get it. `needs`: "start", keys are needed when the forward pass
    starts, as bound graphs run here: their forward pass is one operation; or "layers", when the profiler has seen the first layer of a key start,
    for systems that wait layer by layer. No weight is changed; the gradients are.
    """
    expect(needs in ("start", "layers"), "needs", "'start' or 'layers'", repr(needs))
    expect(isinstance(steps, int) and steps > 0, "steps", "an integer above 0", steps)
    net = _ExecutorSteps(net) if hasattr(net, "grad_dict") else _ModuleSteps(net, batch)
    names, gradients = list(net.gradients), list(net.gradients.values())
    expect(bool(names), "net", "arguments with gradients", "none")
    _step(net, gradients)
    measured = [_step(net, gradients) for _ in range(steps)]
    need = [0.0] * len(names) if needs == "start" else _needs(net, names)
    sizes = [int(gradient.asnumpy().nbytes) for gradient in gradients]
    return Trace(names, sizes, [_fit(need, *one) for one in measured], model, net.samples)


def _step(net, gradients):
    """(seconds of the whole step, of the forward pass, until each gradient)."""
    waitall()
    times, outputs = [0.0] * len(gradients), [0.0]
    start = time.perf_counter()

    def stamp(into, place):
        return lambda: into.__setitem__(place, time.perf_counter() - start)

    engine.push(stamp(outputs, 0), reads=[net.forward_backward()])
    for place in reversed(range(len(gradients))):
        engine.push(stamp(times, place), reads=[gradients[place]])
    waitall()
    return time.perf_counter() - start, outputs[0], times


def _fit(need, compute, forward, ready):
    """A Step; needs are cut to the forward pass that was measured without the profiler."""
    first = min(forward, min(ready))
    return Step(compute, [min(time, first) for time in need], [min(time, compute) for time in ready])


def _needs(net, names):
    """Seconds from the start of the forward pass to the first layer that reads each key."""
    layer_of = _readers(net.symbol, set(names))
    starts = _layer_starts(net)
    need, last = [], 0.0
    for name in names:
        last = min((starts[layer] for layer in layer_of[name] if layer in starts), default=last)
        need.append(last)
    return need


def _readers(symbol, names):
    """{key: names of the nodes that read it}."""
    nodes = json.loads(symbol.tojson())["nodes"]
    readers = {name: [] for name in names}
    for node in nodes:
        for entry in node["inputs"]:
            source = nodes[entry[0]]["name"]
            if source in readers:
                readers[source].append(node["name"])
    return readers


def _layer_starts(net):
    """{node: seconds from the first node's start} of one forward pass."""
    expect(not profiler._session.running, "record", "the profiler stopped", "one that runs")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.json")
        profiler.set_config(profile_all=True, filename=path)
        profiler.set_state("run")
        profiler.Marker(profiler.Domain("simulate"), _BEGIN).mark()
        net.forward()
        waitall()
        profiler.set_state("stop")
        profiler.dump()
        with open(path) as file:
            events = json.load(file)["traceEvents"]
    begin = max(event["ts"] for event in events if event.get("name") == _BEGIN)  # a recording that was not finished goes on: its events are not ours
    starts = {}
    for event in events:
        if event.get("ts", begin) < begin:
            continue
        for node in event.get("args", {}).get("node", "").split("+"):  # a step of several nodes has their names
            if node and "ts" in event:
                starts[node] = min(event["ts"], starts.get(node, event["ts"]))
    zero = min(starts.values(), default=0)
    return {node: (time - zero) / 1e6 for node, time in starts.items()}
