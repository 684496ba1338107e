"""The line protocol that every side of a benchmark speaks: one JSON object per line on stdin, one per line on stdout.

    {"do": "load", "symbol": path, "arrays": path, "mode": "predict" | "train" | "update", "dtype": "float32", "device": "cpu", ...}  ->  {}
    {"do": "step", "count": n}    ->  {"seconds": [n numbers]}
    {"do": "outputs", "path": p}  ->  {}, and the outputs of one step in p (.npy)
    {"do": "memory"}              ->  {"bytes": anonymous memory in use now}
    {"do": "peak", "count": n}    ->  {"bytes": the most of it that was in use during n steps}
    {"do": "drop"}, {"do": "quit"}  ->  {}

A side may know more commands of its own.

The first line, unasked, is {"name": ..., "version": ...}; a command that fails is answered by {"error": one line}. The arrays (.npz)
are arg:NAME (parameters), aux:NAME (states) and data:NAME (inputs without a gradient). predict computes the outputs, train the
gradients of all parameters too, update also subtracts lr times gradient. Whatever a library prints goes to stderr.
"""

import ctypes
import gc
import json
import os
import sys
import threading
import time

import numpy as np


class CannotError(Exception):
    """A peer has no such mode or dtype."""


class Spec:
    """What a load command asks for."""

    def __init__(self, command):
        self.symbol, self.mode, self.dtype = command["symbol"], command["mode"], command.get("dtype", "float32")
        self.device = command.get("device", "cpu")
        self.lr, self.options = command.get("lr", 0.0), command
        arrays = np.load(command["arrays"])
        self.arguments = {key[4:]: arrays[key] for key in arrays.files if key.startswith("arg:")}
        self.states = {key[4:]: arrays[key] for key in arrays.files if key.startswith("aux:")}
        self.inputs = {key[5:]: arrays[key] for key in arrays.files if key.startswith("data:")}

    def only(self, *dtypes, modes=("predict", "train", "update")):
        """Raises for what a peer cannot do."""
        if self.dtype not in dtypes:
            raise CannotError(f"no {self.dtype}")
        if self.mode not in modes:
            raise CannotError(f"no {self.mode}")


def anonymous_memory():
    """Bytes of anonymous memory of this process that are in RAM."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024
    raise OSError("[worker] /proc/self/status: no RssAnon")


def timed(step):
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def each(function, wait, calls):
    """Seconds per call of something that returns at once, waiting for all of them included."""
    wait()
    started = time.perf_counter()
    for _ in range(calls):
        function()
    wait()
    return (time.perf_counter() - started) / calls


class Peak:
    """The most anonymous memory while the block runs, looked at about every half millisecond."""

    def __enter__(self):
        self.bytes, self._done = anonymous_memory(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._done.wait(0.0005):
            self.bytes = max(self.bytes, anonymous_memory())

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self.bytes = max(self.bytes, anonymous_memory())


class Worker:
    def __init__(self, make_case, more):
        self._make_case, self._case = make_case, None
        self._commands = {name: getattr(self, name) for name in ("load", "step", "outputs", "memory", "peak", "drop")}
        self._commands.update(more)

    def load(self, command):
        self._case = None
        gc.collect()
        self._case = self._make_case(Spec(command))
        self._case.step()
        return {}

    def step(self, command):
        return {"seconds": [timed(self._case.step) for _ in range(command["count"])]}

    def outputs(self, command):
        np.save(command["path"], np.asarray(self._case.outputs(), "float32"))
        return {}

    def memory(self, command):
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        return {"bytes": anonymous_memory()}

    def peak(self, command):
        with Peak() as peak:
            for _ in range(command["count"]):
                self._case.step()
        return {"bytes": peak.bytes}

    def drop(self, command):
        self._case = None
        gc.collect()
        return {}

    def answer(self, line):
        try:
            command = json.loads(line)
            if command["do"] not in self._commands:
                raise CannotError(f"no command {command['do']}")
            return self._commands[command["do"]](command)
        except CannotError as error:
            return {"error": str(error)}
        except Exception as error:  # a peer that cannot do a row says so; the others go on
            text = " ".join(str(error).split())
            return {"error": f"{type(error).__name__}: {text}"[:300]}


def serve(name, version, make_case, **more):
    """Answers commands until quit or the end of stdin. make_case(spec) gives an object with step() and outputs(); more: functions
    that take a command and give its answer."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def tell(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    worker = Worker(make_case, more)
    tell({"name": name, "version": version})
    for line in sys.stdin:
        if json.loads(line).get("do") == "quit":
            break
        tell(worker.answer(line))
