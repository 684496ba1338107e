"""Updater: an optimizer with the states of all parameters, as key-value stores call it."""

import io
import json

import numpy as np

from ..base import MXNetError
from ..ndarray import NDArray, array


def _flatten(value, arrays):
    """A JSON description of a state; arrays are numbered."""
    if value is None:
        return None
    if isinstance(value, NDArray):
        arrays.append(value)
        return {"array": len(arrays) - 1, "dtype": value._dtype}
    return [_flatten(item, arrays) for item in value]


def _restore(shape, arrays):
    if shape is None:
        return None
    if isinstance(shape, dict):
        return array(arrays[f"a{shape['array']}"], dtype=shape["dtype"])
    return tuple(_restore(item, arrays) for item in shape)


def _parts(steps, most):
    """(index, grad, weight) in lists of up to `most` neighbours that an operator takes together."""
    part, last = [], None
    for step in steps:
        _, grad, weight = step
        kind = None if "default" != grad.stype or "default" != weight.stype else (weight._details[1:4], grad._details[1])
        if part and (len(part) >= most or kind is None or kind != last):
            yield part
            part = []
        part.append(step)
        last = kind
    if part:
        yield part


class Updater:
    """updater(index, grad, weight) makes one step; states are created at first use.

    With lists of indices, gradients and weights, an optimizer with aggregate_num above 0 gets neighbours of one device and dtype together.
    """

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.states = {}
        self.states_synced = {}

    def __call__(self, index, grad, weight):
        if isinstance(index, (list, tuple)):
            for part in _parts(list(zip(index, grad, weight)), self.optimizer.aggregate_num):
                self._step(part)
            return
        self.optimizer.update_multi_precision(index, weight, grad, self._state(index, weight))

    def _state(self, index, weight):
        if index not in self.states:
            self.states[index] = self.optimizer.create_state_multi_precision(index, weight)
        return self.states[index]

    def _step(self, part):
        if len(part) == 1:
            return self(*part[0])
        indices, grads, weights = (list(column) for column in zip(*part))
        states = [self._state(index, weight) for index, weight in zip(indices, weights)]
        self.optimizer.update_multi_precision(indices, weights, grads, states)

    def get_states(self, dump_optimizer=False):
        """All states as bytes: plain arrays and JSON, nothing that runs when read."""
        arrays = []
        layout = [[key, isinstance(key, int), _flatten(state, arrays)] for key, state in self.states.items()]
        counts = [[key, isinstance(key, int), count] for key, count in self.optimizer._index_update_count.items()]
        header = {"format": "mixnet optimizer states 1", "states": layout, "counts": counts, "num_update": self.optimizer.num_update}
        buffer = io.BytesIO()
        np.savez(buffer, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **{f"a{i}": a.asnumpy() for i, a in enumerate(arrays)})
        return buffer.getvalue()

    def set_states(self, states):
        """Reads what get_states wrote."""
        try:
            with np.load(io.BytesIO(states), allow_pickle=False) as arrays:
                header = json.loads(arrays["header"].tobytes())
                self.states = {int(k) if whole else k: _restore(shape, arrays) for k, whole, shape in header["states"]}
                self.optimizer._index_update_count = {int(k) if whole else k: count for k, whole, count in header["counts"]}
                self.optimizer.num_update = header["num_update"]
        except (ValueError, KeyError, TypeError, OSError, EOFError) as error:
            raise MXNetError(f"[set_states] expected what get_states wrote: {error}") from None


def get_updater(optimizer):
    """An Updater for an optimizer."""
    return Updater(optimizer)
