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


def side_by_side(groups):
    """Ours once more: groups of nodes on contexts of their own, each with one thread, all at the same time."""
    count = str(len(groups))
    side = _ours("mixnet side by side", "mx_peer.py", "mixnet", OMP_NUM_THREADS="1", MIXNET_CPU_NTHREADS="1", MIXNET_CPU_WORKER_NTHREADS=count)
    side.fields = {"groups": groups}
    return side


def predictor_in_strips(size):
    """The predictor once more, with layers in strips of rows where values would take more than so many bytes."""
    return _ours("mixnet predictor, strips", "predictor_peer.py", MIXNET_STRIPS=str(size))


def of_dtypes():
    """Ours and onnxruntime, a side for every dtype that they predict in."""
    sides = []
    for name, dtype in ((OURS, "float32"), (OURS, "bfloat16"), (OURS, "int8"), ("onnxruntime", "float32"), ("onnxruntime", "int8")):
        side = all_sides()[name]
        side.name = side.column = f"{name} {dtype}"
        side.fields = {"dtype": dtype}
        sides.append(side)
    return sides


def attention(device="cpu"):
    """Ours fused, ours composed of products and softmax, and PyTorch's."""
    torch = _peer("PyTorch", "torch", "attention_peer.py", "torch")
    sides = [*(_ours(f"{OURS} {kind}", "attention_peer.py", kind) for kind in ("fused", "composed")), torch]
    for side in sides:
        side.fields = {"device": device}
    return sides


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


def loaders(peers, workers):
    """The DataLoaders with these numbers of workers, ours first."""
    environment = {"PyTorch": ("torch", "torch"), "MXNet 1.9.1": ("mxnet", "mxnet")}
    sides = []
    for count in workers:
        side = _ours(f"{OURS}, {count} workers", "loader_peer.py", "mixnet", str(count))
        side.column = OURS
        sides.append(side)
        for name in peers:
            where, kind = environment[name]
            sides.append(_peer(f"{name}, {count} workers", where, "loader_peer.py", kind, str(count), column=name, MXNET_SUBGRAPH_BACKEND="NONE"))
    return sides


def stores(peers):
    """The sides that have a key-value store, ours first."""
    others = {"MXNet 1.9.1": _peer("MXNet 1.9.1", "mxnet", "store_peer.py", "mxnet", MXNET_SUBGRAPH_BACKEND="NONE")}
    return [_ours(OURS, "store_peer.py", "mixnet"), *(others[name] for name in peers)]


def images():
    """The sides that read and augment images, ours first."""
    others = (("MXNet 1.9.1", "mxnet", "mxnet"), ("PyTorch with OpenCV", "torch", "torch"), ("tf.data", "tensorflow", "tensorflow"))
    variables = {"MXNET_SUBGRAPH_BACKEND": "NONE", "TF_CPP_MIN_LOG_LEVEL": "2"}
    return [
        _ours(OURS, "image_peer.py", "mixnet"),
        *(_peer(name, place, "image_peer.py", kind, **variables) for name, place, kind in others),
    ]


RECOMPUTING = f"{OURS} recomputing"


def on_gpu(names=None, recomputing=False):
    """The sides that run on a GPU, ours first; of the others those with these names; ours once more, computing cheap values again in backward."""
    settings = {"MIXNET_GPU_TF32": "1", "MIXNET_CUDNN_AUTOTUNE": "1"}
    sides = [_ours(OURS, "mx_peer.py", "mixnet", **settings)]
    sides += [all_sides()[name] for name in ("PyTorch eager", "PyTorch compile") if names is None or name in names]
    if recomputing:
        sides.append(_ours(RECOMPUTING, "mx_peer.py", "mixnet", MIXNET_BACKWARD_DO_MIRROR="1", **settings))
    for side in sides:
        side.fields = {"device": "gpu"}
    return sides


def chosen(names=None):
    """The sides with these names (all when None), unknown names raise."""
    sides = all_sides()
    for name in names or ():
        if name not in sides:
            raise ValueError(f"[contestants] {name}: expected one of {', '.join(sides)}")
    return [side for name, side in sides.items() if names is None or name in names]
