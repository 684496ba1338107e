"""The store of mixnet or Apache MXNet, and plain copies of memory: python store_peer.py mixnet|mxnet. The API is the same, and so is this file."""

import concurrent.futures
import importlib
import re
import sys

import numpy as np
import worker

mx = importlib.import_module(sys.argv[1])
made = {}


def case(_spec):
    raise worker.CannotError("no graphs")


def kept(key, make):
    """What is made once and used in every round."""
    if key not in made:
        made[key] = make()
        mx.nd.waitall()
    return made[key]


class Large:
    """One key of so many floats and the values of its devices."""

    def __init__(self, size, devices):
        self.store = mx.kv.create("device")
        self.values = [mx.nd.ones((size,), ctx=mx.cpu(i)) * (i + 1) for i in range(devices)]
        self.out = mx.nd.zeros((size,))
        self.store.init("key", self.out)

    def push(self):
        self.store.push("key", self.values)
        mx.nd.waitall()

    def pull(self):
        self.store.pull("key", self.out)
        mx.nd.waitall()


class Small:
    """Many keys of 16 floats, one device."""

    def __init__(self, count):
        self.store = mx.kv.create("local")
        self.keys = [f"layer{i}_weight" for i in range(count)]
        self.values, self.outs = ([mx.nd.ones((16,)) for _ in self.keys] for _ in range(2))
        self.store.init(self.keys, self.outs)

    def lists(self):
        self.store.push(self.keys, self.values)
        self.store.pull(self.keys, self.outs)
        mx.nd.waitall()

    def one_by_one(self):
        for key, value, out in zip(self.keys, self.values, self.outs):
            self.store.push(key, value)
            self.store.pull(key, out)
        mx.nd.waitall()


class Copies:
    """numpy copies an array of floats, in as many parts as there are threads."""

    def __init__(self, size, threads):
        self.parts = [np.array_split(np.ones(size, "float32"), threads) for _ in range(2)]
        self.pool = concurrent.futures.ThreadPoolExecutor(threads)

    def copy(self):
        list(self.pool.map(np.copyto, *self.parts))


def large(command):
    """{"seconds": of one push or pull of `size` floats by `devices`}."""
    size, devices = command["size"], command["devices"]
    return {"seconds": worker.timed(getattr(kept((size, devices), lambda: Large(size, devices)), command["what"]))}


def small(command):
    """{"seconds": of pushing and pulling `count` keys, in "lists" or "one_by_one"}."""
    count = command["count"]
    return {"seconds": worker.timed(getattr(kept(count, lambda: Small(count)), command["how"]))}


def copy(command):
    """{"seconds": of copying `size` floats on so many threads}."""
    size, threads = command["size"], command["threads"]
    return {"seconds": worker.timed(kept(("copy", size, threads), lambda: Copies(size, threads)).copy)}


if __name__ == "__main__":
    worker.serve(mx.__name__, re.sub(r"\+.*", "", mx.__version__), case, large=large, small=small, copy=copy)
