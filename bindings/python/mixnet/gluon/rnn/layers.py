"""Recurrent layers over whole sequences: one operator, RNN, whatever the number of layers."""

import re

from ... import ndarray as nd
from ...base import MXNetError
from ...symbol import Symbol
from ..hybrid_block import HybridBlock
from .cells import GRUCell, LSTMCell, RNNCell
from .modifiers import DropoutCell
from .stacks import BidirectionalCell, HybridSequentialRNNCell


class _Layers(HybridBlock):
    """Weights and biases as those of cells, by layer and direction: l0_i2h_weight, r0_i2h_weight, l1_i2h_weight, ..."""

    _gates, _num_states = 1, 1

    def __init__(
        self,
        hidden_size,
        num_layers,
        layout,
        dropout,
        bidirectional,
        input_size,
        i2h_weight_initializer,
        h2h_weight_initializer,
        i2h_bias_initializer,
        h2h_bias_initializer,
        mode,
        dtype="float32",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if layout not in ("TNC", "NTC"):
            raise ValueError(f"[{type(self).__name__}] layout: expected 'TNC' or 'NTC', got {layout!r}")
        self._hidden_size, self._num_layers, self._mode, self._layout = hidden_size, num_layers, mode, layout
        self._dropout, self._input_size, self._directions, self._dtype = dropout, input_size, "lr" if bidirectional else "l", dtype
        rows = self._gates * hidden_size
        for layer in range(num_layers):
            columns = input_size if layer == 0 else hidden_size * len(self._directions)
            for side in self._directions:
                place = f"{side}{layer}_"
                self._register(place + "i2h_weight", (rows, columns), i2h_weight_initializer)
                self._register(place + "h2h_weight", (rows, hidden_size), h2h_weight_initializer)
                self._register(place + "i2h_bias", (rows,), i2h_bias_initializer)
                self._register(place + "h2h_bias", (rows,), h2h_bias_initializer)

    def _register(self, name, shape, init):
        setattr(self, name, self.params.get(name, shape=shape, init=init, dtype=self._dtype, allow_deferred_init=True))

    def __repr__(self):
        parts = [f"{self._input_size or None} -> {self._hidden_size}", self._layout]
        parts += [f"num_layers={self._num_layers}"] if self._num_layers != 1 else []
        parts += [f"dropout={self._dropout}"] if self._dropout else []
        parts += ["bidirectional"] if len(self._directions) == 2 else []
        return f"{type(self).__name__}({', '.join(parts)})"

    def _params_by_place(self, prefix=""):
        """As MXNet's files have them: by the cells of a stack."""
        cell = r"\1_cell." if len(self._directions) == 2 else ""
        place = re.compile(r"([lr])(\d+)_([ih]2h_\w+)")
        return {prefix + place.sub(rf"_unfused.\2.{cell}\3", name): parameter for name, parameter in super()._params_by_place().items()}

    def cast(self, dtype):
        """As Block.cast."""
        super().cast(dtype)
        self._dtype = dtype

    def state_info(self, batch_size=0):
        """A dict of "shape" and "__layout__" for every state: (layers * directions, batch, hidden)."""
        shape = (self._num_layers * len(self._directions), batch_size, self._hidden_size)
        return [{"shape": shape, "__layout__": "LNC"} for _ in range(self._num_states)]

    def begin_state(self, batch_size=0, func=nd.zeros, **kwargs):
        """States before the first step: func(shape=..., **kwargs) each."""
        return [func(shape=info["shape"], **{"dtype": self._dtype, **kwargs}) for info in self.state_info(batch_size)]

    def infer_shape(self, inputs, *args):
        """The first layer's weights fit the input's last axis."""
        self._input_size = inputs.shape[2]
        for side in self._directions:
            getattr(self, side + "0_i2h_weight").shape = (self._gates * self._hidden_size, self._input_size)

    def unfuse(self):
        """A stack of cells that does the same with the same parameters."""
        stack = HybridSequentialRNNCell(prefix=self.prefix, params=self.params)
        with stack.name_scope():
            for layer in range(self._num_layers):
                columns = self._input_size if layer == 0 else self._hidden_size * len(self._directions)
                cells = [self._cell(f"{side}{layer}_", columns) for side in self._directions]
                stack.add(BidirectionalCell(*cells) if len(cells) == 2 else cells[0])
                if self._dropout and layer != self._num_layers - 1:
                    stack.add(DropoutCell(self._dropout))
        return stack

    def forward(self, inputs, states=None):
        """The outputs (time, batch, directions * hidden), or in the order of `layout`; with states, (outputs, states after the last step)."""
        if isinstance(inputs, Symbol):
            return super().forward(inputs) if states is None else super().forward(inputs, states)
        axis = self._layout.index("N")
        if states is None:
            outputs, _ = super().forward(inputs, self.begin_state(inputs.shape[axis], ctx=inputs.context, dtype=inputs.dtype))
            return outputs
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        for state, info in zip(states, self.state_info(inputs.shape[axis])):
            if state.shape != info["shape"]:
                raise MXNetError(f"[{self.name}] states: expected shape {info['shape']}, got {state.shape}")
        return super().forward(inputs, states)

    def hybrid_forward(self, F, inputs, states=None, **params):  # noqa: N803
        alone = states is None
        if self._layout == "NTC":
            inputs = F.swapaxes(inputs, 0, 1)
        if alone:
            # Zeros (1, batch, 1) of the input give states of a batch that is not known.
            batch = F.zeros_like(F.slice_axis(F.slice_axis(inputs, axis=0, begin=0, end=1), axis=2, begin=0, end=1))
            size = (self._num_layers * len(self._directions), self._hidden_size)
            states = [F.broadcast_axis(batch, axis=(0, 2), size=size) for _ in range(self._num_states)]
        elif not isinstance(states, (list, tuple)):
            states = [states]
        order = [
            f"{side}{layer}_{source}_{kind}"
            for kind in ("weight", "bias")
            for layer in range(self._num_layers)
            for side in self._directions
            for source in ("i2h", "h2h")
        ]
        packed = F.concat(*[F.reshape(params[name], shape=(-1,)) for name in order], dim=0)
        bidirectional = len(self._directions) == 2
        outputs, *after = F.RNN(
            inputs,
            packed,
            *states,
            state_size=self._hidden_size,
            num_layers=self._num_layers,
            bidirectional=bidirectional,
            p=self._dropout,
            state_outputs=True,
            mode=self._mode,
        )
        if self._layout == "NTC":
            outputs = F.swapaxes(outputs, 0, 1)
        return outputs if alone else (outputs, after)


class RNN(_Layers):
    """h' = activation(W x + b + R h + c) (Elman, 1990), activation 'relu' or 'tanh'.

    Parameters
    ----------
    hidden_size : int
        Length of a layer's state in one direction.
    num_layers : int
    activation : {'relu', 'tanh'}
    layout : {'TNC', 'NTC'}
        Order of time, batch and features in inputs and outputs; states are (layers * directions, batch, hidden_size).
    dropout : float
        Share of the elements between layers that training drops.
    bidirectional : bool
    input_size : int
        Length of the input's last axis; 0: from the first call.
    """

    def __init__(
        self,
        hidden_size,
        num_layers=1,
        activation="relu",
        layout="TNC",
        dropout=0,
        bidirectional=False,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        input_size=0,
        dtype="float32",
        **kwargs,
    ):
        if activation not in ("relu", "tanh"):
            raise ValueError(f"[RNN] activation: expected 'relu' or 'tanh', got {activation!r}")
        self._activation = activation
        rules = (i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer)
        super().__init__(hidden_size, num_layers, layout, dropout, bidirectional, input_size, *rules, "rnn_" + activation, dtype, **kwargs)

    def _cell(self, prefix, columns):
        return RNNCell(self._hidden_size, self._activation, input_size=columns, prefix=prefix, params=None)


class LSTM(_Layers):
    """LSTMCell in layers. Two states, h and c. See RNN; projections and clipped states are not supported."""

    _gates, _num_states = 4, 2

    def __init__(
        self,
        hidden_size,
        num_layers=1,
        layout="TNC",
        dropout=0,
        bidirectional=False,
        input_size=0,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        projection_size=None,
        h2r_weight_initializer=None,
        state_clip_min=None,
        state_clip_max=None,
        state_clip_nan=False,
        dtype="float32",
        **kwargs,
    ):
        for key, value in (("projection_size", projection_size), ("state_clip_min", state_clip_min), ("state_clip_max", state_clip_max)):
            if value is not None:
                raise MXNetError(f"[LSTM] {key}: expected None, since it is not supported, got {value}")
        rules = (i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer)
        super().__init__(hidden_size, num_layers, layout, dropout, bidirectional, input_size, *rules, "lstm", dtype, **kwargs)

    def _cell(self, prefix, columns):
        return LSTMCell(self._hidden_size, input_size=columns, prefix=prefix, params=None)


class GRU(_Layers):
    """GRUCell in layers. See RNN."""

    _gates = 3

    def __init__(
        self,
        hidden_size,
        num_layers=1,
        layout="TNC",
        dropout=0,
        bidirectional=False,
        input_size=0,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        dtype="float32",
        **kwargs,
    ):
        rules = (i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer)
        super().__init__(hidden_size, num_layers, layout, dropout, bidirectional, input_size, *rules, "gru", dtype, **kwargs)

    def _cell(self, prefix, columns):
        return GRUCell(self._hidden_size, input_size=columns, prefix=prefix, params=None)
