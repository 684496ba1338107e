"""Loops and branches in a graph: foreach, while_loop and cond make a node that carries what they run as graphs of its own."""

from .. import attribute, name as naming
from ..base import Op, TextList, check, ffi, lib
from ..ndarray.control import _check_loop
from ..nested import flatten, regroup
from .symbol import Group, Symbol, Variable

_MARK = "__subgraph_name__"
# Parameters in the order of the schemas.
_FIELDS = {
    "_foreach": ("num_args", "num_outputs", "num_out_data", "in_state_locs", "in_data_locs", "remain_locs"),
    "_while_loop": ("num_args", "num_outputs", "num_out_data", "max_iterations", "cond_input_locs", "func_input_locs", "func_var_locs"),
    "_cond": ("num_args", "num_outputs", "cond_input_locs", "then_input_locs", "else_input_locs"),
}


def foreach(body, data, init_states, name="foreach"):
    """Calls body(row, states) -> (output, states) once; the graph runs it for every row of data.

    data, states and outputs are a symbol each, or lists. The outputs have a new first axis. body must use all of data and all states, and
    give states in the form and with the shapes in which it gets them; whatever else it uses is the same in every run.
    """
    rows, data_form = flatten(data, Symbol, "foreach")
    states, state_form = flatten(init_states, Symbol, "foreach")
    if not rows:
        raise ValueError("[foreach] data: expected at least one symbol")
    region = _Region(name)
    with region:
        row_vars, state_vars = region.variables(rows), region.variables(states)
        outputs, new = body(regroup(row_vars, data_form), regroup(state_vars, state_form))
    outputs, form = flatten(outputs, Symbol, "foreach")
    new, new_form = flatten(new, Symbol, "foreach")
    if new_form != state_form:
        raise ValueError(f"[foreach] states: expected {len(states)} from the body, in the form in which it got them, got {len(new)}")
    if not outputs + new:
        raise ValueError("[foreach] body: expected an output or a state")
    graph = region.cut(outputs + new)
    places = {key: graph.places(variables, "foreach", key) for key, variables in (("data", row_vars), ("states", state_vars))}
    shared = [i for i in range(len(graph.names)) if i not in places["data"] + places["states"]]
    inputs = rows + states + [graph.outside[i] for i in shared]
    params = {"in_data_locs": places["data"], "in_state_locs": places["states"], "remain_locs": shared}
    made = _make("_foreach", [graph], inputs, {"num_out_data": len(outputs), "num_outputs": len(outputs + new), **params})
    return regroup(made[: len(outputs)], form), regroup(made[len(outputs) :], state_form)


def while_loop(cond, func, loop_vars, max_iterations=None, name="while_loop"):
    """While cond(*loop_vars) is true, at most max_iterations times: outputs, loop_vars = func(*loop_vars). Both are called once.

    The outputs have a new first axis of max_iterations rows, zero beyond the last run. func must use all loop variables and give them with
    the shapes in which it gets them.
    """
    limit, state, state_form = _check_loop(loop_vars, max_iterations, Symbol)
    test, step = _Region(name + "_cond"), _Region(name + "_func")
    with test:
        test_vars = test.variables(state)
        decision = cond(*test_vars)
    with step:
        step_vars = step.variables(state)
        outputs, new = func(*step_vars)
    if not isinstance(decision, Symbol):
        raise TypeError(f"[while_loop] cond: expected a symbol, got {type(decision).__name__}")
    outputs, form = flatten(outputs, Symbol, "while_loop")
    new, _ = flatten(new, Symbol, "while_loop")
    if len(new) != len(state):
        raise ValueError(f"[while_loop] loop_vars: expected {len(state)} from func, got {len(new)}")
    graphs = [test.cut([decision]), step.cut(outputs + new)]
    inputs = _Inputs()
    test_locs = inputs.add(graphs[0], test_vars, state)
    step_locs = inputs.add(graphs[1], step_vars, state)
    made = _make(
        "_while_loop",
        graphs,
        inputs.symbols,
        {
            "num_out_data": len(outputs),
            "num_outputs": len(outputs + new),
            "max_iterations": limit,
            "cond_input_locs": test_locs,
            "func_input_locs": step_locs,
            "func_var_locs": graphs[1].places(step_vars, "while_loop", "loop_vars"),
        },
    )
    return regroup(made[: len(outputs)], form), regroup(made[len(outputs) :], state_form)


