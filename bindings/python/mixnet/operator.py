"""mx.operator: operators written in Python, for arrays, symbols and autograd.

    class Sigmoid(mx.operator.CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            self.assign(out_data[0], req[0], 1 / (1 + mx.nd.exp(-in_data[0])))

        def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
            y = out_data[0]
            self.assign(in_grad[0], req[0], out_grad[0] * y * (1 - y))

    @mx.operator.register("my_sigmoid")
    class SigmoidProp(mx.operator.CustomOpProp):
        def create_operator(self, ctx, in_shapes, in_dtypes):
            return Sigmoid()

    y = mx.nd.Custom(x, op_type="my_sigmoid")

forward and backward run on a thread of the engine's own. They may wait for arrays, use numpy and call all of mixnet; what they raise is
raised where a result is waited for. Arrays are borrowed for the call: one that is kept holds the values it had at the call's end.
"""

import itertools
import traceback

import numpy as np

from .base import DTYPE_NAMES, DTYPES, MXNetError, TextList, _callbacks, check, dtype_name, ffi, lib, register_callback, shapes, strings
from .context import Context
from .ndarray import NDArray, array

__all__ = ["CustomOp", "CustomOpProp", "register", "get_all_registered_operators", "PythonOp", "NumpyOp", "NDArrayOp"]

_registered = {}
_numbers = itertools.count()


class CustomOp:
    """What runs. An executor, and a recorded call, has an instance of its own, which may keep what it likes from forward to backward."""

    def __init__(self):
        pass

    def forward(self, is_train, req, in_data, out_data, aux):
        """Writes out_data as req says, 'write' or 'null', one per output: self.assign does. aux may be changed."""

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        """Writes in_grad as req says, one per input. A gradient that is not written is zero."""

    def assign(self, dst, req, src):
        """Writes src to dst as req says: 'write' and 'inplace' replace, 'add' adds, 'null' does nothing."""
        if req in ("write", "inplace"):
            dst[:] = src
        elif req == "add":
            dst[:] += src


class CustomOpProp:
    """What an operator takes and gives. Subclasses get the parameters of mx.nd.Custom and mx.sym.Custom as keyword arguments, all texts.

    need_top_grad: whether backward reads the gradients of the outputs; a loss does not.
    """

    def __init__(self, need_top_grad=True):
        self.need_top_grad_ = need_top_grad

    def infer_shape(self, in_shape):
        """(shapes of the inputs, of the outputs, of the states) from those of the inputs, [] where nothing is known."""
        return in_shape, [in_shape[0]] * len(self.list_outputs()), []

    def infer_type(self, in_type):
        """The same for dtypes, as numpy types; None where nothing is known."""
        return [in_type[0]] * len(in_type), [in_type[0]] * len(self.list_outputs()), [in_type[0]] * len(self.list_auxiliary_states())

    def list_arguments(self):
        """Names of the inputs."""
        return ["data"]

    def list_outputs(self):
        """Names of the outputs."""
        return ["output"]

    def list_auxiliary_states(self):
        """Names of the states, which come after the inputs."""
        return []

    def declare_backward_dependency(self, out_grad, in_data, out_data):
        """Which of these numbers backward reads; the fewer, the less is kept for it."""
        return [*(out_grad if self.need_top_grad_ else ()), *in_data, *out_data]

    def create_operator(self, ctx, in_shapes, in_dtypes):
        """The CustomOp for a device and the shapes and dtype codes of inputs and states."""
        return CustomOp()


def register(reg_name):
    """A decorator for a CustomOpProp: from now on op_type=reg_name means it."""

    def do_register(prop_class):
        if not (isinstance(prop_class, type) and issubclass(prop_class, CustomOpProp)):
            raise TypeError(f"[register] {reg_name}: expected a subclass of CustomOpProp, got {prop_class!r}")
        _register(reg_name, prop_class)
        _registered[reg_name] = prop_class
        return prop_class

    return do_register


def _register(name, make_prop):
    user = register_callback(_Host(name, make_prop))
    check(lib.mxn_custom_register(name.encode(), lib.mixnet_py_custom, user, lib.mixnet_py_destroy))


def get_all_registered_operators():
    """Names given to register."""
    return list(_registered)


def custom_params(op_type, params, place):
    """The parameters of the operator Custom for a type and its own parameters."""
    import json

    if op_type is None:
        raise MXNetError(f"[{place}] op_type: required, but not given")
    return {"op_type": op_type, "op_params": json.dumps({key: str(value) for key, value in params.items()})}


def argument_names(op_type, params):
    """Names of inputs and states of a type, for inputs given by name."""
    if op_type not in _registered:
        raise MXNetError(f"[Custom] op_type: expected one registered in Python for inputs given by name, got '{op_type}'")
    prop = _registered[op_type](**{key: str(value) for key, value in params.items()})
    return [*prop.list_arguments(), *prop.list_auxiliary_states()]


