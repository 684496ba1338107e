"""Layers, and blocks that call blocks one after the other."""

import sys

from ..block import Block  # noqa: F401
from ..hybrid_block import HybridBlock  # noqa: F401
from ..symbol_block import SymbolBlock  # noqa: F401
from .activations import ELU, GELU, SELU, Activation, LeakyReLU, PReLU, Swish  # noqa: F401
from .basic import Dense, Dropout, Embedding, Flatten, HybridLambda, Lambda  # noqa: F401
from .convolution import (  # noqa: F401
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    ReflectionPad2D,
)
from .normalization import BatchNorm, BatchNormReLU, GroupNorm, InstanceNorm, LayerNorm  # noqa: F401
from .pooling import (  # noqa: F401
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
)
from .sequential import HybridSequential, Sequential  # noqa: F401

# MXNet's modules of these names have the same.
for _name in ("basic_layers", "conv_layers"):
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = sys.modules[__name__]
