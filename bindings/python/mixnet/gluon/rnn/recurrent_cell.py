"""The base of cells."""

from ... import ndarray as nd
from ...base import MXNetError
from ...ndarray import NDArray
from ..block import Block
from ..hybrid_block import HybridBlock
from .sequences import axis_of, cut, last_valid, merged, module_of, steps_of


class RecurrentCell(Block):
    """A step of a recurrent net: cell(input, states) gives (output, states). Input and output are (batch, features), states are a list."""

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._modified = False
        self.reset()

    def reset(self):
        """Forgets how many steps there were; `unroll` does so before it begins."""
        self._init_counter = self._counter = -1
        for cell in self._children.values():
            if isinstance(cell, RecurrentCell):
                cell.reset()

    def state_info(self, batch_size=0):
        """A dict of "shape", with batch_size, and "__layout__" for every state."""
        raise NotImplementedError(f"[{type(self).__name__}] expected a state_info method")

    def begin_state(self, batch_size=0, func=nd.zeros, **kwargs):
        """States before the first step: func(shape=..., **kwargs) each, such as mx.nd.zeros with ctx, or mx.sym.zeros."""
        if self._modified:
            raise MXNetError(f"[{self.name}] begin_state: expected the cell that modifies this one to be asked")
        states = []
        for info in self.state_info(batch_size):
            self._init_counter += 1
            options = {"shape": info["shape"], **kwargs}
            if func is not nd.zeros and func is not nd.ones:
                options["name"] = f"{self._prefix}begin_state_{self._init_counter}"
            try:
                states.append(func(**options))
            except TypeError:
                options.pop("name", None)
                states.append(func(**options))
        return states

    def _states_for(self, begin_state, steps):
        """The states given, or zeros that fit the first step's input."""
        if begin_state is not None:
            return begin_state
        first = steps[0]
        if isinstance(first, NDArray):
            return self.begin_state(first.shape[0], ctx=first.context, dtype=first.dtype)
        # A symbol's batch is not known: zeros are made of it.
        F = module_of(first)  # noqa: N806
        column = F.sum(F.zeros_like(first), axis=0, exclude=True)
        states = []
        for info in self.state_info(0):
            extra = len(info["shape"]) - 1
            whole = F.reshape(column, shape=(-1,) + (1,) * extra)
            states.append(F.broadcast_axis(whole, axis=tuple(range(1, extra + 1)), size=tuple(info["shape"][1:])))
        return states

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        """Runs the cell over a sequence: (outputs, states after the last step).

        Parameters
        ----------
        length : int
            Number of steps.
        inputs : array or symbol, or a list of them
            (batch, length, features), or in the order of `layout`; or (batch, features) for every step.
        begin_state : list, optional
            Zeros unless given.
        layout : {'NTC', 'TNC'}
            Of inputs and outputs in one array.
        merge_outputs : bool, optional
            Whether outputs come as one array; as the inputs unless given.
        valid_length : array (batch,), optional
            Steps of each example; behind them outputs are 0, and states are those after its last one.
        """
        self.reset()
        steps = steps_of(inputs, length, layout)
        states = self._states_for(begin_state, steps)
        outputs, all_states = [], []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
            all_states.append(states)
        return self._finish(outputs, all_states if valid_length is not None else states, inputs, layout, merge_outputs, valid_length)

    @staticmethod
    def _finish(outputs, states, inputs, layout, merge_outputs, valid_length):
        merge = not isinstance(inputs, (list, tuple)) if merge_outputs is None else merge_outputs
        if valid_length is not None:
            states = last_valid(states, valid_length)
            whole = cut(merged(outputs, layout), valid_length, axis_of(layout)[0])
            return (whole if merge else steps_of(whole, len(outputs), layout)), states
        return (merged(outputs, layout) if merge else outputs), states

    def forward(self, inputs, states):
        """(output, states) of one step."""
        self._counter += 1
        return super().forward(inputs, states)


class HybridRecurrentCell(RecurrentCell, HybridBlock):
    """A cell with hybrid_forward(F, inputs, states, **parameters)."""
