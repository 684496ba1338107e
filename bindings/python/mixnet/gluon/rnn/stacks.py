"""Cells made of cells: one above the other, and in both directions."""

from ...base import MXNetError
from .recurrent_cell import HybridRecurrentCell, RecurrentCell
from .sequences import axis_of, backwards, cut, merged, module_of, steps_of


class _Stack:
    """What both kinds of stack are."""

    def add(self, cell):
        """Appends a cell, which gets the outputs of the one before."""
        self.register_child(cell)

    def __len__(self):
        return len(self._children)

    def __getitem__(self, key):
        return list(self._children.values())[key]

    def state_info(self, batch_size=0):
        return [info for cell in self._children.values() for info in cell.state_info(batch_size)]

    def begin_state(self, **kwargs):
        """The states of all cells in one list."""
        if self._modified:
            raise MXNetError(f"[{self.name}] begin_state: expected the cell that modifies this one to be asked")
        return [state for cell in self._children.values() for state in cell.begin_state(**kwargs)]

    def _shares(self, states):
        """Each cell with its part of the states."""
        begin = 0
        for cell in self._children.values():
            end = begin + len(cell.state_info())
            yield cell, None if states is None else states[begin:end]
            begin = end

    def _step(self, inputs, states):
        after = []
        for cell, own in self._shares(states):
            if isinstance(cell, BidirectionalCell):
                raise MXNetError(f"[{self.name}] expected unroll: a BidirectionalCell has no single steps")
            inputs, own = cell(inputs, own)
            after += own
        return inputs, after

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        """As RecurrentCell.unroll; each cell runs over the whole sequence before the next one."""
        self.reset()
        if not self._children:
            raise MXNetError(f"[{self.name}] unroll: expected at least one cell")
        merge = not isinstance(inputs, (list, tuple)) if merge_outputs is None else merge_outputs
        after, last = [], len(self) - 1
        for place, (cell, own) in enumerate(self._shares(begin_state)):
            inputs, own = cell.unroll(length, inputs, own, layout, merge if place == last else None, valid_length)
            after += own
        return inputs, after


class SequentialRNNCell(_Stack, RecurrentCell):
    """Cells one above the other."""

    def forward(self, inputs, states):
        """(output, states) of one step."""
        self._counter += 1
        return self._step(inputs, states)


class HybridSequentialRNNCell(_Stack, HybridRecurrentCell):
    """HybridRecurrentCells one above the other."""

    def hybrid_forward(self, F, inputs, states):  # noqa: N803
        return self._step(inputs, states)


class BidirectionalCell(HybridRecurrentCell):
    """One cell forwards and one backwards over a sequence, their outputs side by side. Only `unroll` runs it (Schuster and Paliwal, 1997)."""

    def __init__(self, l_cell, r_cell, output_prefix="bi_"):
        super().__init__(prefix="", params=None)
        self._output_prefix = output_prefix
        self.l_cell, self.r_cell = l_cell, r_cell

    def __repr__(self):
        return f"{type(self).__name__}(forward={self.l_cell!r}, backward={self.r_cell!r})"

    def __call__(self, inputs, states):
        raise NotImplementedError("[BidirectionalCell] expected unroll: it has no single steps")

    def state_info(self, batch_size=0):
        return self.l_cell.state_info(batch_size) + self.r_cell.state_info(batch_size)

    def begin_state(self, **kwargs):
        """The states of both cells in one list."""
        if self._modified:
            raise MXNetError(f"[{self.name}] begin_state: expected the cell that modifies this one to be asked")
        return self.l_cell.begin_state(**kwargs) + self.r_cell.begin_state(**kwargs)

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        """As RecurrentCell.unroll."""
        self.reset()
        merge = not isinstance(inputs, (list, tuple)) if merge_outputs is None else merge_outputs
        steps = steps_of(inputs, length, layout)
        count = len(self.l_cell.state_info())
        own = (None, None) if begin_state is None else (begin_state[:count], begin_state[count:])
        left, left_states = self.l_cell.unroll(length, steps, own[0], layout, False, valid_length)
        right, right_states = self.r_cell.unroll(length, backwards(steps, valid_length), own[1], layout, False, valid_length)
        F = module_of(steps)  # noqa: N806
        pairs = zip(left, backwards(right, valid_length))
        outputs = [F.concat(a, b, dim=1, name=f"{self._output_prefix}t{i}") for i, (a, b) in enumerate(pairs)]
        if valid_length is not None:
            whole = cut(merged(outputs, layout), valid_length, axis_of(layout)[0])
            outputs = whole if merge else steps_of(whole, length, layout)
        elif merge:
            outputs = merged(outputs, layout)
        return outputs, left_states + right_states
