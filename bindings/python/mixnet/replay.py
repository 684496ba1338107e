"""mx.jit: a Python function on arrays is traced once and replayed as a planned graph from then on.

    step = mx.jit(lambda x: (x * 2 + 1).tanh())
    step(x)     # traces and plans; later calls with the same shapes launch one fused kernel

The function must do the same operations every time it is called with arrays of the same shapes and dtypes, the same other arguments and in the same mode
(training or not). Arrays that it finds outside, such as parameters, are read anew at every call and get gradients; replacing such
an array by another one is not noticed, writing to it is. Random operators draw anew at every call.
"""

import functools

from .autograd import is_tracing
from .base import MXNetError, TextList, check, fast, ffi, lib, text
from .ndarray import NDArray

__all__ = ["jit", "Replayed"]


_TRAINING, _TRACING = lib.MXN_AUTOGRAD_TRAINING, lib.MXN_AUTOGRAD_TRACING


def flatten(value, arrays, kind=NDArray):
    """The structure of nested lists, tuples and dicts with arrays (or what is of that kind) left out, which are appended to `arrays`."""
    if isinstance(value, kind):
        arrays.append(value)
        return NDArray
    if isinstance(value, (list, tuple)):
        return (type(value), tuple(flatten(v, arrays, kind) for v in value))
    if isinstance(value, dict):
        return (dict, tuple((k, flatten(v, arrays, kind)) for k, v in value.items()))
    return (None, value)


def build(structure, arrays):
    """The inverse of flatten; `arrays` is an iterator."""
    if structure is NDArray:
        return next(arrays)
    kind, content = structure
    if kind is None:
        return content
    if kind is dict:
        return {k: build(v, arrays) for k, v in content}
    items = [build(v, arrays) for v in content]
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _take_list(arrays, count):
    result = [NDArray(arrays[0][i]) for i in range(count[0])]
    lib.mxn_ndarray_list_free(arrays[0])
    return result


class _Traced:
    """One trace: the symbol, the arrays it found outside, the operator that replays it."""

    def __init__(self, function, structure, arrays):
        stand_ins, count = ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t *")
        handles = ffi.new("mxn_ndarray_t *[]", [a.handle for a in arrays] or [ffi.NULL])
        check(lib.mxn_trace_begin(handles, len(arrays), stand_ins, count))
        try:
            args, kwargs = build(structure, iter(_take_list(stand_ins, count)))
            outputs = []
            self.structure = flatten(function(*args, **kwargs), outputs)
            if not outputs:
                raise MXNetError("[jit] expected a function that returns arrays")
            self._end(outputs, len(arrays))
        finally:
            if is_tracing():
                check(lib.mxn_trace_end(ffi.NULL, 0, ffi.new("mxn_symbol_t **"), ffi.new("mxn_ndarray_t ***"), count))
        self.num_outputs = len(outputs)

    def _end(self, outputs, num_inputs):
        symbol, captured, count = ffi.new("mxn_symbol_t **"), ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t *")
        handles = ffi.new("mxn_ndarray_t *[]", [o.handle for o in outputs])
        check(lib.mxn_trace_end(handles, len(outputs), symbol, captured, count))
        self.captured = _take_list(captured, count)
        from .symbol import Symbol

        self.symbol = Symbol(symbol[0])
        names = self.symbol.list_arguments() + self.symbol.list_auxiliary_states()
        # What comes from the call is a number, what was found outside the array itself.
        self.sources = [int(n[4:]) if n.startswith("data") else self.captured[int(n[5:])] for n in names]
        self.all_inputs = self.sources == list(range(num_inputs))
        parameters = TextList([n for n in self.symbol.list_arguments() if n.startswith("param")])
        op = ffi.new("mxn_cached_op_t **")
        check(lib.mxn_cached_op_create(self.symbol.handle, parameters.pointer, len(parameters.pointer), op))
        self._op = op[0]
        self.address = int(ffi.cast("uintptr_t", op[0]))

    def __del__(self):
        if lib is not None and hasattr(self, "_op"):
            lib.mxn_cached_op_free(self._op)

    def __call__(self, arrays):
        inputs = tuple(arrays) if self.all_inputs else tuple([arrays[s] if s.__class__ is int else s for s in self.sources])
        outputs = fast.replay(self.address, inputs, self.num_outputs)
        return outputs[0] if self.structure is NDArray else build(self.structure, iter(outputs))

    def describe(self):
        out, plans = ffi.new("char **"), ffi.new("int64_t *")
        check(lib.mxn_cached_op_describe(self._op, out, plans))
        return text(out[0]), plans[0]


class Replayed:
    """What mx.jit returns: called like the function that it was made of."""

    def __init__(self, function):
        functools.update_wrapper(self, function)
        self._function = function
        self._traced = {}
        self._last = None

    def __call__(self, *args, **kwargs):
        if not kwargs and all([a.__class__ is NDArray for a in args]):
            arrays, structure = args, None
        else:
            arrays = []
            structure = flatten((args, kwargs), arrays)
        flags = fast.flags()
        if flags & _TRACING:
            return self._function(*args, **kwargs)
        key = (structure, flags & _TRAINING, tuple([a._details for a in arrays]))
        try:
            traced = self._traced.get(key)
        except TypeError:
            raise MXNetError("[jit] expected arguments that are arrays or can be hashed, in lists, tuples and dicts") from None
        if traced is None:
            traced = _Traced(self._function, structure or flatten((args, kwargs), []), arrays)
            self._traced[key] = traced
        self._last = traced
        return traced(arrays)

    def __get__(self, instance, owner=None):
        """A method: each object has traces of its own, because its arrays are found outside."""
        if instance is None:
            return self
        bound = Replayed(self._function.__get__(instance, owner))
        try:
            instance.__dict__[self._function.__name__] = bound
        except AttributeError:
            pass
        return bound

    @property
    def symbol(self):
        """The symbol of the last call; None before the first."""
        return self._last.symbol if self._last else None

    def describe(self):
        """The steps of the plan that the last call ran, a line each."""
        if not self._last:
            raise MXNetError("[jit] describe: expected a call before")
        return self._last.describe()[0]

    @property
    def num_traces(self):
        """How often the function itself has run."""
        return len(self._traced)

    def clear(self):
        """Forgets all traces and plans."""
        self._traced.clear()
        self._last = None


def jit(function):
    """A function that does what `function` does, planned and fused as a whole; also a decorator. See the module's text for the conditions."""
    if not callable(function):
        raise TypeError(f"[jit] expected a function, got {type(function).__name__}")
    return function if isinstance(function, Replayed) else Replayed(function)
