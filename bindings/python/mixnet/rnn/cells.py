"""The plain cell (Elman, 1990), LSTM (Hochreiter and Schmidhuber, 1997) and GRU (Cho et al., 2014)."""

from .. import symbol as sym
from ..initializer import LSTMBias
from .base_cell import BaseRNNCell


class _GatedCell(BaseRNNCell):
    """A cell of which every step is one product for the input and one for the first state."""

    def __init__(self, num_hidden, prefix, params, bias_init=None):
        super().__init__(prefix=prefix, params=params)
        self._num_hidden = num_hidden
        bias = {} if bias_init is None else {"init": bias_init}
        self._weights = {"i2h": (self._params.get("i2h_weight"), self._params.get("i2h_bias", **bias))}
        self._weights["h2h"] = (self._params.get("h2h_weight"), self._params.get("h2h_bias"))

    @property
    def state_info(self):
        """One state of shape (batch, num_hidden)."""
        return [{"shape": (0, self._num_hidden), "__layout__": "NC"}]

    def _products(self, inputs, state, name):
        size = self._num_hidden * len(self._gate_names)
        return [sym.FullyConnected(data, *self._weights[group], num_hidden=size, name=name + group) for data, group in ((inputs, "i2h"), (state, "h2h"))]


class RNNCell(_GatedCell):
    """h' = activation(W x + b + R h + q).

    Parameters
    ----------
    num_hidden : int
    activation : str or function of a symbol
    prefix : str
    params : RNNParams or None
    """

    def __init__(self, num_hidden, activation="tanh", prefix="rnn_", params=None):
        super().__init__(num_hidden, prefix, params)
        self._act = activation

    @property
    def _gate_names(self):
        return ("",)

    def __call__(self, inputs, states):
        name = self._step_name()
        i2h, h2h = self._products(inputs, states[0], name)
        output = self._activation(i2h + h2h, self._act, name=name + "out")
        return output, [output]


class LSTMCell(_GatedCell):
    """Long short-term memory; gates in the order i, f, c, o. States: output and cell.

    Parameters
    ----------
    num_hidden : int
    prefix : str
    params : RNNParams or None
    forget_bias : float
        Initial bias of the forget gate (Jozefowicz et al., 2015).
    """

    def __init__(self, num_hidden, prefix="lstm_", params=None, forget_bias=1.0):
        super().__init__(num_hidden, prefix, params, LSTMBias(forget_bias=forget_bias))

    @property
    def state_info(self):
        """Output and cell, each (batch, num_hidden)."""
        return [{"shape": (0, self._num_hidden), "__layout__": "NC"} for _ in range(2)]

    @property
    def _gate_names(self):
        return ["_i", "_f", "_c", "_o"]

    def __call__(self, inputs, states):
        name = self._step_name()
        i2h, h2h = self._products(inputs, states[0], name)
        sums = sym.SliceChannel(i2h + h2h, num_outputs=4, name=name + "slice")
        kinds = ("sigmoid", "sigmoid", "tanh", "sigmoid")
        i, f, c, o = (sym.Activation(sums[k], act_type=kind, name=name + gate) for k, (gate, kind) in enumerate(zip("ifco", kinds)))
        cell = sym.elemwise_add(f * states[1], i * c, name=name + "state")
        output = sym.elemwise_mul(o, sym.Activation(cell, act_type="tanh"), name=name + "out")
        return output, [output, cell]


class GRUCell(_GatedCell):
    """Gated recurrent unit; gates in the order r, z, o, the reset applied after the state's product as in cuDNN.

    Parameters
    ----------
    num_hidden : int
    prefix : str
    params : RNNParams or None
    """

    def __init__(self, num_hidden, prefix="gru_", params=None):
        super().__init__(num_hidden, prefix, params)

    @property
    def _gate_names(self):
        return ["_r", "_z", "_o"]

    def __call__(self, inputs, states):
        name = self._step_name() + "_"
        i2h, h2h = self._products(inputs, states[0], name)
        i2h, h2h = sym.SliceChannel(i2h, num_outputs=3, name=name + "i2h_slice"), sym.SliceChannel(h2h, num_outputs=3, name=name + "h2h_slice")
        reset = sym.Activation(i2h[0] + h2h[0], act_type="sigmoid", name=name + "r_act")
        update = sym.Activation(i2h[1] + h2h[1], act_type="sigmoid", name=name + "z_act")
        fresh = sym.Activation(i2h[2] + reset * h2h[2], act_type="tanh", name=name + "h_act")
        output = sym.elemwise_add((1.0 - update) * fresh, update * states[0], name=name[:-1] + "out")
        return output, [output]
