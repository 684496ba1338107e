"""mx.gluon: `mx.gluon.data` alone, which feeds modules and loops of one's own. Nets are symbols here: there are no blocks, losses or trainers."""

import importlib

__all__ = ["contrib", "data"]

_INSTEAD = {
    "nn": "mx.sym and mx.mod.Module, or mx.jit",
    "rnn": "mx.rnn",
    "loss": "the output operators of mx.sym, or mx.autograd",
    "Trainer": "mx.mod.Module.fit, or mx.optimizer.get_updater",
    "Block": "a Python class, with mx.jit where it shall run as a graph; transforms are mx.gluon.data.vision.transforms.Transform",
    "HybridBlock": "mx.jit; transforms are mx.gluon.data.vision.transforms.Transform",
    "SymbolBlock": "mx.mod.Module",
    "Parameter": "mx.nd.NDArray with attach_grad",
    "model_zoo": "symbols of one's own (examples)",
    "utils": "mx.nd.split",
}


def __getattr__(name):
    if name in __all__:
        return importlib.import_module("." + name, __name__)
    instead = f"; use {_INSTEAD[name]}" if name in _INSTEAD else ""
    raise AttributeError(f"[mx.gluon] {name}: mx.gluon has data only{instead}")
