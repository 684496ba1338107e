"""Recurrent layers over whole sequences, and cells for one step, which `unroll` runs over a sequence."""

from .cells import GRUCell, LSTMCell, RNNCell  # noqa: F401
from .layers import GRU, LSTM, RNN  # noqa: F401
from .modifiers import DropoutCell, ModifierCell, ResidualCell, ZoneoutCell  # noqa: F401
from .recurrent_cell import HybridRecurrentCell, RecurrentCell  # noqa: F401
from .stacks import BidirectionalCell, HybridSequentialRNNCell, SequentialRNNCell  # noqa: F401
