"""The cells of RNN, LSTM and GRU nets."""

from .recurrent_cell import HybridRecurrentCell


class _Cell(HybridRecurrentCell):
    """Weights (gates * hidden, ...) of the input and of the state before, with a bias each."""

    _gates, _states, _kind = 1, 1, "rnn"

    def __init__(
        self,
        hidden_size,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        input_size=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._hidden_size = hidden_size
        rows = self._gates * hidden_size
        self.i2h_weight = self.params.get("i2h_weight", shape=(rows, input_size), init=i2h_weight_initializer, allow_deferred_init=True)
        self.h2h_weight = self.params.get("h2h_weight", shape=(rows, hidden_size), init=h2h_weight_initializer, allow_deferred_init=True)
        self.i2h_bias = self.params.get("i2h_bias", shape=(rows,), init=i2h_bias_initializer, allow_deferred_init=True)
        self.h2h_bias = self.params.get("h2h_bias", shape=(rows,), init=h2h_bias_initializer, allow_deferred_init=True)

    def _alias(self):
        return self._kind

    def __repr__(self):
        rows, inputs = self.i2h_weight.shape
        return f"{type(self).__name__}({inputs or None} -> {rows})"

    def state_info(self, batch_size=0):
        return [{"shape": (batch_size, self._hidden_size), "__layout__": "NC"} for _ in range(self._states)]

    def _sums(self, F, inputs, state, i2h_weight, h2h_weight, i2h_bias, h2h_bias):  # noqa: N803
        """What the input and the state give to the gates."""
        rows = self._gates * self._hidden_size
        step = f"t{self._counter}_"
        return (
            F.FullyConnected(inputs, i2h_weight, i2h_bias, num_hidden=rows, name=step + "i2h"),
            F.FullyConnected(state, h2h_weight, h2h_bias, num_hidden=rows, name=step + "h2h"),
        )


class RNNCell(_Cell):
    """h' = activation(W x + b + R h + c) (Elman, 1990). activation: 'tanh', 'relu', or another of Activation's."""

    def __init__(
        self,
        hidden_size,
        activation="tanh",
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        input_size=0,
        prefix=None,
        params=None,
    ):
        super().__init__(hidden_size, i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer, input_size, prefix, params)
        self._activation = activation

    def hybrid_forward(self, F, inputs, states, i2h_weight, h2h_weight, i2h_bias, h2h_bias):  # noqa: N803
        of_input, of_state = self._sums(F, inputs, states[0], i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        output = F.Activation(of_input + of_state, act_type=self._activation)
        return output, [output]


class LSTMCell(_Cell):
    """Gates i, f, g, o: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c') (Hochreiter and Schmidhuber, 1997; forget gate of Gers et al., 2000).

    activation and recurrent_activation are used in place of tanh and sigmoid.
    """

    _gates, _states, _kind = 4, 2, "lstm"

    def __init__(
        self,
        hidden_size,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        input_size=0,
        prefix=None,
        params=None,
        activation="tanh",
        recurrent_activation="sigmoid",
    ):
        super().__init__(hidden_size, i2h_weight_initializer, h2h_weight_initializer, i2h_bias_initializer, h2h_bias_initializer, input_size, prefix, params)
        self._activation, self._recurrent_activation = activation, recurrent_activation

    def hybrid_forward(self, F, inputs, states, i2h_weight, h2h_weight, i2h_bias, h2h_bias):  # noqa: N803
        of_input, of_state = self._sums(F, inputs, states[0], i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        i, f, g, o = F.SliceChannel(of_input + of_state, num_outputs=4)
        i, f, o = (F.Activation(gate, act_type=self._recurrent_activation) for gate in (i, f, o))
        cell = f * states[1] + i * F.Activation(g, act_type=self._activation)
        output = o * F.Activation(cell, act_type=self._activation)
        return output, [output, cell]


class GRUCell(_Cell):
    """Gates r, z, n: h' = (1 - z) tanh(n + r R h) + z h, each gate's W x + b and R h + c apart, as cuDNN has them (Cho et al., 2014)."""

    _gates, _kind = 3, "gru"

    def hybrid_forward(self, F, inputs, states, i2h_weight, h2h_weight, i2h_bias, h2h_bias):  # noqa: N803
        of_input, of_state = self._sums(F, inputs, states[0], i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        r, z, n = F.SliceChannel(of_input, num_outputs=3)
        r_state, z_state, n_state = F.SliceChannel(of_state, num_outputs=3)
        reset, update = F.sigmoid(r + r_state), F.sigmoid(z + z_state)
        output = (1.0 - update) * F.tanh(n + reset * n_state) + update * states[0]
        return output, [output]
