"""Time of the classic nets beside PyTorch: one training step or one prediction, interleaved in one run.

python benchmarks/networks.py [--batch 1 32] [--nets resnet50 ...] [--modes predict train] [--dtype bfloat16] [--seconds 3] [--compile]
Prints milliseconds (median of rounds) and the ratio theirs / ours: above 1 we are faster. Threads: all cores on both sides.
"""

import argparse
import os
import statistics
import time

import nets
import numpy as np

import mixnet as mx


def parameters(net, shape):
    """Random arguments and states that keep activations in range."""
    random = np.random.RandomState(1)
    shapes, _, aux = net.infer_shape(data=shape)
    names = [n for n in net.list_arguments() if n not in ("data", "softmax_label")]
    sizes = dict(zip(net.list_arguments(), shapes))
    arguments = {n: (random.randn(*sizes[n]) * (2 / max(1, np.prod(sizes[n][1:]))) ** 0.5).astype("float32") for n in names}
    arguments.update({n: np.ones(sizes[n], "float32") for n in names if n.endswith("gamma")})
    states = {n: (np.ones if n.endswith("var") else np.zeros)(s, "float32") for n, s in zip(net.list_auxiliary_states(), aux)}
    return arguments, states


def ours(net, shape, arguments, states, data, train, dtype):
    requests = {name: "write" for name in arguments} if train else "null"
    executor = net.simple_bind(mx.cpu(), grad_req=requests, type_dict={"data": dtype}, data=shape)
    for name, value in {**arguments, **states}.items():
        {**executor.arg_dict, **executor.aux_dict}[name][:] = value
    executor.arg_dict["data"][:] = data

    def step():
        executor.forward(is_train=train)
        if train:
            executor.backward()
        mx.nd.waitall()

    step()
    return step


def torchs(net, arguments, states, data, train, compiled, dtype):
    import torch
    import torch_graph

    module = torch_graph.Net(net, arguments, states).train(train)
    x, label = torch.from_numpy(data), torch.zeros(len(data), dtype=torch.long)
    module, x = module.to(getattr(torch, dtype)), x.to(getattr(torch, dtype))
    run = torch.compile(module) if compiled else module

    def step():
        if not train:
            with torch.no_grad():
                return run(x)
        module.zero_grad()
        torch.nn.functional.cross_entropy(run(x).float(), label, reduction="sum").backward()

    step()
    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--nets", nargs="+", default=list(nets.ALL), choices=list(nets.ALL))
    parser.add_argument("--modes", nargs="+", default=["predict", "train"], choices=["predict", "train"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--compile", action="store_true", help="torch.compile too")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {options.seconds:g} s per side")
    for name in options.nets:
        for batch in options.batch:
            net, shape = nets.ALL[name](), (batch, 3, 224, 224)
            arguments, states = parameters(net, shape)
            data = np.random.RandomState(2).rand(*shape).astype("float32")
            for mode in options.modes:
                train = mode == "train"
                sides = {"mixnet": ours(net, shape, arguments, states, data, train, options.dtype)}
                try:
                    sides["torch"] = torchs(net, arguments, states, data, train, False, options.dtype)
                    if options.compile:
                        sides["torch.compile"] = torchs(net, arguments, states, data, train, True, options.dtype)
                except ImportError:
                    pass
                times = {side: [] for side in sides}
                until = time.perf_counter() + options.seconds * len(sides)
                while time.perf_counter() < until or len(times["mixnet"]) < 3:
                    for side, step in sides.items():
                        started = time.perf_counter()
                        step()
                        times[side].append((time.perf_counter() - started) * 1000)
                median = {side: statistics.median(t) for side, t in times.items()}
                text = "".join(f", {side} {t:.1f} ms ({t / median['mixnet']:.2f}x)" for side, t in median.items() if side != "mixnet")
                print(f"{name:13s} {mode:7s} batch {batch:3d}: mixnet {median['mixnet']:.1f} ms{text}", flush=True)


if __name__ == "__main__":
    main()
