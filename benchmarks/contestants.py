"""Who takes part: each side's program, interpreter and environment variables.

Several sides with one `column` are one peer in different settings; the table shows the faster one.
"""

import os
import pathlib
import sys

import environments
from driver import Peer

HERE = pathlib.Path(__file__).resolve().parent
OURS = "mixnet"


def _ours(name, program, *arguments, **variables):
    # Started like any user's program: the package sets what it needs.
    return Peer(name, [sys.executable, HERE / "peers" / program, *arguments], {**os.environ, **variables})


def fused_update(name):
    """Ours once more, with all parameters updated by one operator."""
    side = _ours(name, "mx_peer.py", "mixnet")
    side.fields = {"update": "fused"}
    return side


def predictor_in_strips(size):
    """The predictor once more, with layers in strips of rows where values would take more than so many bytes."""
    return _ours("mixnet predictor, strips", "predictor_peer.py", MIXNET_STRIPS=str(size))


def numpy_side():
    """numpy, which adds and knows no graphs."""
    return _ours("numpy", "numpy_peer.py")


def _peer(name, environment, program, *arguments, column=None, **variables):
    python = environments.python(environment)
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MXNET_", "MIXNET_"))}
    command = [python, HERE / "peers" / program, *arguments] if python else None
    return Peer(name, command, {**keep, **variables}, column=column)


def all_sides():
    """{name: Peer}, ours first; not yet started."""
    sides = [
        _ours(OURS, "mx_peer.py", "mixnet"),
        _ours("mixnet predictor", "predictor_peer.py"),
        _peer("PyTorch eager", "torch", "torch_peer.py", "eager"),
        _peer("PyTorch compile", "torch", "torch_peer.py", "compile"),
        _peer("JAX", "jax", "jax_peer.py"),
        _peer("onnxruntime", "onnxruntime", "onnx_peer.py"),
        _peer("MXNet 1.9.1 plain", "mxnet", "mx_peer.py", "mxnet", column="MXNet 1.9.1", MXNET_SUBGRAPH_BACKEND="NONE"),
        _peer("MXNet 1.9.1 fused", "mxnet", "mx_peer.py", "mxnet", column="MXNet 1.9.1"),
    ]
    return {side.name: side for side in sides}


def stores(peers):
    """The sides that have a key-value store, ours first."""
    others = {"MXNet 1.9.1": _peer("MXNet 1.9.1", "mxnet", "store_peer.py", "mxnet", MXNET_SUBGRAPH_BACKEND="NONE")}
    return [_ours(OURS, "store_peer.py", "mixnet"), *(others[name] for name in peers)]


def chosen(names=None):
    """The sides with these names (all when None), unknown names raise."""
    sides = all_sides()
    for name in names or ():
        if name not in sides:
            raise ValueError(f"[contestants] {name}: expected one of {', '.join(sides)}")
    return [side for name, side in sides.items() if names is None or name in names]
