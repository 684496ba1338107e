"""mixnet: a deep-learning runtime with the Python API of MXNet 1.9."""

import importlib
import os

from . import attribute, base, context, engine, name, ndarray, random, symbol  # noqa: F401
from . import ndarray as nd  # noqa: F401
from . import random as rnd  # noqa: F401
from . import symbol as sym  # noqa: F401
from .attribute import AttrScope  # noqa: F401
from .base import MXNetError  # noqa: F401
from .context import Context, cpu, cpu_pinned, current_context, gpu, num_gpus  # noqa: F401
from .libinfo import __version__  # noqa: F401
from .name import NameManager  # noqa: F401

# Loaded at first use, so that importing the package stays quick.
_LAZY = {
    "amp": "amp",
    "autograd": "autograd",
    "caffe": "caffe",
    "callback": "callback",
    "contrib": "contrib",
    "executor": "executor",
    "gluon": "gluon",
    "image": "image",
    "img": "image",
    "init": "initializer",
    "initializer": "initializer",
    "io": "io",
    "kv": "kvstore",
    "kvstore": "kvstore",
    "kvstore_report": "kvstore_report",
    "kvstore_server": "kvstore_server",
    "library": "library",
    "log": "log",
    "lr_scheduler": "lr_scheduler",
    "metric": "metric",
    "mod": "module",
    "model": "model",
    "module": "module",
    "mon": "monitor",
    "monitor": "monitor",
    "onnx": "onnx",
    "operator": "operator",
    "opt": "optimizer",
    "optimizer": "optimizer",
    "predictor": "predictor",
    "profiler": "profiler",
    "recordio": "recordio",
    "registry": "registry",
    "rnn": "rnn",
    "rtc": "rtc",
    "runtime": "runtime",
    "safetensors": "safetensors",
    "simulate": "simulate",
    "test_utils": "test_utils",
    "util": "util",
    "visualization": "visualization",
    "viz": "visualization",
}


def __getattr__(key):
    if key in _LAZY:
        module = importlib.import_module("." + _LAZY[key], __name__)
        globals()[key] = module
        return module
    if key == "jit":
        globals()["jit"] = importlib.import_module(".replay", __name__).jit
        return globals()["jit"]
    if key == "Monitor":
        return importlib.import_module(".monitor", __name__).Monitor
    raise AttributeError(f"module 'mixnet' has no attribute '{key}'")


def waitall():
    """Waits for all work; raises the first error since the last call."""
    ndarray.waitall()


if os.environ.get("MIXNET_PROFILER_AUTOSTART", os.environ.get("MXNET_PROFILER_AUTOSTART", "0")) not in ("", "0"):
    importlib.import_module(".profiler", __name__)._autostart()
