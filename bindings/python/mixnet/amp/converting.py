"""Mixed precision for symbols: casts put in by lists of operators.

The converted symbol has the arguments and outputs of the original, float32 parameters included: a parameter that an
operator wants in 16 bits passes a cast, whose gradient comes back in float32. With `cast_optional_params` such a
parameter is 16 bits wide itself, which saves the cast and half the memory; that is for prediction.
"""

from ..base import DTYPE_NAMES, DTYPES, MXNetError
from . import lists
from .graph import Graph, TypeInference

_FLOATS = {"bfloat16": 2, "float16": 2, "float32": 4, "float64": 8}
# The argument that multiplies the gradients of losses (see `training`).
LOSS_SCALE = "amp_loss_scale"


class Policy:
    """What is to be cast to what: the lists of one call, checked."""

    def __init__(self, place, target_dtype, target_dtype_ops=None, fp32_ops=None, conditional_fp32_ops=None, excluded=None):
        self.target = lists.target(target_dtype, place)
        own = lists.list_lp16_ops(self.target) if target_dtype_ops is None else target_dtype_ops
        wide = lists.list_fp32_ops(self.target) if fp32_ops is None else fp32_ops
        conditional = lists.list_conditional_fp32_ops(self.target) if conditional_fp32_ops is None else conditional_fp32_ops
        self.low = lists.canonical(own, place)
        self.wide = lists.canonical(wide, place)
        self.conditional = [(name, key, set(values)) for name, key, values in conditional]
        lists.canonical([name for name, _, _ in self.conditional], place)
        both = self.low & self.wide if target_dtype_ops is None or fp32_ops is None else None
        if both:  # a list that was given wins over a default one
            self.low, self.wide = (self.low, self.wide - both) if target_dtype_ops is not None else (self.low - both, self.wide)
        elif self.low & self.wide:
            raise MXNetError(f"[{place}] target_dtype_ops, fp32_ops: expected no common operators, got {sorted(self.low & self.wide)}")
        self.widest = lists.canonical(lists.list_widest_type_cast(self.target), place) - self.low - self.wide
        self.excluded = set(excluded or ())

    def wants(self, node):
        """The dtype for the float inputs of a node: a name, 'widest', or None for as they come."""
        op, attrs = node["op"], node.get("attrs") or {}
        if node["name"] in self.excluded or op in self.wide:
            return "float32"
        if any(op == name and attrs.get(key) in values for name, key, values in self.conditional):
            return "float32"
        if op in self.low:
            return self.target
        return "widest" if op in self.widest else None


