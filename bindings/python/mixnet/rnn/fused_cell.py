"""All layers, directions and steps in one RNN operator."""

import numpy as np

from .. import ndarray as nd
from .. import symbol as sym
from ..initializer import FusedRNN
from .base_cell import BaseRNNCell
from .sequence import as_steps, as_whole

_GATES = {"rnn_relu": ("",), "rnn_tanh": ("",), "lstm": ("_i", "_f", "_c", "_o"), "gru": ("_r", "_z", "_o")}


class FusedRNNCell(BaseRNNCell):
    """Stacked recurrent layers as one operator, the fastest form. It cannot be stepped; `unfuse` gives cells that can.

    Parameters
    ----------
    num_hidden, num_layers : int
    mode : "rnn_relu", "rnn_tanh", "lstm" or "gru"
    bidirectional : bool
    dropout : float
        Between layers, in training.
    get_next_state : bool
        Whether `unroll` returns the states after the last step.
    forget_bias : float
        Initial bias of an LSTM's forget gate.
    prefix : str or None
        None for the mode's name.
    params : RNNParams or None
    """

    def __init__(
        self, num_hidden, num_layers=1, mode="lstm", bidirectional=False, dropout=0.0, get_next_state=False, forget_bias=1.0, prefix=None, params=None
    ):
        if mode not in _GATES:
            raise ValueError(f"[FusedRNNCell] mode: expected one of {', '.join(sorted(_GATES))}, got {mode!r}")
        super().__init__(f"{mode}_" if prefix is None else prefix, params)
        self._num_hidden, self._num_layers, self._mode, self._bidirectional = num_hidden, num_layers, mode, bidirectional
        self._dropout, self._get_next_state, self._forget_bias = dropout, get_next_state, forget_bias
        self._directions = ["l", "r"] if bidirectional else ["l"]
        init = FusedRNN(None, num_hidden, num_layers, mode, bidirectional, forget_bias)
        self._parameter = self._params.get("parameters", init=init)

    @property
    def state_info(self):
        """(layers * directions, batch, num_hidden): the output, for an LSTM also the cell."""
        shape = (len(self._directions) * self._num_layers, 0, self._num_hidden)
        return [{"shape": shape, "__layout__": "LNC"} for _ in range(2 if self._mode == "lstm" else 1)]

    @property
    def _gate_names(self):
        return list(_GATES[self._mode])

    def _blocks(self, num_input):
        """(name, shape) of every gate's weight and bias, in the order of the packed vector."""
        hidden, both = self._num_hidden, len(self._directions)
        for kind in ("weight", "bias"):
            for layer in range(self._num_layers):
                columns = {"i2h": num_input if layer == 0 else both * hidden, "h2h": hidden}
                for direction in self._directions:
                    for group in ("i2h", "h2h"):
                        shape = (hidden, columns[group]) if kind == "weight" else (hidden,)
                        for gate in self._gate_names:
                            yield f"{self._prefix}{direction}{layer}_{group}{gate}_{kind}", shape

    def unpack_weights(self, args):
        """A copy of the dict with the packed vector as one weight and bias per layer, direction and gate."""
        args = dict(args)
        packed = args.pop(self._parameter.name)
        hidden, both = self._num_hidden, len(self._directions)
        rows, rest = divmod(packed.size, both * hidden * len(self._gate_names))
        num_input = rows - (self._num_layers - 1) * (hidden + both * hidden + 2) - hidden - 2
        if rest or num_input < 0:
            raise ValueError(f"[FusedRNNCell] {self._parameter.name}: expected the parameters of some input size, got {packed.size} values")
        values, at = packed.asnumpy().reshape(-1), 0
        for name, shape in self._blocks(num_input):
            size = int(np.prod(shape))
            args[name] = nd.array(values[at : at + size].reshape(shape), dtype=packed.dtype)
            at += size
        return args

    def pack_weights(self, args):
        """The inverse of `unpack_weights`."""
        args = dict(args)
        first = args[f"{self._prefix}l0_i2h{self._gate_names[0]}_weight"]
        parts = []
        for name, shape in self._blocks(first.shape[1]):
            part = args.pop(name)
            if part.shape != shape:
                raise ValueError(f"[FusedRNNCell] {name}: expected shape {shape}, got {part.shape}")
            parts.append(part.asnumpy().reshape(-1))
        args[self._parameter.name] = nd.array(np.concatenate(parts), dtype=first.dtype)
        return args

    def __call__(self, inputs, states):
        raise NotImplementedError("[FusedRNNCell] expected unroll(), got a call for one step; unfuse() gives cells that can be stepped")

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Outputs (merged unless merge_outputs is False) and, with get_next_state, states. TNC saves two transpositions."""
        self.reset()
        data = as_whole("FusedRNNCell", length, inputs, layout)
        if layout == "NTC":
            data = sym.swapaxes(data, dim1=0, dim2=1)
        states = self.begin_state() if begin_state is None else begin_state
        result = sym.RNN(
            data,
            self._parameter,
            *states,
            state_size=self._num_hidden,
            num_layers=self._num_layers,
            bidirectional=self._bidirectional,
            p=self._dropout,
            state_outputs=self._get_next_state,
            mode=self._mode,
            name=f"{self._prefix}rnn",
        )
        outputs, following = (result[0], list(result)[1:]) if self._get_next_state else (result, [])
        if layout == "NTC":
            outputs = sym.swapaxes(outputs, dim1=0, dim2=1)
        if merge_outputs is False:
            outputs = as_steps("FusedRNNCell", length, outputs, layout)
        return outputs, following

    def unfuse(self):
        """The same network of single cells; `unpack_weights` here and `pack_weights` there carry the weights over."""
        from .cells import GRUCell, LSTMCell, RNNCell
        from .modifiers import DropoutCell
        from .stacks import BidirectionalCell, SequentialRNNCell

        def cell(prefix):
            if self._mode == "lstm":
                return LSTMCell(self._num_hidden, prefix=prefix, forget_bias=self._forget_bias)
            if self._mode == "gru":
                return GRUCell(self._num_hidden, prefix=prefix)
            return RNNCell(self._num_hidden, activation=self._mode[4:], prefix=prefix)

        stack = SequentialRNNCell()
        for layer in range(self._num_layers):
            cells = [cell(f"{self._prefix}{direction}{layer}_") for direction in self._directions]
            stack.add(BidirectionalCell(*cells, output_prefix=f"{self._prefix}bi_l{layer}_") if self._bidirectional else cells[0])
            if self._dropout > 0 and layer != self._num_layers - 1:
                stack.add(DropoutCell(self._dropout, prefix=f"{self._prefix}_dropout{layer}_"))
        return stack
