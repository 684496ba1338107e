"""Seconds per pass."""

import time

import numpy as np

from .. import ndarray as nd
from .devices import default_context


def check_speed(sym, location=None, ctx=None, N=20, grad_req=None, typ="whole", **kwargs):
    """Mean seconds of one pass over `N` passes, after one to warm up.

    Parameters
    ----------
    location : dict from name to array, optional
        Inputs; without it normal random ones of the shapes in `kwargs`.
    grad_req : str, optional
        'write' by default.
    typ : {'whole', 'forward'}
        Forward and backward, or forward for prediction only.
    """
    if typ not in ("whole", "forward"):
        raise ValueError(f"[check_speed] typ: expected 'whole' or 'forward', got {typ!r}")
    shapes = kwargs if location is None else {name: value.shape for name, value in location.items()}
    executor = sym.simple_bind(ctx or default_context(), grad_req=grad_req or "write", **shapes)
    for name, array in executor.arg_dict.items():
        array[:] = np.random.normal(size=array.shape) if location is None else location[name]

    def work():
        executor.forward(is_train=typ == "whole")
        if typ == "whole":
            executor.backward(list(executor.outputs))
        for output in executor.outputs:
            output.wait_to_read()

    work()
    nd.waitall()
    started = time.perf_counter()
    for _ in range(N):
        work()
    nd.waitall()
    return (time.perf_counter() - started) / N
