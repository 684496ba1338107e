"""Gradients of what was done: operations on arrays are recorded and differentiated by the operators' own rules.

    x.attach_grad()
    with mx.autograd.record():
        y = (x * x).sum()
    y.backward()          # x.grad holds 2 x

Flags and records belong to the thread. What was recorded goes with the arrays that were computed.
"""

from .base import MXNetError, check, fast, ffi, lib, register_callback
from .ndarray import NDArray

__all__ = [
    "record",
    "pause",
    "train_mode",
    "predict_mode",
    "is_recording",
    "is_training",
    "set_recording",
    "set_training",
    "mark_variables",
    "backward",
    "grad",
    "get_symbol",
    "Function",
]

_REQUESTS = {"null": 0, "write": 1, "add": 3}


_RECORDING, _TRAINING, _TRACING = lib.MXN_AUTOGRAD_RECORDING, lib.MXN_AUTOGRAD_TRAINING, lib.MXN_AUTOGRAD_TRACING


def set_recording(is_record):
    """Switches recording on this thread; returns what was set before."""
    return bool(fast.set_flags(1 if is_record else 0, -1) & _RECORDING)


def set_training(train_mode):
    """Whether Dropout, BatchNorm and the like run as in training on this thread; returns what was set before."""
    return bool(fast.set_flags(-1, 1 if train_mode else 0) & _TRAINING)


def is_recording():
    """Whether operations on this thread are recorded."""
    return bool(fast.flags() & _RECORDING)


def is_training():
    """Whether operations on this thread run as in training."""
    return bool(fast.flags() & _TRAINING)


def is_tracing():
    """Whether a function is being traced on this thread (mx.jit)."""
    return bool(fast.flags() & _TRACING)


class _Scope:
    """Sets the flags that are not -1, and sets them back."""

    __slots__ = ("_recording", "_training", "_before")

    def __init__(self, recording, training):
        self._recording, self._training = recording, training

    def __enter__(self):
        self._before = fast.set_flags(self._recording, self._training)

    def __exit__(self, *unused):
        before = self._before
        fast.set_flags(-1 if self._recording < 0 else before & _RECORDING, -1 if self._training < 0 else before & _TRAINING)


def record(train_mode=True):
    """A scope in which operations are recorded, in training mode unless told otherwise."""
    return _Scope(1, 1 if train_mode else 0)


def pause(train_mode=False):
    """A scope in which nothing is recorded."""
    return _Scope(0, 1 if train_mode else 0)


def train_mode():
    """A scope in which operations run as in training, recorded or not."""
    return _Scope(-1, 1)


def predict_mode():
    """A scope in which operations run as in prediction, recorded or not."""
    return _Scope(-1, 0)


def _list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _handles(arrays, place):
    for a in arrays:
        if a is not None and not isinstance(a, NDArray):
            raise TypeError(f"[{place}] expected NDArrays, got {type(a).__name__}")
    return ffi.new("mxn_ndarray_t *[]", [ffi.NULL if a is None else a.handle for a in arrays] or [ffi.NULL])


def mark_variables(variables, gradients, grad_reqs="write"):
    """Makes arrays variables: their gradients go to `gradients`, by 'write', 'add' or 'null' (one for all, or one each)."""
    variables, gradients = _list(variables), _list(gradients)
    requests = [grad_reqs] * len(variables) if isinstance(grad_reqs, str) else list(grad_reqs)
    if not len(variables) == len(gradients) == len(requests):
        raise MXNetError(f"[mark_variables] expected as many gradients and grad_reqs as variables, {len(variables)}")
    for request in requests:
        if request not in _REQUESTS:
            raise MXNetError(f"[mark_variables] grad_req: expected one of {', '.join(_REQUESTS)}, got {request!r}")
    codes = ffi.new("int32_t[]", [_REQUESTS[r] for r in requests] or [0])
    check(lib.mxn_autograd_mark(_handles(variables, "mark_variables"), _handles(gradients, "mark_variables"), codes, len(variables)))


def _head_grads(heads, head_grads, place):
    grads = [None] * len(heads) if head_grads is None else _list(head_grads)
    if len(grads) != len(heads):
        raise MXNetError(f"[{place}] head_grads: expected {len(heads)} arrays, got {len(grads)}")
    return _handles(grads, place)


def backward(heads, head_grads=None, retain_graph=False, train_mode=True):
    """Gradients of the sum of all heads into the gradient arrays of the variables behind them.

    head_grads: one per head, None for ones. What was recorded is given up unless retain_graph. train_mode is the mode of a
    Function's backward; operators are differentiated in the mode in which they ran.
    """
    _differentiate("backward", heads, head_grads, None, retain_graph, False, train_mode)


