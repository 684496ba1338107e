"""Symbol: a multi-output expression composed of operators."""

import numpy as np

from .. import attribute, name as naming
from ..base import DTYPE_NAMES, DTYPES, MXNetError, Op, TextList, check, dtype_name, ffi, lib, shapes, strings, text

_ops = {}
STORAGE_KINDS = ("default", "row_sparse", "csr")  # by their numbers in files


def _op(op_name):
    found = _ops.get(op_name)
    if found is None:
        found = _ops[op_name] = Op(op_name, (), ())
    return found


class Symbol:
    """One or more outputs of a graph. Immutable but for its attributes; compose and operators make new symbols."""

    __slots__ = ("_h", "__weakref__")
    __array_priority__ = 1000.0

    def __init__(self, handle):
        self._h = handle

    def __del__(self):
        if lib is not None:
            lib.mxn_symbol_free(self._h)

    @property
    def handle(self):
        """The handle of the C API."""
        return self._h

    def _derive(self, function, *args):
        out = ffi.new("mxn_symbol_t **")
        check(function(self._h, *args, out))
        return Symbol(out[0]) if out[0] != ffi.NULL else None

    def _text(self, function, *args):
        out = ffi.new("char **")
        check(function(self._h, *args, out))
        return text(out[0])

    # ---- names and structure ----------------------------------------------------------------------------------------

    @property
    def name(self):
        """The node's name; None for a group of several."""
        return self._text(lib.mxn_symbol_name)

    def _list(self, what):
        out = ffi.new("mxn_strings_t **")
        check(lib.mxn_symbol_list(self._h, what, out))
        return strings(out[0])

    def list_arguments(self):
        """Names of the variables that must be given values, in order."""
        return self._list(0)

    def list_outputs(self):
        """Names of the outputs."""
        return self._list(1)

    def list_auxiliary_states(self):
        """Names of the states that operators keep, such as BatchNorm's moving statistics."""
        return self._list(2)

    list_inputs = lambda self: self.list_arguments() + self.list_auxiliary_states()  # noqa: E731

    @property
    def num_outputs(self):
        """Number of outputs."""
        return len(self.list_outputs())

    def __len__(self):
        return self.num_outputs

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        names = self.list_outputs()
        if isinstance(key, str):
            found = [i for i, n in enumerate(names) if n == key]
            if len(found) != 1:
                raise ValueError(f"[Symbol] expected one output named '{key}', got {len(found)}")
            key = found[0]
        if isinstance(key, slice):
            return Group([self[i] for i in range(*key.indices(len(names)))])
        if not -len(names) <= key < len(names):
            raise IndexError(f"[Symbol] expected an output below {len(names)}, got {key}")
        return self._derive(lib.mxn_symbol_output, int(key) % len(names))

    def get_internals(self):
        """All inner outputs as one symbol."""
        return self._derive(lib.mxn_symbol_internals)

    def get_children(self):
        """The inputs of the output nodes; None for a variable."""
        return self._derive(lib.mxn_symbol_children)

    def __repr__(self):
        return f"<Symbol {self.name or 'group [' + ', '.join(self.list_outputs()) + ']'}>"

    def __copy__(self):
        return self._derive(lib.mxn_symbol_copy)

    def __deepcopy__(self, memo):
        return self._derive(lib.mxn_symbol_copy)

    def __reduce__(self):
        return load_json, (self.tojson(remove_amp_cast=False),)

    def __call__(self, *args, **kwargs):
        """The symbol with variables replaced by symbols: by position, or by name."""
        name = kwargs.pop("name", None)
        if args and kwargs:
            raise TypeError("[compose] expected only positional or only named symbols")
        keys = [None] * len(args) + list(kwargs)
        symbols = list(args) + list(kwargs.values())
        for value in symbols:
            if not isinstance(value, Symbol):
                raise TypeError(f"[compose] expected symbols, got {type(value).__name__}")
        texts, handles = TextList(keys), ffi.new("mxn_symbol_t *[]", [s._h for s in symbols] or [ffi.NULL])
        label = ffi.new("char[]", name.encode()) if name else ffi.NULL
        return self._derive(lib.mxn_symbol_compose, label, texts.pointer, handles, len(symbols))

    # ---- attributes -------------------------------------------------------------------------------------------------

    def attr(self, key):
        """An attribute or operator parameter of the node, as text; None when it has none."""
        return self._text(lib.mxn_symbol_get_attr, key.encode())

    def _set_attr(self, **kwargs):
        for key, value in kwargs.items():
            if not isinstance(value, str):
                raise ValueError(f"[Symbol] {key}: expected a text, got {type(value).__name__}")
            check(lib.mxn_symbol_set_attr(self._h, key.encode(), value.encode()))

    def attr_dict(self):
        """Attributes and parameters of all nodes, by node name."""
        out = ffi.new("mxn_strings_t **")
        check(lib.mxn_symbol_attributes(self._h, out))
        items, result = strings(out[0]), {}
        for node, key, value in zip(items[::3], items[1::3], items[2::3]):
            result.setdefault(node, {})[key] = value
        return result

    def list_attr(self, recursive=False):
        """Attributes of this node; of all nodes as NODE_KEY when `recursive`."""
        everything = self.attr_dict()
        if recursive:
            return {f"{node}_{key}": value for node, attrs in everything.items() for key, value in attrs.items()}
        return everything.get(self.name, {})

    # ---- files ------------------------------------------------------------------------------------------------------

    def tojson(self, remove_amp_cast=True):
        """The symbol as JSON that MXNet 1.x reads; without the casts of mixed precision unless `remove_amp_cast` is False."""
        content = self._text(lib.mxn_symbol_to_json)
        if remove_amp_cast and '"amp_' in content:
            from ..amp.graph import without_casts

            return without_casts(content)
        return content

    def save(self, fname, remove_amp_cast=True):
        """Writes the JSON to a file."""
        with open(fname, "w", encoding="utf-8") as file:
            file.write(self.tojson(remove_amp_cast))

    def debug_str(self):
        """The nodes as text, a line each."""
        return self._text(lib.mxn_symbol_debug)

    # ---- inference --------------------------------------------------------------------------------------------------

    def _shape_arguments(self, args, kwargs):
        given = dict(zip(self.list_arguments(), args)) if args else kwargs
        given = {k: v for k, v in given.items() if v is not None}
        names = TextList(list(given))
        # 0 means unknown, as MXNet has it outside of numpy mode.
        tuples = [tuple(-1 if s in (0, None) else int(s) for s in v) for v in given.values()]
        ndims = ffi.new("int32_t[]", [len(t) for t in tuples] or [0])
        dims = ffi.new("int64_t[]", [s for t in tuples for s in t] or [0])
        return names, ndims, dims, len(tuples)

    def _infer(self, args, kwargs):
        names, ndims, dims, count = self._shape_arguments(args, kwargs)
        out = [ffi.new("mxn_shapes_t **") for _ in range(3)]
        complete = ffi.new("int32_t *")
        check(lib.mxn_symbol_infer_shape(self._h, names.pointer, ndims, dims, count, *out, complete))
        return [shapes(o[0]) for o in out], bool(complete[0])

    def infer_shape(self, *args, **kwargs):
        """(argument, output, auxiliary) shapes from some of them, or (None, None, None) when they do not suffice."""
        result, complete = self._infer(args, kwargs)
        return tuple(result) if complete else (None, None, None)

    def infer_shape_partial(self, *args, **kwargs):
        """The same, with what is known so far: () where nothing is, 0 for unknown extents."""
        result, _ = self._infer(args, kwargs)
        return tuple([tuple(max(s, 0) for s in shape or ()) for shape in group] for group in result)

    def infer_type(self, *args, **kwargs):
        """(argument, output, auxiliary) numpy types from some of them; Nones when they do not suffice."""
        given = dict(zip(self.list_arguments(), args)) if args else kwargs
        given = {k: v for k, v in given.items() if v is not None}
        names = TextList(list(given))
        codes = ffi.new("int32_t[]", [DTYPES[dtype_name(v)] for v in given.values()] or [0])
        out = [ffi.new("mxn_shapes_t **") for _ in range(3)]
        complete = ffi.new("int32_t *")
        check(lib.mxn_symbol_infer_type(self._h, names.pointer, codes, len(given), *out, complete))
        groups = [[_numpy_type(c) for c in shapes(o[0])[0]] for o in out]
        return tuple(groups) if complete[0] else (None, None, None)

    def memory_estimate(self, training=True, group2ctx=None, **kwargs):
        """Bytes that binding with these input shapes would take: planned, naive, lower_bound, external, kept.

        With group2ctx, on which groups are placed as in bind(cpu(0)), a dict of such for every context.
        """
        from ..context import cpu
        from ..executor import memory_dict, new_memory_info, place

        names, ndims, dims, count = self._shape_arguments((), kwargs)
        info = new_memory_info()
        if group2ctx is None:
            check(lib.mxn_symbol_memory(self._h, names.pointer, ndims, dims, count, int(training), info))
            return memory_dict(info)
        placed, parts = place(self, group2ctx), {}
        for ctx in [cpu(0), *group2ctx.values()]:
            check(lib.mxn_symbol_device_memory(placed.handle, ctx.device_typeid, ctx.device_id, names.pointer, ndims, dims, count, int(training), info))
            parts[ctx] = memory_dict(info)
        return parts

    # ---- execution --------------------------------------------------------------------------------------------------

    def simple_bind(
        self, ctx, grad_req="write", type_dict=None, stype_dict=None, group2ctx=None, shared_arg_names=None, shared_exec=None, shared_buffer=None, **kwargs
    ):
        """An Executor with fresh arrays made from input shapes. grad_req: one of 'write', 'add', 'null', a list or a dict.

        group2ctx: contexts by the value of the attribute ctx_group; nodes of these groups live and run there, all others on `ctx`.
        stype_dict: storage kinds of arguments, which their variables keep (see Variable).
        """
        from ..executor import simple_bind

        for name, stype in (stype_dict or {}).items():
            if name not in self.list_arguments() or stype not in STORAGE_KINDS:
                raise MXNetError(f"[simple_bind] stype_dict: expected arguments and 'default', 'row_sparse' or 'csr', got {name}: {stype!r}")
            self.get_internals()[name]._set_attr(__storage_type__=str(STORAGE_KINDS.index(stype)))

        return simple_bind(self, ctx, grad_req, type_dict, group2ctx, shared_exec, kwargs)

    def bind(self, ctx, args, args_grad=None, grad_req="write", aux_states=None, group2ctx=None, shared_exec=None):
        """An Executor on given arrays: lists in list order, or dicts by name. group2ctx: as for simple_bind."""
        from ..executor import bind

        return bind(self, ctx, args, args_grad, grad_req, aux_states, group2ctx, shared_exec)

    def eval(self, ctx=None, **kwargs):
        """The outputs for these argument arrays, as a list."""
        from ..context import current_context

        return self.bind(ctx or current_context(), kwargs, grad_req="null").forward()

    # ---- arithmetic -------------------------------------------------------------------------------------------------

    def __add__(self, other):
        return _binary(self, other, "elemwise_add", "_plus_scalar", "_plus")

    __radd__ = __add__

    def __sub__(self, other):
        return _binary(self, other, "elemwise_sub", "_minus_scalar", "_minus")

    def __rsub__(self, other):
        return _binary(self, other, None, "_rminus_scalar")

    def __mul__(self, other):
        return _binary(self, other, "elemwise_mul", "_mul_scalar", "_mul")

    __rmul__ = __mul__

    def __truediv__(self, other):
        return _binary(self, other, "elemwise_div", "_div_scalar", "_div")

    def __rtruediv__(self, other):
        return _binary(self, other, None, "_rdiv_scalar")

    __div__, __rdiv__ = __truediv__, __rtruediv__

    def __mod__(self, other):
        return _binary(self, other, "_mod", "_mod_scalar")

    def __rmod__(self, other):
        return _binary(self, other, None, "_rmod_scalar")

    def __pow__(self, other):
        return _binary(self, other, "_power", "_power_scalar")

    def __rpow__(self, other):
        return _binary(self, other, None, "_rpower_scalar")

    def __neg__(self):
        return self * -1.0

    def __abs__(self):
        return create(_op("abs"), [self], {})

    def __eq__(self, other):
        return _binary(self, other, "_equal", "_equal_scalar")

    def __ne__(self, other):
        return _binary(self, other, "_not_equal", "_not_equal_scalar")

    def __gt__(self, other):
        return _binary(self, other, "_greater", "_greater_scalar")

    def __ge__(self, other):
        return _binary(self, other, "_greater_equal", "_greater_equal_scalar")

    def __lt__(self, other):
        return _binary(self, other, "_lesser", "_lesser_scalar")

    def __le__(self, other):
        return _binary(self, other, "_lesser_equal", "_lesser_equal_scalar")

    __hash__ = object.__hash__

    def __bool__(self):
        raise MXNetError("[Symbol] a symbol has no truth value before it is run")


