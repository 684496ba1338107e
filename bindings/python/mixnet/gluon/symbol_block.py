"""SymbolBlock: a symbol as a block, such as a model that was exported or trained by a Module."""

from .. import symbol as sym
from ..base import MXNetError
from ..ndarray import NDArray
from ..symbol import Symbol
from .graph import Graph
from .hybrid_block import HybridBlock
from .parameter_dict import ParameterDict


class SymbolBlock(HybridBlock):
    """Computes a symbol's outputs. What is neither an input nor made inside becomes a parameter of that name.

    Parameters
    ----------
    outputs : Symbol or list of Symbols
    inputs : Symbol or list of Symbols
        Variables, in the order in which a call gives them.
    params : dict or ParameterDict, optional
        Parameters by full name, of another block perhaps; missing ones are made.
    """

    def __init__(self, outputs, inputs, params=None):
        super().__init__(prefix="", params=_as_dict(params))
        inputs = [inputs] if isinstance(inputs, Symbol) else list(inputs)
        for variable in inputs:
            if not isinstance(variable, Symbol) or len(variable.list_inputs()) != 1 or variable.name != variable.list_inputs()[0]:
                raise MXNetError(f"[SymbolBlock] inputs: expected variables, got {variable!r}")
        several = isinstance(outputs, (list, tuple)) and len(outputs) > 1
        symbol = sym.Group(outputs) if several else outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        names = [variable.name for variable in inputs]
        types = dict(zip(symbol.list_arguments(), symbol.infer_type()[0] or ()))
        for name in symbol.list_arguments():
            if name not in names:
                self.params.get(name, allow_deferred_init=True, **({"dtype": types[name]} if types.get(name) else {}))
        for name in symbol.list_auxiliary_states():
            if name not in names:
                self.params.get(name, grad_req="null", allow_deferred_init=True)
        for name, parameter in self.params.items():
            self._reg_params[name] = parameter
        count = len(symbol.list_outputs())
        self._symbol_graph = Graph(symbol, names, self.params, NDArray if count == 1 else (list, (NDArray,) * count))

    @staticmethod
    def imports(symbol_file, input_names, param_file=None, ctx=None, allow_missing=False, ignore_extra=False):
        """A SymbolBlock of files that HybridBlock.export or Module.save_checkpoint wrote. Without param_file parameters are still to be initialized."""
        symbol = sym.load(str(symbol_file))
        names = [input_names] if isinstance(input_names, str) else list(input_names)
        missing = [name for name in names if name not in symbol.list_inputs()]
        if missing:
            raise MXNetError(
                f"[SymbolBlock.imports] input_names: expected inputs of {symbol_file}, {', '.join(symbol.list_inputs()[:4])}, ..., got {', '.join(missing)}"
            )
        inside = symbol.get_internals()
        block = SymbolBlock(symbol, [inside[name] if name in inside.list_outputs() else sym.var(name) for name in names])
        if param_file is not None:
            block.params.load(str(param_file), ctx, allow_missing, ignore_extra, cast_dtype=True, dtype_source="saved")
        elif ctx is not None:
            block.initialize(ctx=ctx)
        return block

    def __repr__(self):
        graph = self._symbol_graph
        return f"{type(self).__name__}({', '.join(graph.inputs)} -> {', '.join(graph.symbol.list_outputs())})"

    def _forget(self):
        self._last = None

    def _graph(self, args, structure, count):
        if len(self._symbol_graph.inputs) != count:
            raise MXNetError(f"[SymbolBlock] expected {len(self._symbol_graph.inputs)} arrays, got {count}")
        return self._symbol_graph

    def _run_layers(self, args):
        """There are no layers that know more than the symbol."""

    def forward(self, *args):
        """The symbol's outputs: an array or symbol, or a list of them."""
        if args and isinstance(args[0], Symbol):
            graph = self._symbol_graph
            return graph.symbol(**dict(zip(graph.inputs, args)))
        arrays = [value for item in args for value in (item if isinstance(item, (list, tuple)) else [item])]
        return self._run_graph(args, None, arrays)


def _as_dict(params):
    if isinstance(params, ParameterDict):
        return params
    found = ParameterDict()
    found._params.update(params or {})
    return found