# ---- answers to the library's questions --------------------------------------------------------------------------------


def _info(call):
    info = ffi.new("mxn_custom_info_t *", {"struct_size": ffi.sizeof("mxn_custom_info_t")})
    check(lib.mxn_custom_call_info(call, info))
    return info


def _asked_shapes(call):
    out = ffi.new("mxn_shapes_t **")
    check(lib.mxn_custom_call_shapes(call, out))
    return shapes(out[0])


def _arrays(call, what):
    out, count = ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t *")
    check(lib.mxn_custom_call_arrays(call, what, out, count))
    result = [NDArray(out[0][i]) for i in range(count[0])]
    lib.mxn_ndarray_list_free(out[0])
    return result


def _answer(call, lists):
    """Lists of numbers, None for an unknown one."""
    ndims = ffi.new("int32_t[]", [-1 if item is None else len(item) for item in lists] or [0])
    dims = ffi.new("int64_t[]", [int(n) for item in lists if item is not None for n in item] or [0])
    check(lib.mxn_custom_call_set_shapes(call, ndims, dims, len(lists)))


def _names(call, what, names):
    names = list(names)
    check(lib.mxn_custom_call_set_names(call, what, TextList(names).pointer, len(names)))


def _numpy_type(code):
    if code < 0:
        return None
    return DTYPE_NAMES[code] if code == 12 else np.dtype(DTYPE_NAMES[code]).type


def _code(dtype):
    return -1 if dtype is None else DTYPES[dtype_name(dtype)]


def _parts(answer, expected, method):
    """(inputs, outputs, states) of what infer_shape or infer_type returned, which may leave the states out."""
    if not isinstance(answer, (tuple, list)) or len(answer) not in (2, 3):
        raise MXNetError(f"{method}: expected (inputs, outputs, states), got {answer!r}")
    parts = [list(part) for part in answer] + [[]] * (3 - len(answer))
    for part, count, name in zip(parts, expected, ("inputs", "outputs", "auxiliary states")):
        if len(part) != count:
            raise MXNetError(f"{method}: expected {count} {name}, got {len(part)}")
    return parts


class _Host:
    """Answers for one registered name: has the props and operators by the library's numbers."""

    def __init__(self, name, make_prop):
        self.name, self.make_prop = name, make_prop
        self.props, self.operators = {}, {}
        self.method = ""
        self.answers = [self.declare, self.infer_shape, self.infer_type, self.create, self.forward, self.backward, self.release]

    def __call__(self, call):
        info = _info(call)
        self.answers[info.what](call, info)

    def declare(self, call, info):
        out = ffi.new("mxn_strings_t **")
        check(lib.mxn_custom_call_params(call, out))
        texts = strings(out[0])
        prop = self.make_prop(**dict(zip(texts[::2], texts[1::2])))
        lists = list(prop.list_arguments()), list(prop.list_outputs()), list(prop.list_auxiliary_states())
        for what, names in enumerate(lists):
            _names(call, what, names)
        inputs, outputs = len(lists[0]), len(lists[1])
        numbers = list(range(inputs + 2 * outputs))
        reads = prop.declare_backward_dependency(numbers[:outputs], numbers[outputs : outputs + inputs], numbers[outputs + inputs :])
        _answer(call, [sorted(set(reads))])
        self.props[info.prop] = prop, tuple(map(len, lists))

    def infer_shape(self, call, info):
        prop, counts = self.props[info.prop]
        asked = _asked_shapes(call)
        # Unknown extents are 0 and unknown shapes [], as MXNet has them.
        certain = all(shape is not None and min(shape, default=1) >= 0 for shape in asked)
        given = [[] if shape is None else [max(0, n) for n in shape] for shape in asked]
        parts = _parts(prop.infer_shape(given), counts, "infer_shape")
        told = [tuple(shape) for part in parts for shape in part]
        if not certain:
            told = [None if not shape else tuple(n or -1 for n in shape) for shape in told]
        _answer(call, told)

    def infer_type(self, call, info):
        prop, counts = self.props[info.prop]
        given = [_numpy_type(code) for code in _asked_shapes(call)[0]]
        parts = _parts(prop.infer_type(given), counts, "infer_type")
        _answer(call, [[_code(dtype) for part in parts for dtype in part]])

    def create(self, call, info):
        *in_shapes, codes = _asked_shapes(call)
        ctx = Context("gpu" if info.device_kind == 2 else "cpu", info.device_index)
        operator = self.props[info.prop][0].create_operator(ctx, [list(shape) for shape in in_shapes], list(codes))
        if operator is None:
            raise MXNetError("create_operator: expected a CustomOp, got None")
        self.operators[info.op] = operator

    def forward(self, call, info):
        inputs, outputs, states = (_arrays(call, what) for what in range(3))
        self.operators[info.op].forward(bool(info.training), _requests(call), inputs, outputs, states)

    def backward(self, call, info):
        inputs, outputs, states, output_grads, input_grads = (_arrays(call, what) for what in range(5))
        self.operators[info.op].backward(_requests(call), output_grads, inputs, outputs, input_grads, states)

    def release(self, call, info):
        self.props.pop(info.prop, None)
        self.operators.pop(info.op, None)


