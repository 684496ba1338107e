"""HybridBlock: a block that computes with arrays at once, or becomes a symbol and runs as a planned graph."""

from .. import ndarray as nd
from .. import symbol as sym
from ..amp import training as amp
from ..autograd import pause
from ..base import MXNetError
from ..ndarray import NDArray
from ..replay import build, flatten
from ..symbol import Symbol
from .block import Block
from .graph import Graph
from .parameter import DeferredInitializationError, Parameter
from .parameter_dict import fill_in_shapes


class HybridBlock(Block):
    """Base of blocks that can become graphs. Subclasses define hybrid_forward(F, x, ..., **parameters), where F is mx.nd or mx.sym.

    Parameters that were set as attributes come by the attribute's name, as arrays on the inputs' device or as symbols. Those whose shape is
    not known get it from the first call's.
    """

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix, params)
        self._active, self._graphs, self._last = False, {}, None

    def __getstate__(self):
        """Copies make graphs of their own."""
        return {**vars(self), "_graphs": {}, "_last": None}

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if isinstance(value, (Block, Parameter)) and "_graphs" in self.__dict__:
            self._forget()

    def register_child(self, block, name=None):
        """As Block.register_child; children are HybridBlocks too."""
        if not isinstance(block, HybridBlock):
            raise ValueError(f"[{type(self).__name__}] children: expected HybridBlocks, got a {type(block).__name__}; derive from Block, or use Sequential")
        super().register_child(block, name)
        self._forget()

    def _forget(self):
        """Another symbol will be made; whoever contains this block hears of it only by hybridize or its own changes."""
        self._graphs, self._last = {}, None

    def hybridize(self, active=True, backend=None, clear=True, **kwargs):
        """Whether calls on arrays run as a planned graph, made of the first call's symbol, instead of operator by operator.

        static_alloc, static_shape and MXNet's other flags are taken and change nothing: graphs are planned once per shape and keep their memory
        anyway. MXNetError for a backend.
        """
        unknown = set(kwargs) - {"static_alloc", "static_shape", "inline_limit", "forward_bulk_size", "backward_bulk_size"}
        if unknown:
            raise MXNetError(f"[hybridize] expected static_alloc, static_shape, inline_limit or bulk sizes, got {', '.join(sorted(unknown))}")
        if backend is not None:
            raise MXNetError(f"[hybridize] backend: expected None, since graphs are planned by the library itself, got {backend!r}")
        self._active = bool(active)
        if clear:
            self._forget()
        super().hybridize(active, clear=clear, **kwargs)

    def cast(self, dtype):
        """As Block.cast."""
        self._forget()
        super().cast(dtype)

    # ---- calls ------------------------------------------------------------------------------------------------------

    def forward(self, *args):
        """Runs hybrid_forward on arrays, with symbols, or the graph that came of it."""
        found = []
        structure = flatten(args, found, (NDArray, Symbol))
        if not found:
            raise TypeError(f"[{self.name}] expected arrays or symbols, got {', '.join(type(a).__name__ for a in args) or 'nothing'}")
        if isinstance(found[0], Symbol):
            return self._symbol_of(args)
        if self._active:
            return self._run_graph(args, structure, found)
        context = found[0].context
        try:
            params = {name: parameter.data(context) for name, parameter in self._reg_params.items()}
        except DeferredInitializationError:
            self.infer_shape(*args)
            self._finish_deferred(self._reg_params.values())
            params = {name: parameter.data(context) for name, parameter in self._reg_params.items()}
        return self.hybrid_forward(nd, *args, **params)

    def _symbol_of(self, args):
        params = {name: parameter.var() for name, parameter in self._reg_params.items()}
        with self.name_scope():
            return self.hybrid_forward(sym, *args, **params)

    def hybrid_forward(self, F, x, *args, **kwargs):  # noqa: N803 - MXNet's name
        """What the block computes, by the operators of F."""
        raise NotImplementedError(f"[{type(self).__name__}] expected a hybrid_forward method")

    def _run_graph(self, args, structure, arrays):
        graph = self._graph(args, structure, len(arrays))
        self._last = graph
        try:
            return graph(arrays)
        except DeferredInitializationError:
            if not fill_in_shapes(graph.params, graph.symbol, _shapes(graph, arrays)):
                # What the symbol does not tell, layers do when they see their inputs.
                self._run_layers(args)
            self._finish_deferred(graph.params.values())
        return graph(arrays)

    def _graph(self, args, structure, count):
        try:
            found = self._graphs.get(structure)
        except TypeError:
            raise MXNetError(f"[{self.name}] expected arguments that are arrays or can be hashed, in lists, tuples and dicts") from None
        if found is None:
            found = self._graphs[structure] = self._make_graph(structure, count)
        return found

    def _make_graph(self, structure, count):
        names = ["data"] if count == 1 else [f"data{i}" for i in range(count)]
        args = build(structure, iter([sym.var(name) for name in names]))
        outputs = []
        result = flatten(self._symbol_of(args), outputs, Symbol)
        if not outputs:
            raise MXNetError(f"[{self.name}] hybrid_forward: expected a symbol, or several, got none")
        # A symbol of several outputs, which nobody indexed, is a list of them.
        result = _spread(result, iter(outputs))
        whole = outputs[0] if len(outputs) == 1 else sym.Group(outputs)
        if amp.active():
            whole = amp.active().convert_block(whole, names)
        return Graph(whole, names, self.collect_params(), result)

    def _run_layers(self, args):
        """Runs the block operator by operator, for its layers to see the shapes of their inputs."""
        active = [block for block in self._blocks() if getattr(block, "_active", False)]
        try:
            for block in active:
                block._active = False
            with pause():
                self.forward(*args)
        finally:
            for block in active:
                block._active = True

    @staticmethod
    def _finish_deferred(params):
        for parameter in params:
            parameter._finish_deferred_init()

    def infer_shape(self, *args):
        """Sets the shapes of parameters that follow from those of these inputs. Layers that know better override it."""
        arrays = []
        graph = self._graph(args, flatten(args, arrays), len(arrays))
        fill_in_shapes(graph.params, graph.symbol, _shapes(graph, arrays))

    # ---- models -----------------------------------------------------------------------------------------------------

    def export(self, path, epoch=0, remove_amp_cast=True):
        """Writes path-symbol.json and path-0000.params (by `epoch`) for Module, SymbolBlock and the predictor, and gives their names.

        The symbol is that of the last call after hybridize. remove_amp_cast: as in Symbol.save.
        """
        if self._last is None:
            raise MXNetError("[export] expected a block that was called after hybridize, got one that was not")
        symbol, files = self._last.symbol, (f"{path}-symbol.json", f"{path}-{epoch:04d}.params")
        states = set(symbol.list_auxiliary_states())
        arrays = {}
        for name, parameter in self._last.params.items():
            arrays[("aux:" if name in states else "arg:") + name] = parameter.mean()
        symbol.save(files[0], remove_amp_cast=remove_amp_cast)
        nd.save(files[1], arrays)
        return files


def _shapes(graph, arrays):
    return {name: array.shape for name, array in zip(graph.inputs, arrays)}


def _spread(structure, outputs):
    """The structure of a result, with symbols of several outputs as lists."""
    if structure is NDArray:
        count = len(next(outputs).list_outputs())
        return NDArray if count == 1 else (list, (NDArray,) * count)
    kind, content = structure
    if kind is None:
        return structure
    if kind is dict:
        return dict, tuple((key, _spread(part, outputs)) for key, part in content)
    return kind, tuple(_spread(part, outputs) for part in content)