def _numpy_type(code):
    if code < 0:
        return None
    return DTYPE_NAMES[code] if code == 12 else np.dtype(DTYPE_NAMES[code]).type


def _binary(left, right, tensor_op, scalar_op, hint=None):
    if isinstance(right, Symbol) and tensor_op:
        return create(_op(tensor_op), [left, right], {}, hint=hint or tensor_op)
    if isinstance(right, (int, float, np.number)):
        op = _op(scalar_op)
        op.fields.setdefault("scalar", 0)
        return create(op, [left], {"scalar": float(right)}, hint=scalar_op.replace("_scalar", "scalar"))
    return NotImplemented


def create(op, inputs, params, name=None, attr=None, hint=None):
    """A symbol of an operator. inputs: a list with None for those left out (they become variables), or a dict by name."""
    label = naming.current().get(name, hint or op.name.lower().lstrip("_") if not op.name.startswith("_") else hint or op.name.lower())
    attributes = attribute.current().get(attr)
    if isinstance(inputs, dict):
        pairs = [(key, value) for key, value in inputs.items() if value is not None]
    else:
        pairs = [(op.inputs[i] if op.inputs and not op.variadic else None, value) for i, value in enumerate(inputs) if value is not None]
    for _, value in pairs:
        if not isinstance(value, Symbol):
            raise TypeError(f"[{op.name} {label}] expected symbols, got {type(value).__name__}")
    keep = []
    args, num_args = op.args(params, keep)
    keys, values = TextList(list(attributes)), TextList([str(v) for v in attributes.values()])
    names = TextList([key for key, _ in pairs])
    handles = ffi.new("mxn_symbol_t *[]", [value._h for _, value in pairs] or [ffi.NULL])
    out = ffi.new("mxn_symbol_t **")
    check(
        lib.mxn_symbol_create(op.handle, args, num_args, keys.pointer, values.pointer, len(attributes), handles, names.pointer, len(pairs), label.encode(), out)
    )
    return Symbol(out[0])


