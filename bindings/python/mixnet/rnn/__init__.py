"""Recurrent cells for symbols, the iterator of sentences in buckets, and checkpoints with unpacked weights."""

from .base_cell import BaseRNNCell, ModifierCell, RNNParams  # noqa: F401
from .cells import GRUCell, LSTMCell, RNNCell  # noqa: F401
from .checkpoint import do_rnn_checkpoint, load_rnn_checkpoint, rnn_unroll, save_rnn_checkpoint  # noqa: F401
from .fused_cell import FusedRNNCell  # noqa: F401
from .modifiers import DropoutCell, ResidualCell, ZoneoutCell  # noqa: F401
from .sentences import BucketSentenceIter, encode_sentences  # noqa: F401
from .stacks import BidirectionalCell, SequentialRNNCell  # noqa: F401
