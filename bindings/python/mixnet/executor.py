"""Executor: a symbol bound to arrays on a device."""

from .base import DTYPES, MXNetError, TextList, check, dtype_name, ffi, lib, register_callback, text
from .context import Context
from .ndarray import NDArray
from .ndarray import array as make_array

_REQUESTS = {"null": 0, "write": 1, "add": 3, "inplace": 1}


def _request(value):
    if value not in _REQUESTS:
        raise MXNetError(f"[bind] grad_req: expected one of {', '.join(_REQUESTS)}, got {value!r}")
    return _REQUESTS[value]


def _requests(grad_req, names):
    """One code per argument."""
    if isinstance(grad_req, str):
        return [_request(grad_req)] * len(names)
    if isinstance(grad_req, dict):
        return [_request(grad_req.get(name, "null")) for name in names]
    if len(grad_req) != len(names):
        raise MXNetError(f"[bind] grad_req: expected {len(names)} values, got {len(grad_req)}")
    return [_request(value) for value in grad_req]


class Executor:
    """Made by Symbol.bind and Symbol.simple_bind. forward() and backward() return at once; reading an array waits."""

    def __init__(self, handle, symbol, ctx):
        self._h = handle
        self._symbol = symbol
        self._ctx = ctx
        self._arg_names = symbol.list_arguments()
        self._aux_names = symbol.list_auxiliary_states()
        self._output_names = symbol.list_outputs()
        self.arg_arrays = self._arrays(0)
        self.grad_arrays = self._arrays(1)
        self.aux_arrays = self._arrays(2)
        self.outputs = self._arrays(3)

    def __del__(self):
        if lib is not None:
            lib.mxn_executor_free(self._h)

    def _arrays(self, what):
        arrays, count = ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t *")
        check(lib.mxn_executor_arrays(self._h, what, arrays, count))
        result = [NDArray(arrays[0][i]) if arrays[0][i] != ffi.NULL else None for i in range(count[0])]
        lib.mxn_ndarray_list_free(arrays[0])
        return result

    @property
    def arg_dict(self):
        """Argument arrays by name."""
        return dict(zip(self._arg_names, self.arg_arrays))

    @property
    def grad_dict(self):
        """Gradient arrays by argument name; None where not asked for."""
        return dict(zip(self._arg_names, self.grad_arrays))

    @property
    def aux_dict(self):
        """Auxiliary state arrays by name."""
        return dict(zip(self._aux_names, self.aux_arrays))

    @property
    def output_dict(self):
        """Output arrays by name."""
        return dict(zip(self._output_names, self.outputs))

    def forward(self, is_train=False, **kwargs):
        """Computes the outputs; keywords copy values into arguments first. Returns the list of outputs."""
        arguments = self.arg_dict if kwargs else None
        for name, value in kwargs.items():
            if name not in arguments:
                raise TypeError(f"[forward] no argument is called '{name}', expected one of {', '.join(self._arg_names)}")
            target = arguments[name]
            if not isinstance(value, NDArray):
                value = make_array(value, dtype=target.dtype)
            if value.shape != target.shape:
                raise ValueError(f"[forward] {name}: expected shape {target.shape}, got {value.shape}")
            value.copyto(target)
        check(lib.mxn_executor_forward(self._h, int(bool(is_train))))
        return self.outputs

    def backward(self, out_grads=None, is_train=True):
        """Computes the gradients after forward(is_train=True). out_grads: one array per output; ones when left out."""
        if out_grads is None:
            out_grads = []
        elif isinstance(out_grads, NDArray):
            out_grads = [out_grads]
        elif isinstance(out_grads, dict):
            out_grads = [out_grads[name] for name in self._output_names]
        handles = ffi.new("mxn_ndarray_t *[]", [g.handle if g is not None else ffi.NULL for g in out_grads] or [ffi.NULL])
        check(lib.mxn_executor_backward(self._h, handles, len(out_grads)))

    def copy_params_from(self, arg_params, aux_params=None, allow_extra_params=False):
        """Copies values in by name; names the symbol does not have raise unless allow_extra_params."""
        for given, own in ((arg_params, self.arg_dict), (aux_params or {}, self.aux_dict)):
            for name, value in given.items():
                if name in own:
                    value.astype(own[name].dtype, copy=False).copyto(own[name])
                elif not allow_extra_params:
                    raise ValueError(f"[copy_params_from] '{name}' is no argument or state of the symbol")

    def reshape(self, partial_shaping=False, allow_up_sizing=False, **kwargs):
        """An executor for other input shapes, sharing parameters and memory with this one."""
        names = TextList(list(kwargs))
        ndims = ffi.new("int32_t[]", [len(s) for s in kwargs.values()] or [0])
        dims = ffi.new("int64_t[]", [int(d) for s in kwargs.values() for d in s] or [0])
        out = ffi.new("mxn_executor_t **")
        check(lib.mxn_executor_reshape(self._h, int(partial_shaping), int(allow_up_sizing), names.pointer, ndims, dims, len(kwargs), out))
        return Executor(out[0], self._symbol, self._ctx)

    def set_monitor_callback(self, callback, monitor_all=False):
        """Calls callback(name, array) for every inner output (and input with monitor_all); None turns it off."""
        if callback is None:
            check(lib.mxn_executor_set_monitor(self._h, ffi.NULL, ffi.NULL, ffi.NULL, 0))
            return

        def receive(name, value):
            out = ffi.new("mxn_ndarray_t **")
            check(lib.mxn_ndarray_clone(value, out))
            callback(name, NDArray(out[0]))

        user = register_callback(receive)
        check(lib.mxn_executor_set_monitor(self._h, lib.mixnet_py_monitor, user, lib.mixnet_py_destroy, int(monitor_all)))

    def memory(self, training=True, ctx=None):
        """Bytes of the bound plan: planned, naive, lower_bound, external, kept; on one device with `ctx`."""
        info = new_memory_info()
        if ctx is None:
            check(lib.mxn_executor_memory(self._h, int(training), info))
        else:
            check(lib.mxn_executor_device_memory(self._h, ctx.device_typeid, ctx.device_id, int(training), info))
        return memory_dict(info)

    def debug_str(self):
        """The steps of the plan, a line each."""
        out = ffi.new("char **")
        check(lib.mxn_executor_describe(self._h, out))
        return text(out[0])