def cond(pred, then_func, else_func, name="cond"):
    """The outputs of then_func() where pred (one element) is true, else of else_func(). Both are called once; the graph runs one of them.

    Both must give as many outputs, of the same shapes and types.
    """
    if not isinstance(pred, Symbol):
        raise TypeError(f"[cond] pred: expected a symbol, got {type(pred).__name__}")
    regions = [_Region(name + "_pred"), _Region(name + "_then"), _Region(name + "_else")]
    flat, forms = [], []
    for region, function in zip(regions, (lambda: pred, then_func, else_func)):
        with region:
            outputs, form = flatten(function(), Symbol, "cond")
        flat.append(outputs)
        forms.append(form)
    if len(flat[1]) != len(flat[2]):
        raise ValueError(f"[cond] expected as many outputs from both branches, got {len(flat[1])} and {len(flat[2])}")
    if not flat[1]:
        raise ValueError("[cond] then_func: expected an output")
    graphs = [region.cut(outputs) for region, outputs in zip(regions, flat)]
    inputs = _Inputs()
    keys = ("cond_input_locs", "then_input_locs", "else_input_locs")
    params = {key: inputs.add(graph, [], []) for key, graph in zip(keys, graphs)}
    return regroup(_make("_cond", graphs, inputs.symbols, {"num_outputs": len(flat[1]), **params}), forms[1])


class _Region:
    """A `with` block whose operators are marked, to be cut out of the graph that they are made in."""

    def __init__(self, name):
        self.name = naming.current().get(None, name)
        self._scope = attribute.AttrScope(**{_MARK: self.name})

    def __enter__(self):
        self._scope.__enter__()
        return self

    def __exit__(self, *exc):
        self._scope.__exit__(*exc)

    def variables(self, symbols):
        """What stands inside for values that come in anew in every run."""
        for symbol in symbols:
            if len(symbol) != 1:
                raise ValueError(f"[{self.name}] expected symbols of one output, got {symbol}")
        return [Variable(naming.current().get(None, symbol.name + "-")) for symbol in symbols]

    def cut(self, symbols):
        """What has been marked, as a graph of its own."""
        for symbol in symbols:
            if len(symbol) != 1:
                raise ValueError(f"[{self.name}] expected symbols of one output, got {symbol}")
        return _Graph(Group(symbols), self.name)


class _Graph:
    """The part of a graph that has been marked; names and symbols outside of what comes into it, in the order of its inputs."""

    def __init__(self, symbol, mark):
        inner, outside = ffi.new("mxn_symbol_t **"), ffi.new("mxn_symbol_t **")
        check(lib.mxn_symbol_cut(symbol.handle, _MARK.encode(), mark.encode(), inner, outside))
        self.symbol = Symbol(inner[0])
        self.outside = list(Symbol(outside[0])) if outside[0] != ffi.NULL else []
        self.names = [s.list_outputs()[0] for s in self.outside]

    def places(self, variables, place, what):
        """Which inputs these variables are."""
        for i, variable in enumerate(variables):
            if variable.name not in self.names:
                raise ValueError(f"[{place}] {what}: expected all to be used inside, number {i} is not")
        return [self.names.index(variable.name) for variable in variables]


class _Inputs:
    """The inputs of a node with several graphs, each once."""

    def __init__(self):
        self.symbols, self._known = [], {}

    def add(self, graph, variables, values):
        """Where the inputs of a graph are among those of the node; `values` stand outside for `variables`."""
        outer = {variable.name: i for i, variable in enumerate(variables)}
        places = []
        for name, symbol in zip(graph.names, graph.outside):
            key = ("variable", outer[name]) if name in outer else name
            if key not in self._known:
                self._known[key] = len(self.symbols)
                self.symbols.append(values[outer[name]] if name in outer else symbol)
            places.append(self._known[key])
        return places


def _make(op_name, graphs, inputs, params):
    """The node: a list of its outputs."""
    op = Op(op_name, (), _FIELDS[op_name])
    params = {"num_args": len(graphs) + len(inputs), **params}
    params = {key: str(value) if isinstance(value, list) else value for key, value in params.items()}
    keep = []
    args, num_args = op.args(params, keep)
    attributes = attribute.current().get(None)
    keys, values = TextList(list(attributes)), TextList([str(v) for v in attributes.values()])
    bodies = ffi.new("mxn_symbol_t *[]", [graph.symbol.handle for graph in graphs])
    handles = ffi.new("mxn_symbol_t *[]", [symbol.handle for symbol in inputs] or [ffi.NULL])
    label = naming.current().get(None, op_name).encode()
    out = ffi.new("mxn_symbol_t **")
    check(
        lib.mxn_symbol_create_with(
            op.handle, bodies, len(graphs), args, num_args, keys.pointer, values.pointer, len(attributes), handles, len(inputs), label, out
        )
    )
    return list(Symbol(out[0]))