_WHAT = ("the prop", "infer_shape", "infer_type", "create_operator", "forward", "backward", "release")


def _requests(call):
    return ["write" if code else "null" for code in _asked_shapes(call)[0]]


@ffi.def_extern(name="mixnet_py_custom")
def _custom(user, call):
    try:
        host = _callbacks[int(ffi.cast("intptr_t", user))]
        host(call)
        return 0
    except BaseException as error:  # noqa: B902 - nothing may cross the C frames
        lib.mxn_error_set(-9, _message(error, host.name, call).encode("utf-8", "replace"))
        return -9


def _message(error, name, call):
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    where = f" ({own[-1].filename.rsplit('/', 1)[-1]}:{own[-1].lineno})" if own else ""
    return f"[{name}] {_WHAT[_info(call).what]}: {type(error).__name__}: {error}{where}"


# ---- the generations before CustomOp ---------------------------------------------------------------------------------


class PythonOp:
    """An operator of MXNet 0.x: description and methods in one object. get_symbol, or a call, makes a node of it."""

    def __init__(self, need_top_grad=True):
        self.need_top_grad_ = need_top_grad
        self._type = None

    def __call__(self, *args, **kwargs):
        return self.get_symbol(*args, **kwargs)

    def get_symbol(self, *args, **kwargs):
        """A symbol that applies the operator to symbols."""
        from .symbol import Custom

        if self._type is None:
            self._type = f"_{type(self).__name__}_{next(_numbers)}"
            _register(self._type, lambda: _OldProp(self))
            # Node and registration hold self, so it lives as long as it may be asked.
            _registered[self._type] = lambda: _OldProp(self)
        return Custom(*args, op_type=self._type, **kwargs)

    def forward(self, in_data, out_data):
        """Writes out_data."""
        out_data[0][:] = in_data[0]

    def backward(self, out_grad, in_data, out_data, in_grad):
        """Writes in_grad."""
        in_grad[0][:] = 1.0

    def infer_shape(self, in_shape):
        """(shapes of the inputs, of the outputs) from those of the inputs."""
        return in_shape, [in_shape[0]]

    def list_outputs(self):
        """Names of the outputs."""
        return ["output"]

    def list_arguments(self):
        """Names of the inputs."""
        return ["data"]

    def need_top_grad(self):
        """Whether backward reads out_grad."""
        return self.need_top_grad_

    def _forward(self, in_data, out_data):
        self.forward(in_data, out_data)

    def _backward(self, out_grad, in_data, out_data, in_grad):
        self.backward(out_grad, in_data, out_data, in_grad)

    def declare_backward_dependency(self, out_grad, in_data, out_data):
        """Which of these numbers backward reads."""
        return [*(out_grad if self.need_top_grad() else ()), *in_data, *out_data]


class NDArrayOp(PythonOp):
    """Its forward and backward get NDArrays."""


class NumpyOp(PythonOp):
    """Its forward and backward get numpy arrays and write into them."""

    def _forward(self, in_data, out_data):
        self._on_numpy(self.forward, (in_data, out_data), out_data)

    def _backward(self, out_grad, in_data, out_data, in_grad):
        self._on_numpy(self.backward, (out_grad, in_data, out_data, in_grad), in_grad)

    @staticmethod
    def _on_numpy(method, lists, written):
        values = [[a.asnumpy() for a in arrays] for arrays in lists]
        method(*values)
        for target, value in zip(written, values[-1]):
            target[:] = array(value, dtype=target.dtype)


class _OldProp(CustomOpProp):
    """A PythonOp as today's prop and operator."""

    def __init__(self, op):
        super().__init__(op.need_top_grad())
        self.op = op
        self.list_arguments, self.list_outputs = op.list_arguments, op.list_outputs
        self.infer_shape, self.declare_backward_dependency = op.infer_shape, op.declare_backward_dependency

    def create_operator(self, ctx, in_shapes, in_dtypes):
        return _OldOperator(self.op)


class _OldOperator(CustomOp):
    def __init__(self, op):
        self.op = op

    def forward(self, is_train, req, in_data, out_data, aux):
        self.op._forward(in_data, out_data)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.op._backward(out_grad, in_data, out_data, in_grad)