def new_memory_info():
    """A struct for memory_dict to read."""
    return ffi.new("mxn_memory_info_t *", {"struct_size": ffi.sizeof("mxn_memory_info_t")})


def memory_dict(info):
    """What the library has put into the struct."""
    return {key: getattr(info, key) for key in ("planned", "naive", "lower_bound", "external", "kept")}


def place(symbol, group2ctx):
    """The symbol with its groups on contexts; itself without any."""
    if not group2ctx:
        return symbol
    for group, ctx in group2ctx.items():
        if not isinstance(ctx, Context):
            raise TypeError(f"[bind] group2ctx: expected a Context for '{group}', got {type(ctx).__name__}")
    names, contexts = TextList(list(group2ctx)), list(group2ctx.values())
    kinds, indices = ([getattr(ctx, field) for ctx in contexts] for field in ("device_typeid", "device_id"))
    out = ffi.new("mxn_symbol_t **")
    check(lib.mxn_symbol_place(symbol.handle, names.pointer, ffi.new("int32_t[]", kinds), ffi.new("int32_t[]", indices), len(contexts), out))
    return type(symbol)(out[0])


def _in_order(given, names, what, optional=False):
    """A list in the order of names from a list or a dict."""
    if given is None:
        return [None] * len(names)
    if isinstance(given, dict):
        missing = [name for name in names if name not in given]
        if missing and not optional:
            raise ValueError(f"[bind] {what}: no array for {', '.join(missing)}")
        return [given.get(name) for name in names]
    if len(given) != len(names):
        raise ValueError(f"[bind] {what}: expected {len(names)} arrays, got {len(given)}")
    return list(given)


def _handles(arrays):
    return ffi.new("mxn_ndarray_t *[]", [a.handle if a is not None else ffi.NULL for a in arrays] or [ffi.NULL])


def bind(symbol, ctx, args, args_grad, grad_req, aux_states, group2ctx, shared_exec):
    """Symbol.bind."""
    ctx = Context(ctx) if isinstance(ctx, Context) else ctx
    placed = place(symbol, group2ctx)
    names = symbol.list_arguments()
    arguments = _in_order(args, names, "args")
    gradients = _in_order(args_grad, names, "args_grad", optional=True)
    states = _in_order(aux_states, symbol.list_auxiliary_states(), "aux_states")
    requests = _requests(grad_req, names)
    requests = [r if g is not None else 0 for r, g in zip(requests, gradients)]
    out = ffi.new("mxn_executor_t **")
    shared = shared_exec._h if shared_exec is not None else ffi.NULL
    check(
        lib.mxn_executor_bind(
            placed.handle,
            ctx.device_typeid,
            ctx.device_id,
            _handles(arguments),
            _handles(gradients),
            ffi.new("int32_t[]", requests or [0]),
            len(names),
            _handles(states),
            len(states),
            shared,
            out,
        )
    )
    return Executor(out[0], symbol, ctx)


def simple_bind(symbol, ctx, grad_req, type_dict, group2ctx, shared_exec, shape_dict):
    """Symbol.simple_bind."""
    placed = place(symbol, group2ctx)
    given = {k: tuple(v) for k, v in shape_dict.items() if v is not None}
    shape_names, dtypes = TextList(list(given)), type_dict or {}
    ndims = ffi.new("int32_t[]", [len(s) for s in given.values()] or [0])
    dims = ffi.new("int64_t[]", [int(d) for s in given.values() for d in s] or [0])
    dtype_names = TextList(list(dtypes))
    codes = ffi.new("int32_t[]", [DTYPES[dtype_name(t)] for t in dtypes.values()] or [0])
    default, named = "write", {}
    if isinstance(grad_req, str):
        default = grad_req
    elif isinstance(grad_req, dict):
        default, named = "null", grad_req
    else:
        named = dict(zip(symbol.list_arguments(), grad_req))
    request_names, requests = TextList(list(named)), ffi.new("int32_t[]", [_request(r) for r in named.values()] or [0])
    shared = shared_exec._h if shared_exec is not None else ffi.NULL
    out = ffi.new("mxn_executor_t **")
    check(
        lib.mxn_executor_simple_bind(
            placed.handle,
            ctx.device_typeid,
            ctx.device_id,
            shape_names.pointer,
            ndims,
            dims,
            len(given),
            dtype_names.pointer,
            codes,
            len(dtypes),
            request_names.pointer,
            requests,
            len(named),
            _request(default),
            shared,
            out,
        )
    )
    return Executor(out[0], symbol, ctx)