class _Conversion:
    def __init__(self, symbol, policy, narrow_params, inputs, loss_scale):
        self.graph, self.policy, self.loss_scale = Graph(symbol), policy, loss_scale
        self.states = set(symbol.list_auxiliary_states())
        self.losses = lists.canonical([*lists.list_loss_output_functions(policy.target), "MakeLoss", "SVMOutput"], "amp")
        self.inputs, self.narrow_params = set(inputs), narrow_params
        self.types, self.casts, self.entry_of = {}, {}, {}
        self.inference = TypeInference()

    def run(self):
        narrow = self._narrow_variables() if self.narrow_params else set()
        for number, node in enumerate(self.graph.source):
            if node["op"] == "null":
                self._variable(number, node, number in narrow)
            else:
                self._operator(number, node)
        return self.graph.symbol([self.entry_of[head] for head in self.graph.heads])

    def _narrow_variables(self):
        """Parameters that nobody reads but operators which want them in 16 bits."""
        wanted = {}
        for node in self.graph.source:
            for number, _, *_ in node["inputs"]:
                wanted.setdefault(number, set()).add(self.policy.wants(node))
        chosen = {number for number, kinds in wanted.items() if kinds == {self.policy.target}}
        chosen -= {number for number, _ in self.graph.heads}
        return {number for number in chosen if self._is_parameter(self.graph.source[number])}

    def _is_parameter(self, node):
        return node["op"] == "null" and node["name"] not in self.inputs and self._given(node) in (None, "float32")

    @staticmethod
    def _given(node):
        code = (node.get("attrs") or {}).get("__dtype__")
        return DTYPE_NAMES.get(int(code)) if code is not None and code.lstrip("-").isdigit() else None

    def _variable(self, number, node, narrow):
        dtype = self.policy.target if narrow else self._given(node) or "float32"
        attrs = dict(node.get("attrs") or {})
        if node["name"] not in self.inputs:
            attrs["__dtype__"] = str(DTYPES[dtype])
        new = self.graph.add("null", node["name"], attrs, [])
        self.entry_of[number, 0] = (new, 0)
        self.types[new, 0] = dtype

    def _operator(self, number, node):
        inputs = [self.entry_of[tuple(entry[:2])] for entry in node["inputs"]]
        free = [i for i, (n, _) in enumerate(inputs) if self.graph.nodes[n]["name"] not in self.states]
        want = self.policy.wants(node)
        if want == "widest":
            want = self._widest(inputs[i] for i in free)
        if want:
            for i in free:
                inputs[i] = self._cast(inputs[i], want)
        if self.loss_scale and node["op"] in self.losses:
            inputs[0] = self._scaled(inputs[0], node["name"])
        types = self._infer(node, inputs)
        if types is None:  # they do not go together
            for i in free:
                inputs[i] = self._cast(inputs[i], self._widest(inputs[i] for i in free))
            types = self._infer(node, inputs)
        new = self.graph.add(node["op"], node["name"], node.get("attrs"), inputs)
        for i, dtype in enumerate(types or [None] * 8):
            self.entry_of[number, i] = (new, i)
            self.types[new, i] = dtype

    def _infer(self, node, inputs):
        return self.inference.outputs(node, [self.types[entry] for entry in inputs])

    def _widest(self, entries):
        found = [dtype for dtype in map(self.types.get, entries) if dtype in _FLOATS]
        return max(found, key=_FLOATS.get) if found else None

    def _cast(self, entry, dtype):
        before = self.types[entry]
        if before == dtype or (before is not None and before not in _FLOATS) or dtype is None:
            return entry
        if (entry, dtype) not in self.casts:
            node = self.graph.nodes[entry[0]]
            suffix = "" if node["op"] == "null" else f"_output{entry[1] or ''}"
            new = (self.graph.add("amp_cast", f"{node['name']}{suffix}_amp_cast_{dtype}", {"dtype": dtype}, [entry]), 0)
            self.types[new] = dtype
            self.casts[entry, dtype] = new
        return self.casts[entry, dtype]

    def _scaled(self, entry, name):
        if LOSS_SCALE not in self.casts:
            self.casts[LOSS_SCALE] = (self.graph.add("null", LOSS_SCALE, {"__dtype__": "0", "__shape__": "(1,)"}, []), 0)
            self.types[self.casts[LOSS_SCALE]] = "float32"
        new = (self.graph.add("amp_scale_gradient", f"{name}_amp_scale_gradient", None, [entry, self.casts[LOSS_SCALE]]), 0)
        self.types[new] = self.types[entry]
        return new


def convert(symbol, policy, narrow_params=False, inputs=(), loss_scale=False):
    """The symbol with casts. inputs: names of variables that are fed, not parameters."""
    return _Conversion(symbol, policy, narrow_params, inputs, loss_scale).run()


def convert_symbol(
    sym,
    target_dtype="bfloat16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    data_names=None,
    cast_optional_params=False,
):
    """The symbol with casts to and from `target_dtype`.

    Parameters
    ----------
    sym : Symbol
    target_dtype : 'bfloat16' or 'float16'
    target_dtype_ops, fp32_ops : list of str, optional
        Operators to compute in 16 bits and in float32, instead of `list_lp16_ops` and `list_fp32_ops`.
    conditional_fp32_ops : list of (operator, parameter, values), optional
        Operators to compute in float32 when a parameter has one of the values.
    excluded_sym_names : list of str, optional
        Nodes that stay in float32.
    data_names : list of str, optional
        Inputs that are fed and keep their dtype; 'data' and names that end in 'label' by default.
    cast_optional_params : bool
        Make parameters 16 bits wide that are only read so.

    Raises
    ------
    MXNetError
        For another dtype, an operator the library does not know, or one in both lists.
    """
    if not hasattr(sym, "list_arguments"):
        raise TypeError(f"[convert_symbol] sym: expected a Symbol, got {type(sym).__name__}")
    policy = Policy("convert_symbol", target_dtype, target_dtype_ops, fp32_ops, conditional_fp32_ops, excluded_sym_names)
    if data_names is None:
        data_names = [name for name in sym.list_arguments() if name == "data" or name.endswith("label")]
    return convert(sym, policy, cast_optional_params, data_names)


