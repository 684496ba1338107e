"""Cells that change what another cell does."""

from .recurrent_cell import HybridRecurrentCell
from .sequences import axis_of, cut, merged, module_of, steps_of


class DropoutCell(HybridRecurrentCell):
    """Dropout of the input, as a cell without states. See gluon.nn.Dropout."""

    def __init__(self, rate, axes=(), prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._rate, self._axes = rate, axes

    def _alias(self):
        return "dropout"

    def __repr__(self):
        return f"{type(self).__name__}(rate={self._rate}, axes={self._axes})"

    def state_info(self, batch_size=0):
        return []

    def hybrid_forward(self, F, inputs, states):  # noqa: N803
        return (F.Dropout(inputs, p=self._rate, axes=self._axes) if self._rate > 0 else inputs), states

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        """As RecurrentCell.unroll; a sequence in one array goes through in one piece."""
        if isinstance(inputs, (list, tuple)) or merge_outputs is False or valid_length is not None:
            return super().unroll(length, inputs, begin_state, layout, merge_outputs, valid_length)
        self.reset()
        return self.hybrid_forward(module_of(inputs), inputs, begin_state or [])


class ModifierCell(HybridRecurrentCell):
    """Base: a cell around base_cell, with its parameters and states."""

    def __init__(self, base_cell):
        base_cell._modified = True
        super().__init__(prefix=base_cell.prefix + self._alias(), params=None)
        self.base_cell = base_cell

    @property
    def params(self):
        """The parameters of the cell inside."""
        return self.base_cell.params

    def __repr__(self):
        return f"{type(self).__name__}({self.base_cell!r})"

    def state_info(self, batch_size=0):
        return self.base_cell.state_info(batch_size)

    def begin_state(self, *args, **kwargs):
        """As RecurrentCell.begin_state."""
        self.base_cell._modified = False
        try:
            return self.base_cell.begin_state(*args, **kwargs)
        finally:
            self.base_cell._modified = True

    def hybrid_forward(self, F, inputs, states):  # noqa: N803
        raise NotImplementedError(f"[{type(self).__name__}] expected a hybrid_forward method")


class RememberingCell(ModifierCell):
    """Base of cells that keep something from one step to the next: their steps are no graphs of their own, those of the cell inside may be."""

    def hybridize(self, active=True, **kwargs):
        """As HybridBlock.hybridize, of the cell inside."""
        super().hybridize(active, **kwargs)
        self._active = False


class ZoneoutCell(RememberingCell):
    """In training, outputs and states keep their values of the step before with these probabilities, element by element (Krueger et al., 2017)."""

    def __init__(self, base_cell, zoneout_outputs=0.0, zoneout_states=0.0):
        super().__init__(base_cell)
        self._zoneout_outputs, self._zoneout_states = zoneout_outputs, zoneout_states

    def __repr__(self):
        return f"{type(self).__name__}(p_out={self._zoneout_outputs}, p_state={self._zoneout_states}, {self.base_cell!r})"

    def _alias(self):
        return "zoneout"

    def reset(self):
        """As RecurrentCell.reset."""
        super().reset()
        self._output = None

    def hybrid_forward(self, F, inputs, states):  # noqa: N803
        output, new = self.base_cell(inputs, states)

        def mix(p, now, before):
            # Dropout leaves 0 where the old value stays.
            return F.where(F.Dropout(F.ones_like(now), p=p), now, before) if p > 0 else now

        before = F.zeros_like(output) if self._output is None else self._output
        output = mix(self._zoneout_outputs, output, before)
        self._output = output
        return output, [mix(self._zoneout_states, now, old) for now, old in zip(new, states)]


class ResidualCell(ModifierCell):
    """The output is the sum of the cell's output and its input (He et al., 2016)."""

    def _alias(self):
        return "residualcell"

    def hybrid_forward(self, F, inputs, states):  # noqa: N803
        output, states = self.base_cell(inputs, states)
        return output + inputs, states

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None, valid_length=None):
        """As RecurrentCell.unroll, by the unroll of the cell inside."""
        self.reset()
        self.base_cell._modified = False
        try:
            outputs, states = self.base_cell.unroll(length, inputs, begin_state, layout, merge_outputs, valid_length)
        finally:
            self.base_cell._modified = True
        if isinstance(inputs, (list, tuple)):
            inputs = merged(inputs, layout)
        axis, _ = axis_of(layout)
        if valid_length is not None:
            inputs = cut(inputs, valid_length, axis)
        if not isinstance(outputs, list):
            return outputs + inputs, states
        return [output + step for output, step in zip(outputs, steps_of(inputs, length, layout))], states
