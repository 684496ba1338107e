"""mx.gluon: nets, layers and losses as Python blocks, their parameters, a Trainer, and data for them.

A block computes with arrays at once; after `hybridize` its first call becomes a symbol, which runs as a planned graph from then on.
"""

import importlib

from .block import Block
from .hybrid_block import HybridBlock
from .parameter import Constant, DeferredInitializationError, Parameter
from .parameter_dict import ParameterDict
from .symbol_block import SymbolBlock
from .trainer import Trainer

_MODULES = ("contrib", "data", "loss", "model_zoo", "nn", "rnn", "utils")

__all__ = [
    "Block",
    "Constant",
    "DeferredInitializationError",
    "HybridBlock",
    "Parameter",
    "ParameterDict",
    "SymbolBlock",
    "Trainer",
    *_MODULES,
]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"[mx.gluon] {name}: there is no such name; expected one of {', '.join(__all__)}")
