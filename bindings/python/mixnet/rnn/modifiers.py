"""Cells without weights of their own: dropout, zoneout and residual connections."""

from .. import symbol as sym
from .base_cell import BaseRNNCell, ModifierCell
from .fused_cell import FusedRNNCell
from .sequence import as_steps, in_form
from .stacks import BidirectionalCell, SequentialRNNCell


class DropoutCell(BaseRNNCell):
    """Dropout of the input with probability `dropout`."""

    def __init__(self, dropout, prefix="dropout_", params=None):
        super().__init__(prefix, params)
        if not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
            raise ValueError(f"[DropoutCell] dropout: expected a number from 0 to 1, got {dropout!r}")
        self.dropout = dropout

    @property
    def state_info(self):
        """No states."""
        return []

    def __call__(self, inputs, states):
        return (sym.Dropout(inputs, p=self.dropout) if self.dropout > 0 else inputs), states

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """One Dropout for a merged sequence, else one per step."""
        self.reset()
        inputs = in_form("DropoutCell", length, inputs, layout, merge_outputs)
        if isinstance(inputs, sym.Symbol) and len(inputs) == 1:
            return self(inputs, [])
        return super().unroll(length, inputs, begin_state, layout, merge_outputs)


class ZoneoutCell(ModifierCell):
    """Keeps random elements of outputs and states as they were a step before (Krueger et al., 2016)."""

    def __init__(self, base_cell, zoneout_outputs=0.0, zoneout_states=0.0):
        if isinstance(base_cell, FusedRNNCell):
            raise ValueError("[ZoneoutCell] base_cell: expected a cell that can be stepped, got a FusedRNNCell; unfuse() it first")
        if isinstance(base_cell, BidirectionalCell):
            raise ValueError("[ZoneoutCell] base_cell: expected a cell that can be stepped, got a BidirectionalCell; put zoneout on its cells")
        if isinstance(base_cell, SequentialRNNCell) and any(isinstance(cell, BidirectionalCell) for cell in base_cell._cells):
            raise ValueError("[ZoneoutCell] base_cell: expected cells that can be stepped, got a stack with a BidirectionalCell")
        super().__init__(base_cell)
        self.zoneout_outputs, self.zoneout_states = zoneout_outputs, zoneout_states

    def reset(self):
        """Also forgets the output of the step before."""
        super().reset()
        self.prev_output = None

    def __call__(self, inputs, states):
        output, next_states = self.base_cell(inputs, states)

        def mix(share, new, old):
            return sym.where(sym.Dropout(sym.ones_like(new), p=share), new, old) if share else new

        if self.zoneout_outputs:
            previous = sym.zeros((0, 0)) if self.prev_output is None else self.prev_output
            output = mix(self.zoneout_outputs, output, previous)
        # The states come from the cell's own output, not from the mixed one.
        next_states = [mix(self.zoneout_states, new, old) for new, old in zip(next_states, states)]
        self.prev_output = output
        return output, next_states


class ResidualCell(ModifierCell):
    """Adds the input to the output (Wu et al., 2016)."""

    def __call__(self, inputs, states):
        output, states = self.base_cell(inputs, states)
        return sym.elemwise_add(output, inputs, name=f"{output.name}_plus_residual"), states

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Unrolls the base cell and adds in the form in which its outputs come."""
        self.reset()
        self.base_cell._modified = False
        try:
            outputs, states = self.base_cell.unroll(length, inputs, begin_state, layout, merge_outputs)
        finally:
            self.base_cell._modified = True
        if isinstance(outputs, sym.Symbol):
            whole = in_form("ResidualCell", length, inputs, layout, True)
            return sym.elemwise_add(outputs, whole, name=f"{outputs.name}_plus_residual"), states
        steps = as_steps("ResidualCell", length, inputs, layout)
        return [sym.elemwise_add(o, i, name=f"{o.name}_plus_residual") for o, i in zip(outputs, steps)], states
