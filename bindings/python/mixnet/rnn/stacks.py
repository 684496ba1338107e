"""Cells made of cells: one on top of the other, or one in each direction."""

from .. import symbol as sym
from .base_cell import BaseRNNCell
from .sequence import as_steps, as_whole


class _Stack(BaseRNNCell):
    """Parameters and states of several cells, in their order."""

    def __init__(self, prefix, params):
        self._cells = []
        super().__init__(prefix, params)
        self._shares = params is not None

    def _adopt(self, cell):
        if self._shares:
            if not cell._own_params:
                raise ValueError(f"[{type(self).__name__}] params: expected only one of the stack and its cells to be given params, got both")
            cell.params._params.update(self.params._params)
        self.params._params.update(cell.params._params)
        self._cells.append(cell)

    @property
    def state_info(self):
        """The states of all cells."""
        return [info for cell in self._cells for info in cell.state_info]

    def begin_state(self, **kwargs):
        """The begin states of all cells."""
        self._refuse_modified()
        return [state for cell in self._cells for state in cell.begin_state(**kwargs)]

    def unpack_weights(self, args):
        """By every cell in turn."""
        for cell in self._cells:
            args = cell.unpack_weights(args)
        return args

    def pack_weights(self, args):
        """By every cell in turn."""
        for cell in self._cells:
            args = cell.pack_weights(args)
        return args

    def _shares_of(self, states):
        """(cell, its states) in order."""
        at = 0
        for cell in self._cells:
            count = len(cell.state_info)
            yield cell, states[at : at + count]
            at += count


class SequentialRNNCell(_Stack):
    """Cells on top of each other; `add` them from the bottom up."""

    def __init__(self, params=None):
        super().__init__("", params)

    def add(self, cell):
        """Puts `cell` on top."""
        self._adopt(cell)

    def __call__(self, inputs, states):
        self._counter += 1
        following = []
        for cell, own in self._shares_of(states):
            inputs, now = cell(inputs, own)
            following.extend(now)
        return inputs, following

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Unrolls each cell over the whole sequence, so that fused and bidirectional ones can take part."""
        self.reset()
        states = self.begin_state() if begin_state is None else begin_state
        following = []
        for i, (cell, own) in enumerate(self._shares_of(states)):
            merge = merge_outputs if i == len(self._cells) - 1 else None
            inputs, now = cell.unroll(length, inputs, own, layout, merge)
            following.extend(now)
        return inputs, following


class BidirectionalCell(_Stack):
    """One cell forwards and one backwards; the outputs of a step are concatenated.

    Parameters
    ----------
    l_cell, r_cell : BaseRNNCell
    params : RNNParams or None
    output_prefix : str
        Before the names of the outputs.
    """

    def __init__(self, l_cell, r_cell, params=None, output_prefix="bi_"):
        super().__init__("", params)
        self._output_prefix = output_prefix
        for cell in (l_cell, r_cell):
            self._adopt(cell)

    def __call__(self, inputs, states):
        raise NotImplementedError("[BidirectionalCell] expected unroll(), got a call for one step; the backward cell needs the whole sequence")

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Outputs, and the states of both cells in two lists."""
        self.reset()
        steps = as_steps("BidirectionalCell", length, inputs, layout)
        states = self.begin_state() if begin_state is None else begin_state
        (left, left_states), (right, right_states) = self._shares_of(states)
        left_out, left_end = left.unroll(length, steps, left_states, layout, merge_outputs)
        right_out, right_end = right.unroll(length, steps[::-1], right_states, layout, merge_outputs)
        if merge_outputs is None:
            merge_outputs = isinstance(left_out, sym.Symbol) and isinstance(right_out, sym.Symbol)
        if merge_outputs:
            sides = [as_whole("BidirectionalCell", length, side, layout) for side in (left_out, right_out)]
            sides[1] = sym.reverse(sides[1], axis=layout.find("T"))
            outputs = sym.concat(*sides, dim=2, name=f"{self._output_prefix}out")
        else:
            left_steps, right_steps = (as_steps("BidirectionalCell", length, side, layout) for side in (left_out, right_out))
            outputs = [sym.concat(a, b, dim=1, name=f"{self._output_prefix}t{i}") for i, (a, b) in enumerate(zip(left_steps, right_steps[::-1]))]
        return outputs, [left_end, right_end]