def call(op, inputs, params, name=None, attr=None, extra=None):
    """What the generated functions of mx.sym do. `extra`: named attributes such as lr_mult='2', or inputs by name."""
    attributes = dict(attr or {})
    by_name = {}
    for key, value in (extra or {}).items():
        if isinstance(value, Symbol):
            by_name[key] = value
        elif key in op.fields:
            params[key] = value
        elif isinstance(value, str):
            attributes[key] = value
        else:
            raise MXNetError(f"[{op.name}] unknown parameter '{key}', expected one of {', '.join(op.fields) or 'no parameters'}")
    given = list(inputs)
    if op.variadic and len(given) == 1 and isinstance(given[0], (list, tuple)):
        given = list(given[0])
    if by_name and op.inputs and not op.variadic:
        merged = {key: value for key, value in zip(op.inputs, given) if value is not None}
        merged.update(by_name)
        given = merged
    elif by_name:
        given += list(by_name.values())
    return create(op, given, params, name, attributes)


def Variable(name, attr=None, shape=None, lr_mult=None, wd_mult=None, dtype=None, init=None, stype=None, **kwargs):  # noqa: N802
    """A named input. shape, dtype, multipliers and initialiser are kept as attributes; other keywords must be __texts__."""
    if not isinstance(name, str):
        raise TypeError(f"[Variable] name: expected a text, got {type(name).__name__}")
    out = ffi.new("mxn_symbol_t **")
    check(lib.mxn_symbol_variable(name.encode(), out))
    symbol = Symbol(out[0])
    attributes = attribute.current().get(attr)
    if shape is not None:
        attributes["__shape__"] = str(tuple(shape))
    if lr_mult is not None:
        attributes["__lr_mult__"] = str(lr_mult)
    if wd_mult is not None:
        attributes["__wd_mult__"] = str(wd_mult)
    if dtype is not None:
        attributes["__dtype__"] = str(DTYPES[dtype_name(dtype)])
    if init is not None:
        attributes["__init__"] = init if isinstance(init, str) else init.dumps()
    if stype is not None:
        if stype not in STORAGE_KINDS:
            raise ValueError(f"[Variable] stype: expected 'default', 'row_sparse' or 'csr', got {stype!r}")
        attributes["__storage_type__"] = str(STORAGE_KINDS.index(stype))
    for key, value in kwargs.items():
        if not (key.startswith("__") and key.endswith("__")):
            raise ValueError(f"[Variable] {key}: expected a keyword of the form __name__")
        attributes[key] = str(value)
    symbol._set_attr(**attributes)
    return symbol