def convert_model(
    sym,
    arg_params,
    aux_params,
    target_dtype="bfloat16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    cast_optional_params=False,
):
    """Triple (symbol, arg_params, aux_params) of a model in mixed precision; arguments as for `convert_symbol`.

    With `cast_optional_params` the parameters come back in the dtypes of the symbol's variables; otherwise as given.
    """
    data_names = [name for name in sym.list_arguments() if name not in arg_params]
    converted = convert_symbol(sym, target_dtype, target_dtype_ops, fp32_ops, conditional_fp32_ops, excluded_sym_names, data_names, cast_optional_params)
    return converted, cast_params(converted, arg_params), dict(aux_params)


def cast_params(symbol, params):
    """The parameters in the 16-bit dtypes that the symbol's variables name."""
    attributes, result = symbol.attr_dict(), {}
    for name, array in params.items():
        code = attributes.get(name, {}).get("__dtype__")
        dtype = DTYPE_NAMES.get(int(code)) if code is not None else None
        result[name] = array.astype(dtype) if dtype in ("float16", "bfloat16") else array.copy()
    return result


def convert_bucketing_module(
    bucketing_mod,
    target_dtype="bfloat16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    cast_optional_params=False,
):
    """A BucketingModule whose symbols are converted, with the parameters of `bucketing_mod` when it has any.

    A bound module gives one that is bound for prediction with the same shapes.
    """
    from ..module import BucketingModule

    if not isinstance(bucketing_mod, BucketingModule):
        raise TypeError(f"[convert_bucketing_module] expected a BucketingModule, got {type(bucketing_mod).__name__}")

    def generate(key):
        symbol, data_names, label_names = bucketing_mod._sym_gen(key)
        names = [*(data_names or ()), *(label_names or ())]
        rules = (target_dtype_ops, fp32_ops, conditional_fp32_ops, excluded_sym_names, names, cast_optional_params)
        return convert_symbol(symbol, target_dtype, *rules), data_names, label_names

    result = BucketingModule(generate, bucketing_mod._default_bucket_key, **bucketing_mod._options)
    if bucketing_mod.binded:
        result.bind(bucketing_mod._default_module.data_shapes, bucketing_mod._default_module.label_shapes, for_training=False)
        if bucketing_mod.params_initialized:
            result.set_params(*bucketing_mod.get_params())
    return result


def convert_hybrid_block(
    block,
    target_dtype="bfloat16",
    target_dtype_ops=None,
    fp32_ops=None,
    conditional_fp32_ops=None,
    excluded_sym_names=None,
    ctx=None,
    cast_optional_params=False,
):
    """A SymbolBlock that computes what a HybridBlock did in its last call after `hybridize`, in mixed precision; other arguments as for `convert_model`.

    ctx: where its parameters shall be; where the block's are unless given.
    """
    from ..gluon import SymbolBlock
    from ..symbol import Variable

    graph = getattr(block, "_last", None)
    if graph is None:
        raise MXNetError("[convert_hybrid_block] block: expected a HybridBlock that was called after hybridize, got one that was not")
    states = set(graph.symbol.list_auxiliary_states())
    arrays = {name: parameter.mean() for name, parameter in graph.params.items()}
    symbol, arguments, states = convert_model(
        graph.symbol,
        {name: array for name, array in arrays.items() if name not in states},
        {name: array for name, array in arrays.items() if name in states},
        target_dtype,
        target_dtype_ops,
        fp32_ops,
        conditional_fp32_ops,
        excluded_sym_names,
        cast_optional_params,
    )
    made = SymbolBlock(symbol, [Variable(name) for name in graph.inputs])
    where = ctx or next(iter(graph.params.values())).list_ctx() if graph.params else ctx
    for name, array in {**arguments, **states}.items():
        made.params[name].load(array, where, cast_dtype=True, dtype_source="saved")
    return made
