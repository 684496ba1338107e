"""Runs in one release of MXNet: loads a file of generation A and keeps what it computes. Arguments: the folder, the file's name."""

import os
import sys

import mxnet as mx
import numpy as np
from record import record, values

INPUTS = {
    "multipliers": {"data": values("data", (3, 6))},
    "statistics": {"data": values("data", (3, 2, 2, 2))},
    "spellings": {"data": values("data", (4, 2, 6, 6)), "softmax_label": np.array([0, 2, 1, 0], "float32")},
    "pieces": {"data": values("data", (3, 4))},
    "reduced": {"data": values("data", (3, 4))},
}

if __name__ == "__main__":
    folder, name = sys.argv[1:]
    stem = os.path.join(folder, name)
    record(mx.sym.load(stem + "-symbol.json"), stem, INPUTS[name], heads=name != "spellings")
