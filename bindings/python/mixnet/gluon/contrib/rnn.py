"""Cells that MXNet has in mx.gluon.contrib.rnn: states that are images, LSTMs with a projection, and dropout that stays the same for a whole sequence."""

from ...base import MXNetError
from ..nn.pooling import spread
from ..rnn.modifiers import RememberingCell
from ..rnn.recurrent_cell import HybridRecurrentCell

__all__ = [
    "Conv1DGRUCell",
    "Conv1DLSTMCell",
    "Conv1DRNNCell",
    "Conv2DGRUCell",
    "Conv2DLSTMCell",
    "Conv2DRNNCell",
    "Conv3DGRUCell",
    "Conv3DLSTMCell",
    "Conv3DRNNCell",
    "LSTMPCell",
    "VariationalDropoutCell",
]


class _ConvCell(HybridRecurrentCell):
    """A cell whose products are convolutions.

    Parameters
    ----------
    input_shape : tuple of int
        Of one example at one step, with its channels first.
    hidden_channels : int
    i2h_kernel, h2h_kernel : int, or one per axis
        Of the input and of the state; h2h_kernel is odd, so that states keep their size.
    i2h_pad, i2h_dilate, h2h_dilate : int, or one per axis
    activation : str
        In place of tanh.
    """

    _axes, _layout, _gates, _states, _kind = 2, "NCHW", 1, 1, "conv_rnn"

    def __init__(
        self,
        input_shape,
        hidden_channels,
        i2h_kernel,
        h2h_kernel,
        i2h_pad=0,
        i2h_dilate=1,
        h2h_dilate=1,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        conv_layout=None,
        activation="tanh",
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        place = type(self).__name__
        if conv_layout not in (None, self._layout):
            raise MXNetError(f"[{place}] conv_layout: expected {self._layout}, got {conv_layout!r}")
        if len(input_shape) != self._axes + 1:
            raise MXNetError(f"[{place}] input_shape: expected channels and {self._axes} extents, got {input_shape}")
        self._channels, self._activation = hidden_channels, activation
        i2h = self._convolution(i2h_kernel, i2h_dilate, "i2h")
        h2h = self._convolution(h2h_kernel, h2h_dilate, "h2h")
        if not all(extent % 2 for extent in h2h["kernel"]):
            raise MXNetError(f"[{place}] h2h_kernel: expected odd numbers, which keep the size of states, got {h2h_kernel}")
        i2h["pad"] = spread(i2h_pad, self._axes, self, "i2h_pad")
        h2h["pad"] = tuple(dilate * (kernel - 1) // 2 for kernel, dilate in zip(h2h["kernel"], h2h["dilate"]))
        self._i2h, self._h2h = i2h, h2h
        sizes = [extent + 2 * pad - dilate * (kernel - 1) for extent, pad, dilate, kernel in zip(input_shape[1:], i2h["pad"], i2h["dilate"], i2h["kernel"])]
        self._state_shape = (hidden_channels, *sizes)
        rows = self._gates * hidden_channels
        self.i2h_weight = self._weight("i2h_weight", (rows, input_shape[0], *i2h["kernel"]), i2h_weight_initializer)
        self.h2h_weight = self._weight("h2h_weight", (rows, hidden_channels, *h2h["kernel"]), h2h_weight_initializer)
        self.i2h_bias = self._weight("i2h_bias", (rows,), i2h_bias_initializer)
        self.h2h_bias = self._weight("h2h_bias", (rows,), h2h_bias_initializer)

    def _convolution(self, kernel, dilate, what):
        return {
            "kernel": spread(kernel, self._axes, self, what + "_kernel"),
            "dilate": spread(dilate, self._axes, self, what + "_dilate"),
            "num_filter": self._gates * self._channels,
        }

    def _weight(self, name, shape, init):
        return self.params.get(name, shape=shape, init=init, allow_deferred_init=True)

    def _alias(self):
        return self._kind

    def __repr__(self):
        rows, inputs, *kernel = self.i2h_weight.shape
        return f"{type(self).__name__}({inputs} -> {rows}, {self._layout}, kernel={tuple(kernel)})"

    def state_info(self, batch_size=0):
        return [{"shape": (batch_size, *self._state_shape), "__layout__": self._layout} for _ in range(self._states)]

    def _sums(self, F, inputs, state, i2h_weight, h2h_weight, i2h_bias, h2h_bias):  # noqa: N803
        step = f"t{self._counter}_"
        return (
            F.Convolution(inputs, i2h_weight, i2h_bias, name=step + "i2h", **self._i2h),
            F.Convolution(state, h2h_weight, h2h_bias, name=step + "h2h", **self._h2h),
        )

    def _squash(self, F, x):  # noqa: N803
        return F.LeakyReLU(x, act_type="leaky") if self._activation == "leaky" else F.Activation(x, act_type=self._activation)


class Conv2DRNNCell(_ConvCell):
    """RNNCell on images. See the parameters of Conv2DLSTMCell."""

    def hybrid_forward(self, F, inputs, states, **params):  # noqa: N803
        of_input, of_state = self._sums(F, inputs, states[0], **params)
        output = self._squash(F, of_input + of_state)
        return output, [output]


class Conv2DLSTMCell(_ConvCell):
    __doc__ = _ConvCell.__doc__.replace("A cell whose products are convolutions.", "LSTMCell on images (Shi et al., 2015).")
    _gates, _states, _kind = 4, 2, "conv_lstm"

    def hybrid_forward(self, F, inputs, states, **params):  # noqa: N803
        of_input, of_state = self._sums(F, inputs, states[0], **params)
        i, f, g, o = F.SliceChannel(of_input + of_state, num_outputs=4)
        cell = F.sigmoid(f) * states[1] + F.sigmoid(i) * self._squash(F, g)
        output = F.sigmoid(o) * self._squash(F, cell)
        return output, [output, cell]


class Conv2DGRUCell(_ConvCell):
    """GRUCell on images. See the parameters of Conv2DLSTMCell."""

    _gates, _kind = 3, "conv_gru"

    def hybrid_forward(self, F, inputs, states, **params):  # noqa: N803
        of_input, of_state = self._sums(F, inputs, states[0], **params)
        r, z, n = F.SliceChannel(of_input, num_outputs=3)
        r_state, z_state, n_state = F.SliceChannel(of_state, num_outputs=3)
        reset, update = F.sigmoid(r + r_state), F.sigmoid(z + z_state)
        output = (1.0 - update) * self._squash(F, n + reset * n_state) + update * states[0]
        return output, [output]


def _with_axes(cell, axes, layout):
    name = cell.__name__.replace("2D", f"{axes}D")
    text = f"{cell.__name__} on {layout}."
    return type(name, (cell,), {"_axes": axes, "_layout": layout, "__doc__": text, "__module__": __name__, "__qualname__": name})


Conv1DRNNCell, Conv1DLSTMCell, Conv1DGRUCell = (_with_axes(cell, 1, "NCW") for cell in (Conv2DRNNCell, Conv2DLSTMCell, Conv2DGRUCell))
Conv3DRNNCell, Conv3DLSTMCell, Conv3DGRUCell = (_with_axes(cell, 3, "NCDHW") for cell in (Conv2DRNNCell, Conv2DLSTMCell, Conv2DGRUCell))


class LSTMPCell(HybridRecurrentCell):
    """LSTMCell whose output, and first state, is projected to projection_size numbers by a weight h2r_weight (Sak et al., 2014)."""

    def __init__(
        self,
        hidden_size,
        projection_size,
        i2h_weight_initializer=None,
        h2h_weight_initializer=None,
        h2r_weight_initializer=None,
        i2h_bias_initializer="zeros",
        h2h_bias_initializer="zeros",
        input_size=0,
        prefix=None,
        params=None,
    ):
        super().__init__(prefix=prefix, params=params)
        self._hidden_size, self._projection_size = hidden_size, projection_size
        rows = 4 * hidden_size
        for name, shape, init in (
            ("i2h_weight", (rows, input_size), i2h_weight_initializer),
            ("h2h_weight", (rows, projection_size), h2h_weight_initializer),
            ("h2r_weight", (projection_size, hidden_size), h2r_weight_initializer),
            ("i2h_bias", (rows,), i2h_bias_initializer),
            ("h2h_bias", (rows,), h2h_bias_initializer),
        ):
            setattr(self, name, self.params.get(name, shape=shape, init=init, allow_deferred_init=True))

    def _alias(self):
        return "lstmp"

    def __repr__(self):
        rows, inputs = self.i2h_weight.shape
        return f"{type(self).__name__}({inputs or None} -> {rows} -> {self._projection_size})"

    def state_info(self, batch_size=0):
        return [{"shape": (batch_size, size), "__layout__": "NC"} for size in (self._projection_size, self._hidden_size)]

    def hybrid_forward(self, F, inputs, states, i2h_weight, h2h_weight, h2r_weight, i2h_bias, h2h_bias):  # noqa: N803
        rows, step = 4 * self._hidden_size, f"t{self._counter}_"
        sums = F.FullyConnected(inputs, i2h_weight, i2h_bias, num_hidden=rows, name=step + "i2h")
        sums = sums + F.FullyConnected(states[0], h2h_weight, h2h_bias, num_hidden=rows, name=step + "h2h")
        i, f, g, o = F.SliceChannel(sums, num_outputs=4)
        cell = F.sigmoid(f) * states[1] + F.sigmoid(i) * F.tanh(g)
        hidden = F.sigmoid(o) * F.tanh(cell)
        output = F.FullyConnected(hidden, h2r_weight, num_hidden=self._projection_size, no_bias=True, name=step + "out")
        return output, [output, cell]


class VariationalDropoutCell(RememberingCell):
    """Dropout of inputs, of the first state and of outputs, by masks that are drawn once per sequence (Gal and Ghahramani, 2016)."""

    def __init__(self, base_cell, drop_inputs=0.0, drop_states=0.0, drop_outputs=0.0):
        super().__init__(base_cell)
        self._drop_inputs, self._drop_states, self._drop_outputs = drop_inputs, drop_states, drop_outputs

    def _alias(self):
        return "vardrop"

    def __repr__(self):
        return f"{type(self).__name__}(p_out = {self._drop_outputs}, p_state = {self._drop_states})"

    def reset(self):
        """As RecurrentCell.reset; the next step draws new masks."""
        super().reset()
        self._masks = {}

    def _dropped(self, F, what, rate, x):  # noqa: N803
        if not rate:
            return x
        if what not in self._masks:
            self._masks[what] = F.Dropout(F.ones_like(x), p=rate)
        return x * self._masks[what]

    def hybrid_forward(self, F, inputs, states):  # noqa: N803
        states = [self._dropped(F, "states", self._drop_states, states[0]), *states[1:]]
        output, states = self.base_cell(self._dropped(F, "inputs", self._drop_inputs, inputs), states)
        return self._dropped(F, "outputs", self._drop_outputs, output), states
