"""Recurrent layers over whole sequences, and cells for one step, which `unroll` runs over a sequence."""

import sys

from .cells import GRUCell, LSTMCell, RNNCell  # noqa: F401
from .layers import GRU, LSTM, RNN  # noqa: F401
from .modifiers import DropoutCell, ModifierCell, ResidualCell, ZoneoutCell  # noqa: F401
from .recurrent_cell import HybridRecurrentCell, RecurrentCell  # noqa: F401
from .stacks import BidirectionalCell, HybridSequentialRNNCell, SequentialRNNCell  # noqa: F401

# MXNet's modules of these names have the same.
for _name in ("rnn_cell", "rnn_layer"):
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = sys.modules[__name__]
