"""Graph: the symbol that a block's call gave, planned by the library and called on arrays."""

from ..base import MXNetError, TextList, check, fast, ffi, lib
from ..replay import build
from . import parameter as parameters


class Graph:
    """A symbol whose inputs are the arrays of a call (`inputs`: their names, in order) and parameters by full name."""

    def __init__(self, symbol, inputs, params, structure):
        self.symbol, self.inputs, self.structure = symbol, inputs, structure
        arguments = symbol.list_arguments()
        self.params = {}
        self._sources = []  # of every input of the symbol: a number in the call, or a parameter
        for name in arguments + symbol.list_auxiliary_states():
            if name in inputs:
                self._sources.append(inputs.index(name))
            elif name in params:
                self.params[name] = params[name]
                self._sources.append(params[name])
            else:
                raise MXNetError(f"[HybridBlock] {name}: expected an input or a parameter of the block, got a variable of another one")
        names = TextList([name for name in arguments if name in self.params])
        op = ffi.new("mxn_cached_op_t **")
        check(lib.mxn_cached_op_create(symbol.handle, names.pointer, len(names.pointer), op))
        self._op = op[0]
        self._address = int(ffi.cast("uintptr_t", op[0]))
        self._num_outputs = len(symbol.list_outputs())
        self._arrays, self._changes = {}, None  # of parameters, by device, until any parameter gets others

    def __del__(self):
        if lib is not None and hasattr(self, "_op"):
            lib.mxn_cached_op_free(self._op)

    def __reduce__(self):
        return Graph, (self.symbol, self.inputs, self.params, self.structure)

    def __call__(self, arrays):
        """What the block gives for these arrays. DeferredInitializationError where a parameter has no shape yet."""
        if self._changes != parameters.changes[0]:
            self._arrays, self._changes = {}, parameters.changes[0]
        device = arrays[0]._details[2:4] if arrays else None
        sources = self._arrays.get(device)
        if sources is None:
            context = arrays[0].context if arrays else None
            sources = self._arrays[device] = [s if isinstance(s, int) else s.data(context) for s in self._sources]
        outputs = fast.replay(self._address, tuple([arrays[s] if s.__class__ is int else s for s in sources]), self._num_outputs)
        return build(self.structure, iter(outputs))
