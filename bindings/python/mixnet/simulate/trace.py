"""What a training step of one machine does, without the network: the input of the simulation.

A trace has keys in the order of their priority (first layers first) with their bytes, and for one or more steps: `compute`, the seconds a step
takes when nothing is waited for, and for every key `need`, when the forward pass first reads it, and `ready`, when its gradient is there. Both
count from the start of the step; every key is needed before the first gradient is ready. In the file:

    {"format": "mixnet-trace", "version": 1, "model": "LeNet", "samples": 64,
     "keys": [{"name": "conv0_weight", "bytes": 2000}, ...],
     "steps": [{"compute": 0.012, "need": [0.0, ...], "ready": [0.0119, ...]}, ...]}
"""

import json
import pathlib

FORMAT, VERSION = "mixnet-trace", 1


def expect(condition, argument, expected, got):
    """ValueError in one line unless `condition`."""
    if not condition:
        raise ValueError(f"[simulate] {argument}: expected {expected}, got {got}")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


class Step:
    """Times of one step in seconds from its start; `need` and `ready` in the order of the keys."""

    def __init__(self, compute, need, ready):
        self.compute, self.need, self.ready = compute, list(need), list(ready)

    @property
    def forward(self):
        """When the last key is needed: what comes later waits for no key."""
        return max(self.need)

    def check(self, keys):
        """ValueError unless the times fit `keys` keys and each other."""
        for name, times in (("need", self.need), ("ready", self.ready)):
            expect(len(times) == keys and all(map(_is_number, times)), name, f"{keys} times in seconds", f"{len(times)}: {str(times)[:60]}")
        expect(_is_number(self.compute) and self.compute > 0, "compute", "seconds above 0", self.compute)
        expect(self.forward <= min(self.ready), "ready", f"no gradient before the last key is needed ({self.forward:g} s)", min(self.ready))
        expect(max(self.ready) <= self.compute, "ready", f"gradients within the {self.compute:g} s of the step", max(self.ready))


class Trace:
    """Names and bytes of the keys by priority, and steps; `samples`: how many samples a step takes."""

    def __init__(self, names, sizes, steps, model="", samples=1):
        self.names, self.sizes, self.steps, self.model, self.samples = list(names), list(sizes), list(steps), model, samples
        expect(self.names and len(self.names) == len(self.sizes), "keys", "at least one, each with bytes", f"{len(self.names)} names, {len(self.sizes)} sizes")
        expect(len(set(self.names)) == len(self.names), "keys", "every name once", "one twice")
        for name, size in zip(self.names, self.sizes):
            expect(isinstance(size, int) and size > 0, f"bytes of {name}", "an integer above 0", size)
        expect(isinstance(samples, int) and samples > 0, "samples", "an integer above 0", samples)
        expect(bool(self.steps), "steps", "at least one", "none")
        for step in self.steps:
            step.check(len(self.names))

    @property
    def bytes(self):
        """Of all keys."""
        return sum(self.sizes)

    @property
    def compute(self):
        """Mean seconds of a step without a network."""
        return sum(step.compute for step in self.steps) / len(self.steps)

    def scaled(self, compute):
        """The same net on a machine whose steps take `compute` seconds on average."""
        expect(_is_number(compute) and compute > 0, "compute", "seconds above 0", compute)
        f = compute / self.compute
        steps = [Step(s.compute * f, [t * f for t in s.need], [t * f for t in s.ready]) for s in self.steps]
        return Trace(self.names, self.sizes, steps, self.model, self.samples)

    def save(self, path):
        """Writes the file."""
        keys = [{"name": name, "bytes": size} for name, size in zip(self.names, self.sizes)]
        steps = [{"compute": step.compute, "need": step.need, "ready": step.ready} for step in self.steps]
        text = {"format": FORMAT, "version": VERSION, "model": self.model, "samples": self.samples, "keys": keys, "steps": steps}
        pathlib.Path(path).write_text(json.dumps(text) + "\n")

    @classmethod
    def load(cls, path):
        """Reads a file; ValueError when it is no trace."""
        try:
            text = json.loads(pathlib.Path(path).read_text())
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"[simulate] {path}: expected a trace in JSON, got {str(error)[:80]}") from None
        expect(isinstance(text, dict) and text.get("format") == FORMAT, str(path), f'a trace ("format": "{FORMAT}")', str(text)[:60])
        expect(text.get("version") == VERSION, "version", VERSION, text.get("version"))
        try:
            names, sizes = [key["name"] for key in text["keys"]], [key["bytes"] for key in text["keys"]]
            steps = [Step(step["compute"], step["need"], step["ready"]) for step in text["steps"]]
            return cls(names, sizes, steps, str(text.get("model", "")), text.get("samples", 1))
        except (KeyError, TypeError) as error:
            raise ValueError(f"[simulate] {path}: expected keys and steps as a trace has them, got {error!r}") from None
