"""What all cells have in common: parameters by name, begin states, unrolling, and weights per gate."""

from .. import ndarray as nd
from .. import symbol as sym
from .sequence import as_steps, in_form

_GROUPS = ("i2h", "h2h")


class RNNParams:
    """Variables by name with a prefix, made at first use, so that cells can share them."""

    def __init__(self, prefix=""):
        self._prefix = prefix
        self._params = {}

    def get(self, name, **kwargs):
        """The variable `name` behind the prefix."""
        name = self._prefix + name
        if name not in self._params:
            self._params[name] = sym.Variable(name, **kwargs)
        return self._params[name]


class BaseRNNCell:
    """One step of a recurrent network: ``output, states = cell(input, states)``.

    Parameters
    ----------
    prefix : str
        Before the names of parameters and outputs.
    params : RNNParams or None
        Parameters shared with another cell.
    """

    def __init__(self, prefix="", params=None):
        self._own_params = params is None
        self._prefix = prefix
        self._params = RNNParams(prefix) if params is None else params
        self._modified = False
        self.reset()

    def reset(self):
        """Names of steps count from 0 again: before a graph is built anew."""
        self._init_counter = -1
        self._counter = -1
        for cell in getattr(self, "_cells", ()):
            cell.reset()

    def __call__(self, inputs, states):
        raise NotImplementedError(f"[{type(self).__name__}] expected the subclass to define a step, got none")

    @property
    def params(self):
        """The parameters, from now on shared."""
        self._own_params = False
        return self._params

    @property
    def state_info(self):
        """Shape (0 for the batch) and layout of every state."""
        raise NotImplementedError(f"[{type(self).__name__}] state_info: expected the subclass to define it, got none")

    @property
    def state_shape(self):
        """Shapes of the states, 0 for the batch."""
        return [info["shape"] for info in self.state_info]

    @property
    def _gate_names(self):
        return ()

    def _refuse_modified(self):
        if self._modified:
            raise ValueError(f"[{type(self).__name__}] expected the cell that modifies this one (such as Zoneout) to be used, got a call on the base cell")

    def begin_state(self, func=sym.zeros, **kwargs):
        """Symbols of the states before the first step, each from ``func(name=..., shape=..., **kwargs)``."""
        self._refuse_modified()
        states = []
        for info in self.state_info:
            self._init_counter += 1
            states.append(func(name=f"{self._prefix}begin_state_{self._init_counter}", **{**info, **kwargs}))
        return states

    def unpack_weights(self, args):
        """A copy of the dict of arrays with every gate's weight and bias by themselves."""
        args = dict(args)
        for group in _GROUPS if self._gate_names else ():
            for kind in ("weight", "bias"):
                whole = args.pop(f"{self._prefix}{group}_{kind}")
                size = whole.shape[0] // len(self._gate_names)
                for i, gate in enumerate(self._gate_names):
                    args[f"{self._prefix}{group}{gate}_{kind}"] = whole[i * size : (i + 1) * size].copy()
        return args

    def pack_weights(self, args):
        """The inverse of `unpack_weights`."""
        args = dict(args)
        for group in _GROUPS if self._gate_names else ():
            for kind in ("weight", "bias"):
                parts = [args.pop(f"{self._prefix}{group}{gate}_{kind}") for gate in self._gate_names]
                args[f"{self._prefix}{group}_{kind}"] = nd.concat(*parts, dim=0)
        return args

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Applies the cell to `length` steps.

        Parameters
        ----------
        length : int
        inputs : Symbol or list of Symbol
            One symbol with a time axis, or one of shape (batch, channels) per step.
        begin_state : list of Symbol or None
            None for zeros.
        layout : "NTC" or "TNC"
        merge_outputs : bool or None
            Whether the outputs come as one symbol; None leaves it to the cell.

        Returns
        -------
        (outputs, states after the last step)
        """
        self.reset()
        steps = as_steps(type(self).__name__, length, inputs, layout)
        states = self.begin_state() if begin_state is None else begin_state
        outputs = []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
        return in_form(type(self).__name__, length, outputs, layout, merge_outputs), states

    def _activation(self, inputs, activation, **kwargs):
        """`activation` by name or as a function of a symbol."""
        if isinstance(activation, str):
            return sym.Activation(inputs, act_type=activation, **kwargs)
        return activation(inputs, **kwargs)

    def _step_name(self):
        self._counter += 1
        return f"{self._prefix}t{self._counter}_"


class ModifierCell(BaseRNNCell):
    """A cell that changes what another one does; parameters and states are the other's."""

    def __init__(self, base_cell):
        super().__init__()
        base_cell._modified = True
        self.base_cell = base_cell
        self._cells = [base_cell]

    @property
    def params(self):
        """The base cell's parameters, from now on shared."""
        self._own_params = False
        return self.base_cell.params

    @property
    def state_info(self):
        """The base cell's."""
        return self.base_cell.state_info

    def begin_state(self, init_sym=sym.zeros, **kwargs):
        """The base cell's begin states."""
        self._refuse_modified()
        self.base_cell._modified = False
        try:
            return self.base_cell.begin_state(kwargs.pop("func", init_sym), **kwargs)
        finally:
            self.base_cell._modified = True

    def unpack_weights(self, args):
        """The base cell's."""
        return self.base_cell.unpack_weights(args)

    def pack_weights(self, args):
        """The base cell's."""
        return self.base_cell.pack_weights(args)
