"""Microseconds per call of small functions: imperative, replayed (mx.jit), bound (forward and backward of an Executor), PyTorch eager.

python benchmarks/replay.py [--peers ...]
Forward is without recording; a step is forward and backward with gradients of all parameters. One interleaved run; medians of
rounds. The functions are small, so this is what calls cost, not what arithmetic costs.
"""

import argparse
import statistics
import time

import contestants
import driver
import table

ROUNDS, BURST = 15, 0.05
TORCH = "PyTorch eager"


def chain(nd, x, w, b):
    return nd.tanh(x * w + 1) * x - b


def mlp(nd, x, w1, b1, w2, b2):
    hidden = nd.relu(nd.FullyConnected(x, w1, b1, num_hidden=64))
    return nd.FullyConnected(hidden, w2, b2, num_hidden=10)


# Name, function of a namespace of operators and arrays, shapes of the data and the parameters.
ROWS = (
    ("pointwise, 4 operators, 64 floats", chain, [(64,)] * 3),
    ("pointwise, 4 operators, 100,000 floats", chain, [(100000,)] * 3),
    ("MLP 32-64-10, batch 8", mlp, [(8, 32), (64, 32), (64,), (10, 64), (10,)]),
)


def sides(function, shapes):
    """{name: (forward, step)} of our own ways."""
    import mixnet as mx
    from mixnet import autograd, nd

    arrays = [nd.random.uniform(shape=shape) for shape in shapes]
    for array in arrays[1:]:
        array.attach_grad()

    def ways(net):
        def step():
            with autograd.record():
                out = net(*arrays)
            out.backward()

        return lambda: net(*arrays), step

    names = [f"a{i}" for i in range(len(arrays))]
    symbol = function(mx.sym, *map(mx.sym.Variable, names))
    request = {name: "null" if name == "a0" else "write" for name in names}
    executor = symbol.bind(mx.cpu(), dict(zip(names, arrays)), {n: nd.zeros(a.shape) for n, a in zip(names, arrays) if n != "a0"}, request)

    def bound_step():
        executor.forward(True)
        executor.backward()

    plain = ways(lambda *a: function(nd, *a))
    return {"imperative": plain, "replayed": ways(mx.jit(lambda *a: function(nd, *a))), "bound": (lambda: executor.forward(False), bound_step)}


def burst(call):
    """Seconds per call over some of them, with the waiting for the last."""
    import mixnet as mx

    for _ in range(3):
        call()
    mx.nd.waitall()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < BURST:
        for _ in range(20):
            call()
        count += 20
    mx.nd.waitall()
    return (time.perf_counter() - begin) / count


def measure(name, function, shapes, peers):
    """{side: (forward, step)} in seconds, or a reason."""
    ours = sides(function, shapes)
    times = {side: ([], []) for side in [*ours, *(peer.name for peer in peers)]}
    reasons = {}
    for _ in range(ROUNDS):
        for side, calls in ours.items():
            for taken, call in zip(times[side], calls):
                taken.append(burst(call))
        for peer in peers:
            try:
                answer = peer.ask("small", net=function.__name__, shapes=shapes, seconds=BURST)
                for taken, key in zip(times[peer.name], ("forward", "step")):
                    taken.append(answer[key])
            except driver.PeerError as error:
                reasons[peer.name] = str(error)
    return {side: reasons.get(side) or tuple(statistics.median(t) for t in taken) for side, taken in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", nargs="*", default=[TORCH], choices=[TORCH])
    peers = contestants.chosen(parser.parse_args().peers)
    columns = ["imperative", "replayed", "bound", *(peer.name for peer in peers)]
    out = table.Table("replay", "Small functions: microseconds per call", ["function", "", *columns])
    for name, function, shapes in ROWS:
        results = measure(name, function, shapes, peers)
        for i, what in enumerate(("forward", "forward and backward")):
            out.add([name, what, *(r if isinstance(r, str) else f"{r[i] * 1e6:.1f}" for r in (results[c] for c in columns))])
    out.save()
    for peer in peers:
        peer.stop()


if __name__ == "__main__":
    main()