var = Variable


def Group(symbols):  # noqa: N802 - MXNet's name
    """Several symbols as one with all their outputs."""
    symbols = list(symbols)
    if not symbols or any(not isinstance(s, Symbol) for s in symbols):
        raise TypeError("[Group] expected a list of symbols")
    out = ffi.new("mxn_symbol_t **")
    check(lib.mxn_symbol_group(ffi.new("mxn_symbol_t *[]", [s._h for s in symbols]), len(symbols), out))
    return Symbol(out[0])


def load_json(json_str):
    """A symbol from JSON of any MXNet generation."""
    if not isinstance(json_str, str):
        raise TypeError("[load_json] expected a text")
    out = ffi.new("mxn_symbol_t **")
    check(lib.mxn_symbol_from_json(json_str.encode(), out))
    return Symbol(out[0])


fromjson = load_json


def load(fname):
    """A symbol from a -symbol.json file."""
    try:
        with open(fname, encoding="utf-8") as file:
            content = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise MXNetError(f"[load] {fname}: {getattr(error, 'strerror', None) or error}") from None
    try:
        return load_json(content)
    except MXNetError as error:
        raise MXNetError(f"[load] {fname}: {error}") from None


def _init(op_name, **params):
    return create(_init_op(op_name), [], params)


def _init_op(op_name):
    from . import gen_op

    return getattr(gen_op, op_name + "_op")


