"""Loops and branches on arrays. They run as they are called, so gradients are recorded as of any other code."""

from ..nested import flatten, regroup
from . import gen_op
from .making import zeros
from .ndarray import NDArray


def foreach(body, data, init_states):
    """Calls body(row, states) -> (output, states) for every row of data. The outputs, stacked along a new first axis, and the last states.

    data, states and outputs are an array each, or lists. body must give states in the form in which it gets them.
    """
    rows, data_form = flatten(data, NDArray, "foreach")
    states, state_form = flatten(init_states, NDArray, "foreach")
    if not rows:
        raise ValueError("[foreach] data: expected at least one array")
    lengths = {array.shape[0] for array in rows}
    if len(lengths) != 1:
        raise ValueError(f"[foreach] data: expected arrays of one length, got {sorted(lengths)}")
    steps, form = [], []
    for i in range(lengths.pop()):
        outputs, new = body(regroup([array[i] for array in rows], data_form), regroup(states, state_form))
        new, new_form = flatten(new, NDArray, "foreach")
        if new_form != state_form:
            raise ValueError(f"[foreach] states: expected {len(states)} from the body, in the form in which it got them, got {len(new)}")
        states = new
        outputs, form = flatten(outputs, NDArray, "foreach")
        steps.append(outputs)
    outputs = [gen_op.stack(*parts, axis=0) for parts in zip(*steps)]
    return regroup(outputs, form), regroup(states, state_form)


def while_loop(cond, func, loop_vars, max_iterations=None):
    """While cond(*loop_vars) is true, at most max_iterations times: outputs, loop_vars = func(*loop_vars).

    The outputs, stacked along a new first axis of max_iterations rows (zero where nothing ran), and the last loop variables. When
    nothing ran at all, no output is known: [].
    """
    limit, state, form_of_state = _check_loop(loop_vars, max_iterations, NDArray)
    steps, form = [], []
    while len(steps) < limit and _truth(cond(*state), "while_loop"):
        outputs, new = func(*state)
        outputs, form = flatten(outputs, NDArray, "while_loop")
        new, _ = flatten(new, NDArray, "while_loop")
        if len(new) != len(state):
            raise ValueError(f"[while_loop] loop_vars: expected {len(state)} from func, got {len(new)}")
        if steps and len(outputs) != len(steps[0]):
            raise ValueError(f"[while_loop] outputs: expected {len(steps[0])} in every step, got {len(outputs)}")
        state = new
        steps.append(outputs)
    outputs = [_padded(gen_op.stack(*parts, axis=0), limit) for parts in zip(*steps)]
    return regroup(outputs, form), regroup(state, form_of_state)


def cond(pred, then_func, else_func):
    """then_func() where pred is true, else else_func(). Only the one that is taken is called."""
    return then_func() if _truth(pred, "cond") else else_func()


def _truth(value, place):
    """The truth of an array with one element, or of a number."""
    if isinstance(value, NDArray):
        if value.size != 1:
            raise ValueError(f"[{place}] expected a condition with one element, got {value.shape}")
        return bool(value.asnumpy().reshape(()))
    return bool(value)


def _padded(rows, limit):
    missing = limit - rows.shape[0]
    if missing == 0:
        return rows
    return gen_op.concat(rows, zeros((missing, *rows.shape[1:]), ctx=rows.context, dtype=rows.dtype), dim=0)


def _check_loop(loop_vars, max_iterations, kind):
    """(limit, loop variables, their form), as while_loop of arrays and of symbols take them."""
    if max_iterations is None:
        raise ValueError("[while_loop] max_iterations: expected a number, got None")
    limit = int(max_iterations)
    if limit < 0:
        raise ValueError(f"[while_loop] max_iterations: expected a number of at least 0, got {limit}")
    state, form = flatten(loop_vars, kind, "while_loop")
    if not state:
        raise ValueError("[while_loop] loop_vars: expected at least one")
    return limit, state, form