def grad(heads, variables, head_grads=None, retain_graph=None, create_graph=False, train_mode=True):
    """The gradients of these variables (or inner values) as new arrays: a list, or one array when variables is one.

    create_graph: they are recorded, so that they have gradients in turn. retain_graph: as create_graph unless given.
    """
    wrt = _list(variables)
    if not wrt:
        raise MXNetError("[grad] variables: expected at least one array")
    retain = create_graph if retain_graph is None else retain_graph
    result = _differentiate("grad", heads, head_grads, wrt, retain, create_graph, train_mode)
    return result if isinstance(variables, (list, tuple)) else result[0]


def _differentiate(place, heads, head_grads, wrt, retain_graph, create_graph, train_mode):
    heads = _list(heads)
    grads = [None] * len(heads) if head_grads is None else _list(head_grads)
    if len(grads) != len(heads):
        raise MXNetError(f"[{place}] head_grads: expected {len(heads)} arrays, got {len(grads)}")
    variables, num_variables = (ffi.NULL, 0) if wrt is None else (_handles(wrt, place), len(wrt))
    flags = int(bool(retain_graph)), int(bool(create_graph)), int(bool(train_mode))
    arrays, count = ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t *")
    check(lib.mxn_autograd_backward(_handles(heads, place), _handles(grads, place), len(heads), variables, num_variables, *flags, arrays, count))
    result = [NDArray(arrays[0][i]) for i in range(count[0])]
    lib.mxn_ndarray_list_free(arrays[0])
    return result


def get_symbol(x):
    """What was recorded for an array, as a Symbol with names made up."""
    from .symbol import Symbol

    if is_tracing():
        raise MXNetError("[get_symbol] cannot be done while tracing")
    out, arrays, count = ffi.new("mxn_symbol_t **"), ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t *")
    check(lib.mxn_trace_end(_handles([x], "get_symbol"), 1, out, arrays, count))
    return Symbol(out[0])


class Function:
    """An operation with a gradient written by hand. Subclasses define forward(*inputs) and backward(*output_grads).

    Neither is recorded, unless backward runs for grad(create_graph=True). One instance stands for one call.
    """

    def __init__(self):
        self._used = False
        self.saved_tensors = ()

    def save_for_backward(self, *args):
        """Keeps arrays for backward, as saved_tensors."""
        self.saved_tensors = args

    def forward(self, *inputs):
        """The outputs: an array, or a tuple of them."""
        raise NotImplementedError("[Function] expected a forward method")

    def backward(self, *output_grads):
        """The gradients of all inputs: an array, or a tuple of them."""
        raise NotImplementedError("[Function] expected a backward method")

    def __call__(self, *inputs):
        if getattr(self, "_used", False):
            raise MXNetError("[Function] expected one call per instance: make another instance for another call")
        self._used = True
        if is_tracing():
            raise MXNetError("[Function] cannot be traced: its Python code would not run at replay")
        recording = set_recording(False)
        try:
            outputs = self.forward(*inputs)
        finally:
            set_recording(recording)
        if not recording:
            return outputs
        results = [o.detach() for o in _list(outputs)]
        arrays = [i for i in inputs if isinstance(i, NDArray)]
        user = register_callback(lambda *call: self._run_backward(len(arrays), *call))
        check(
            lib.mxn_autograd_function(
                _handles(arrays, "Function"), len(arrays), _handles(results, "Function"), len(results), lib.mixnet_py_backward, user, lib.mixnet_py_destroy
            )
        )
        return results if isinstance(outputs, (list, tuple)) else results[0]

    def _run_backward(self, expected, output_grads, num_outputs, input_grads, num_inputs):
        grads = _list(self.backward(*(_borrowed(output_grads[i]) for i in range(num_outputs))))
        if len(grads) != expected:
            raise MXNetError(f"[Function] backward: expected {expected} gradients, got {len(grads)}")
        for i, gradient in enumerate(grads):
            if not isinstance(gradient, NDArray):
                raise MXNetError(f"[Function] backward: gradient {i}: expected an NDArray, got {type(gradient).__name__}")
            out = ffi.new("mxn_ndarray_t **")
            check(lib.mxn_ndarray_clone(gradient.handle, out))
            input_grads[i] = out[0]


def _borrowed(handle):
    out = ffi.new("mxn_ndarray_t **")
    check(lib.mxn_ndarray_clone(handle, out))
    return NDArray(out[0])
