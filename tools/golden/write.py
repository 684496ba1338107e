"""Runs in one release of MXNet: writes arrays of every kind it has, and every net with what it computes, into the folder given."""

import os
import sys

import mxnet as mx
import numpy as np
from nets import NETS
from record import names, record

DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64")


def supported(dtype):
    try:
        return mx.nd.array([1], dtype=dtype).dtype == np.dtype(dtype)
    except Exception:
        return False


def dense(place):
    arrays = {d: mx.nd.array(np.arange(6).reshape(2, 3), dtype=d) for d in DTYPES if supported(d)}
    arrays["five dimensions"] = mx.nd.array(np.arange(16).reshape(2, 1, 2, 1, 4))
    arrays["one"] = mx.nd.array([-0.0])
    arrays["edge"] = mx.nd.array(np.array([np.inf, -np.inf, np.nan, 1e-45], "float32"))
    mx.nd.save(os.path.join(place, "dense.params"), arrays)
    mx.nd.save(os.path.join(place, "list.params"), [mx.nd.array([1, 2]), mx.nd.array([[3]])])
    with open(os.path.join(place, "record.raw"), "wb") as file:
        file.write(bytes(mx.nd.array([[1, 2, 3]]).__getstate__()["handle"]))


def sparse(place):
    rows = np.zeros((6, 2), "float32")
    rows[[1, 4]] = [[1, 2], [3, 4]]
    table = np.zeros((4, 5), "float32")
    table[0, 3], table[2, 1], table[2, 4] = 1.5, -2, 7
    arrays = {"row_sparse": mx.nd.array(rows).tostype("row_sparse"), "csr": mx.nd.array(table).tostype("csr")}
    arrays["no rows"] = mx.nd.zeros((3, 2)).tostype("row_sparse")
    arrays["no values"] = mx.nd.zeros((3, 2)).tostype("csr")
    arrays["dense"] = mx.nd.array(rows)
    mx.nd.save(os.path.join(place, "sparse.params"), arrays)


def numpy_shapes(place):
    """Scalars and empty arrays, which the format has since NumPy's shapes."""
    with mx.util.np_shape(True):
        arrays = {"scalar": mx.np.array(2.5), "empty": mx.np.zeros((0, 3)), "int32 scalar": mx.np.array(7, dtype="int32"), "matrix": mx.np.ones((2, 2))}
        arrays["bool"] = mx.np.array([True, False, True], dtype="bool")
        mx.nd.save(os.path.join(place, "numpy.params"), {k: v.as_nd_ndarray() for k, v in arrays.items()})


def main(place):
    dense(place)
    if hasattr(mx.nd, "sparse"):
        sparse(place)
    if hasattr(mx, "np"):
        numpy_shapes(place)
    for name, make in NETS.items():
        if name == "old_names" and not hasattr(mx.sym, "max_axis"):
            continue
        symbol, inputs, heads = make()
        stem = os.path.join(place, name)
        symbol.save(stem + "-symbol.json")
        if name in ("fused", "gru") and not mx.__version__.startswith("1.9"):
            names(symbol, stem)  # without a kernel on the CPU
        else:
            record(symbol, stem, inputs, heads)


if __name__ == "__main__":
    main(sys.argv[1])