def zeros(shape, dtype=None, **kwargs):
    """A symbol of zeros."""
    return create(_init_op("_zeros"), [], {"shape": shape, "dtype": dtype_name(dtype)}, kwargs.get("name"))


def ones(shape, dtype=None, **kwargs):
    """A symbol of ones."""
    return create(_init_op("_ones"), [], {"shape": shape, "dtype": dtype_name(dtype)}, kwargs.get("name"))


def full(shape, val, dtype=None, **kwargs):
    """A symbol of one value."""
    return create(_init_op("_full"), [], {"shape": shape, "value": float(val), "dtype": dtype_name(dtype)}, kwargs.get("name"))


def arange(start, stop=None, step=1.0, repeat=1, infer_range=False, name=None, dtype=None):
    """A symbol of values from start to stop in steps."""
    params = {"start": start, "stop": stop, "step": step, "repeat": repeat, "infer_range": infer_range, "dtype": dtype_name(dtype)}
    return create(_init_op("_arange"), [], params, name)


def linspace(start, stop, num, endpoint=True, name=None, dtype=None):
    """A symbol of num values evenly spaced from start to stop."""
    params = {"start": float(start), "stop": float(stop), "num": num, "endpoint": endpoint, "dtype": dtype_name(dtype)}
    return create(_init_op("_linspace"), [], params, name)


def eye(N, M=0, k=0, dtype=None, **kwargs):  # noqa: N803 - MXNet's names
    """A symbol of ones on a diagonal."""
    return create(_init_op("_eye"), [], {"N": N, "M": M, "k": k, "dtype": dtype_name(dtype)}, kwargs.get("name"))


def histogram(a, bins=10, range=None, **kwargs):  # noqa: A002 - MXNet's name
    """(counts, edges): how many elements are in each bin; `bins` is their number within `range`, or a symbol of edges."""
    from . import gen_op

    if isinstance(bins, Symbol):
        return gen_op._histogram(a, bins=bins, **kwargs)
    if range is None:
        raise MXNetError("[histogram] range: expected (low, high) where bins is a number, got None")
    return gen_op._histogram(a, bin_cnt=bins, range=range, **kwargs)


def split_v2(ary, indices_or_sections, axis=0, squeeze_axis=False):
    """As mx.nd.split_v2."""
    from ..ndarray.op import split_places
    from . import gen_op

    return gen_op._split_v2(ary, axis=axis, squeeze_axis=squeeze_axis, **split_places(indices_or_sections))


def _either(tensor_op, scalar_op, reversed_op):
    def function(left, right):
        if isinstance(left, Symbol):
            return _binary(left, right, tensor_op, scalar_op)
        if isinstance(right, Symbol):
            return _binary(right, left, None, reversed_op)
        raise TypeError("[symbol] expected at least one symbol")

    return function


maximum = _either("_maximum", "_maximum_scalar", "_maximum_scalar")
minimum = _either("_minimum", "_minimum_scalar", "_minimum_scalar")
pow = power = _either("_power", "_power_scalar", "_rpower_scalar")  # noqa: A001 - MXNet's name
hypot = _either("_hypot", "_hypot_scalar", "_hypot_scalar")
