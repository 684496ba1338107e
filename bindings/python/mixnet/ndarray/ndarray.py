"""NDArray: a tensor on a device whose value may still be under way."""

import operator

import numpy as np

from ..base import DTYPE_NAMES, DTYPES, MXNetError, Op, _Null, check, dtype_name, fast, ffi, last_error, lib, patiently
from ..context import Context, current_context
from .indexing import basic_box

_HANDLE = ffi.typeof("mxn_ndarray_t *")
_ops = {}
_classes = []  # by storage kind


def _op(name, *fields):
    """An operator that is called from here; `fields` are the first of its parameters."""
    found = _ops.get(name)
    if found is None:
        found = _ops[name] = Op(name, (), fields)
    return found


def _shape_arg(shape):
    if isinstance(shape, (int, np.integer)):
        return (int(shape),)
    return tuple(int(s) for s in shape)


class NDArray(fast.Array):
    """A dense, row-major tensor. Operations return at once; reading (asnumpy, wait_to_read, print) waits.

    Basic indexing by an integer or a slice of the first axis gives a view that shares memory; other indexing copies.
    """

    __slots__ = ()
    __array_priority__ = 1000.0

    def __new__(cls, handle):
        """Takes over a handle of the C API; the class is that of its storage kind."""
        if cls is NDArray:
            storage = ffi.new("int32_t *")
            check(lib.mxn_ndarray_storage(handle, storage))
            cls = _classes[storage[0]]
        return fast.Array.__new__(cls, int(ffi.cast("uintptr_t", handle)))

    @property
    def _h(self):
        return ffi.cast(_HANDLE, self._address)

    @property
    def _dtype(self):
        return DTYPE_NAMES[self._details[1]]

    # ---- what it is -------------------------------------------------------------------------------------------------

    @property
    def handle(self):
        """The handle of the C API."""
        return self._h

    @property
    def shape(self):
        """Extents, a tuple of int."""
        return self._details[0]

    @property
    def ndim(self):
        """Number of axes."""
        return len(self._details[0])

    @property
    def size(self):
        """Number of elements."""
        count = 1
        for extent in self._details[0]:
            count *= extent
        return count

    @property
    def dtype(self):
        """The numpy type of the elements; 'bfloat16' as text, since numpy has none."""
        name = self._dtype
        return name if name == "bfloat16" else np.dtype(name).type

    @property
    def context(self):
        """The device."""
        kind, index = self._details[2:4]
        return Context({1: "cpu", 2: "gpu", 3: "cpu_pinned"}[kind], index)

    ctx = context
    device = context

    @property
    def stype(self):
        """Storage kind: 'default', the dense one; sparse arrays say 'row_sparse' or 'csr'."""
        return "default"

    @property
    def T(self):  # noqa: N802 - MXNet's name
        """The transpose."""
        return self.transpose()

    # ---- gradients --------------------------------------------------------------------------------------------------

    @property
    def grad(self):
        """The gradient array that attach_grad gave this array; None for others."""
        recorded, out = ffi.new("int32_t *"), ffi.new("mxn_ndarray_t **")
        check(lib.mxn_autograd_gradient(self._h, recorded, out))
        return NDArray(out[0]) if out[0] != ffi.NULL else None

    def attach_grad(self, grad_req="write", stype=None):
        """Makes the array a variable with a gradient array of zeros. An array that was recorded is cut off from what it was made of.

        grad_req: 'write', 'add' (backward adds to it) or 'null'. stype: the gradient's storage kind, the array's own when it is not given.
        """
        from .. import autograd
        from . import sparse

        stype = stype or self.stype
        if stype == "default":
            gradient = empty(self.shape, self.context, self._dtype)
            gradient._sync_copyfrom(np.zeros(self.shape, "float32" if self._dtype == "bfloat16" else self.dtype))
        else:
            gradient = sparse.zeros(stype, self.shape, self.context, self._dtype)
        autograd.mark_variables([self], [gradient], grad_req)

    def backward(self, out_grad=None, retain_graph=False, train_mode=True):
        """Gradients of this array's sum, or of <array, out_grad>, into the gradient arrays of what it was computed from."""
        fast.backward(self, out_grad, retain_graph, train_mode)

    def __len__(self):
        if not self.shape:
            raise TypeError("[NDArray] a scalar has no length")
        return self.shape[0]

    def __repr__(self):
        return f"\n{self.asnumpy()}\n<NDArray {'x'.join(str(s) for s in self.shape)} @{self.context}>"

    # ---- values -----------------------------------------------------------------------------------------------------

    def wait_to_read(self):
        """Blocks until the values are there; raises what went wrong in computing them."""
        patiently(lambda wait: lib.mxn_ndarray_wait_to_read(self._h, wait))

    def wait_to_write(self):
        """Blocks until nobody reads or writes the array any more."""
        patiently(lambda wait: lib.mxn_ndarray_wait_to_write(self._h, wait))

    def asnumpy(self):
        """A numpy copy. bfloat16 comes as float32."""
        if self._dtype == "bfloat16":
            return self.astype("float32").asnumpy()
        out = np.empty(self.shape, self.dtype)
        buffer = ffi.from_buffer(out) if out.size else ffi.NULL
        patiently(lambda wait: lib.mxn_ndarray_copy_to_host(self._h, buffer, out.nbytes, wait))
        return out

    def asscalar(self):
        """The only element as a Python number."""
        if self.size != 1:
            raise ValueError(f"[asscalar] expected one element, got shape {self.shape}")
        return self.asnumpy().reshape(-1)[0]

    def item(self):
        """The only element as a Python number."""
        return self.asscalar().item()

    def tolist(self):
        """Nested lists of Python numbers."""
        return self.asnumpy().tolist()

    def __array__(self, dtype=None, copy=None):
        values = self.asnumpy()
        return values if dtype is None else values.astype(dtype)

    def __float__(self):
        return float(self.asscalar())

    def __int__(self):
        return int(self.asscalar())

    def __index__(self):
        return operator.index(self.asscalar().item())

    def __bool__(self):
        if self.size == 0:
            return False
        if self.size == 1:
            return bool(self.asscalar())
        raise ValueError(f"[NDArray] the truth of an array of shape {self.shape} is ambiguous")

    def __reduce__(self):
        return _from_pickle, (self.asnumpy(), self._dtype)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    # ---- DLPack -----------------------------------------------------------------------------------------------------

    def __dlpack__(self, stream=None):
        from .dlpack import to_capsule

        return to_capsule(self)

    def __dlpack_device__(self):
        return (1, 0)

    def to_dlpack_for_read(self):
        """A DLPack capsule that shares the memory, for reading."""
        return self.__dlpack__()

    def to_dlpack_for_write(self):
        """A DLPack capsule that shares the memory, for writing."""
        self.wait_to_write()
        return self.__dlpack__()

    # ---- copies -----------------------------------------------------------------------------------------------------

    def copy(self):
        """A copy on the same device."""
        return self.copyto(self.context)

    def copyto(self, other):
        """Copies into another array, or to a device as a fresh one."""
        if isinstance(other, NDArray):
            source = self if self._dtype == other._dtype else self.astype(other._dtype)
            check(lib.mxn_ndarray_copy(source._h, other._h))
            return other
        if isinstance(other, Context):
            target = empty(self.shape, other, self._dtype)
            check(lib.mxn_ndarray_copy(self._h, target._h))
            return target
        raise TypeError(f"[copyto] expected an NDArray or a Context, got {type(other).__name__}")

    def as_in_context(self, context):
        """The array itself when it is on that device, else a copy there."""
        return self if context == self.context else self.copyto(context)

    as_in_ctx = as_in_context
    to_device = as_in_context

    def astype(self, dtype, copy=True):
        """A copy with another dtype; without `copy` the array itself when it has it already."""
        name = dtype_name(dtype)
        if not copy and name == self._dtype:
            return self
        return invoke(_generated().Cast_op, (self,), {"dtype": name})

    def asnative(self):
        return self

    def as_nd_ndarray(self):
        """The array itself: there is one kind."""
        return self

    def tostype(self, stype):
        """A copy in another storage kind: 'default', 'row_sparse' or 'csr'."""
        if stype not in ("default", "row_sparse", "csr"):
            raise MXNetError(f"[tostype] expected 'default', 'row_sparse' or 'csr', got {stype!r}")
        return invoke(_op("cast_storage", "stype"), (self,), {"stype": stype})

    def detach(self):
        """The same memory, cut off from gradients."""
        out = ffi.new("mxn_ndarray_t **")
        check(lib.mxn_ndarray_clone(self._h, out))
        result = NDArray(out[0])
        check(lib.mxn_autograd_mark(out, ffi.NULL, ffi.NULL, 1))
        return result

    def reshape(self, *shape, **kwargs):
        """The same memory under another shape; codes 0, -1, -2, -3, -4 as in the operator Reshape."""
        if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
            shape = tuple(shape[0])
        shape = tuple(kwargs.pop("shape", shape))
        if shape and not kwargs and min(shape) > 0:
            return self.reshape_view(shape)
        if kwargs.pop("reverse", False) or any(s < -1 for s in shape) or (0 in shape and self.size > 0):
            target = self._infer_reshape(shape)
        elif shape.count(-1) == 1:
            known = 1
            for extent in shape:
                known *= extent if extent != -1 else 1
            if known <= 0 or self.size % known:
                raise MXNetError(f"[reshape] cannot make {shape} of {self.shape}")
            target = tuple(self.size // known if s == -1 else s for s in shape)
        else:
            target = shape
        return self.reshape_view(target)

    def _infer_reshape(self, shape):
        from .. import symbol

        net = symbol.Reshape(symbol.Variable("data"), shape=shape)
        return net.infer_shape(data=self.shape)[1][0]

    # ---- indexing ---------------------------------------------------------------------------------------------------

    def __getitem__(self, key):
        if isinstance(key, (int, np.integer)) and not isinstance(key, (bool, np.bool_)):
            if not self.shape:
                raise IndexError("[NDArray] a scalar cannot be indexed")
            if not -self.shape[0] <= key < self.shape[0]:
                raise IndexError(f"[NDArray] index {key} is out of bounds for axis 0 with {self.shape[0]} elements")
            row = self.row_view(int(key))
            return row if row.shape else row.reshape_view((1,))
        if isinstance(key, slice) and key.step in (None, 1) and self.shape:
            begin, end, _ = key.indices(self.shape[0])
            return self.slice_view(begin, max(begin, end))
        box = basic_box(key, self.shape)
        if box is None:
            return self._advanced_get(key)
        begin, end, step, result_shape = box
        part = invoke(_generated().slice_op, (self,), {"begin": begin, "end": end, "step": step})
        return part.reshape_view(result_shape or (1,))

    def _advanced_get(self, key):
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) == 1 and isinstance(keys[0], (NDArray, np.ndarray, list)):
            index = keys[0].asnumpy() if isinstance(keys[0], NDArray) else np.asarray(keys[0])
            if index.dtype != np.bool_ and index.size and self.shape:
                index = index.astype(np.int64)
                limit = self.shape[0]
                if index.min() < -limit or index.max() >= limit:
                    raise IndexError(f"[NDArray] expected indices in [{-limit}, {limit}), got {index.min()} to {index.max()}")
                return invoke(_generated().take_op, (self, array(index, dtype="int64")), {"mode": "wrap"})
        self._refuse_recorded("get")
        values = self.asnumpy()[_numpy_key(key)]
        return array(values, ctx=self.context, dtype=self._dtype)

    def __setitem__(self, key, value):
        if isinstance(key, slice) and key == slice(None):
            return self._assign(value)
        if isinstance(key, (int, np.integer, slice)) and not isinstance(key, (bool, np.bool_)) and self.shape:
            if not isinstance(key, slice) or key.step in (None, 1):
                return self[key]._assign(value) if self.ndim > 1 or isinstance(key, slice) else self[key]._assign(value)
        box = basic_box(key, self.shape)
        if box is None:
            return self._advanced_set(key, value)
        begin, end, step, result_shape = box
        params = {"begin": begin, "end": end, "step": step}
        if isinstance(value, (int, float, np.generic)):
            params["scalar"] = float(value)
            return invoke(_generated()._slice_assign_scalar_op, (self,), params, out=self)
        part = invoke(_generated().slice_op, (self,), params)
        value = _as_array(value, self)
        value = _broadcast(value, result_shape or (1,)).reshape_view(part.shape)
        return invoke(_generated()._slice_assign_op, (self, value), params, out=self)

    def _refuse_recorded(self, what, *others):
        """Indexing that goes through numpy has no gradient."""
        if not fast.flags() & lib.MXN_AUTOGRAD_RECORDING:
            return
        recorded, gradient = ffi.new("int32_t *"), ffi.new("mxn_ndarray_t **")
        for value in (self, *others):
            if isinstance(value, NDArray):
                check(lib.mxn_autograd_gradient(value._h, recorded, gradient))
                lib.mxn_ndarray_free(gradient[0])
                if recorded[0]:
                    raise MXNetError(f"[NDArray] cannot {what} items by several arrays or masks while recording: use take, pick, gather_nd or where")

    def _advanced_set(self, key, value):
        self._refuse_recorded("set", value)
        values = self.asnumpy()
        values[_numpy_key(key)] = value.asnumpy() if isinstance(value, NDArray) else value
        self._sync_copyfrom(values)

    def _assign(self, value):
        if isinstance(value, (int, float, np.generic)) and not isinstance(value, np.ndarray):
            return invoke(_generated()._full_op, (), {"shape": self.shape, "value": float(value), "dtype": self._dtype}, out=self)
        if isinstance(value, NDArray):
            if value._h != self._h:
                _broadcast(value, self.shape).as_in_context(self.context).copyto(self)
            return None
        values = np.asarray(value)
        if values.shape != self.shape:
            values = np.broadcast_to(values.reshape(values.shape[-self.ndim :] if values.size == self.size else values.shape), self.shape)
        self._sync_copyfrom(values)
        return None

    def _sync_copyfrom(self, values):
        """Copies numpy values of the same shape in."""
        name = self._dtype
        if name == "bfloat16":
            array(values, dtype="float32").astype("bfloat16").copyto(self)
            return
        values = np.ascontiguousarray(values, dtype=self.dtype)
        if values.shape != self.shape and values.size != self.size:
            raise ValueError(f"[NDArray] expected shape {self.shape}, got {values.shape}")
        check(lib.mxn_ndarray_copy_from_host(self._h, ffi.from_buffer(values) if values.size else ffi.NULL, values.nbytes))

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    # ---- arithmetic -------------------------------------------------------------------------------------------------

    # + - * / % ** and comparisons are in the extension; with arrays of other libraries they come to `arithmetic`.

    def __matmul__(self, other):
        return invoke(_generated().dot_op, (self, other), {})

    __hash__ = object.__hash__


def _generated():
    from . import gen_op

    return gen_op


def _from_pickle(values, name):
    return array(values, dtype=name)


# ---- calling operators ----------------------------------------------------------------------------------------------


def arithmetic(left, right, names, out=None):
    """left op right, where at least one is an NDArray and the other anything that can become one or a number.

    `names` are the operators for two arrays, array and number, number and array. NotImplemented for other operands.
    """
    if not isinstance(left, NDArray):
        if isinstance(left, _NUMBERS):
            return fast.call(_op(names[2], "scalar"), (right,), {"scalar": float(left)}, None, None)
        if not isinstance(left, _ARRAYS):
            return NotImplemented
        left = _as_array(left, right)
    if isinstance(right, _NUMBERS):
        return fast.call(_op(names[1], "scalar"), (left,), {"scalar": float(right)}, out, None)
    if isinstance(right, _ARRAYS):
        right = _as_array(right, left)
    if not isinstance(right, NDArray):
        return NotImplemented
    return fast.call(_op(names[0]), (left, right), {}, out, None)


_NUMBERS = (int, float, np.number, np.bool_)
_ARRAYS = (np.ndarray, list, tuple)
# In the order of the extension's slots.
_SLOTS = (
    ("broadcast_add", "_plus_scalar", "_plus_scalar"),
    ("broadcast_sub", "_minus_scalar", "_rminus_scalar"),
    ("broadcast_mul", "_mul_scalar", "_mul_scalar"),
    ("broadcast_div", "_div_scalar", "_rdiv_scalar"),
    ("broadcast_mod", "_mod_scalar", "_rmod_scalar"),
    ("broadcast_power", "_power_scalar", "_rpower_scalar"),
    ("broadcast_equal", "_equal_scalar", "_equal_scalar"),
    ("broadcast_not_equal", "_not_equal_scalar", "_not_equal_scalar"),
    ("broadcast_greater", "_greater_scalar", "_lesser_scalar"),
    ("broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar"),
    ("broadcast_lesser", "_lesser_scalar", "_greater_scalar"),
    ("broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar"),
)


def _slot_arithmetic(left, right, position, in_place):
    return arithmetic(left, right, _SLOTS[position], left if in_place else None)


def invoke(op, inputs, params, out=None, ctx=None):
    """Runs an operator on arrays. `params` by name. Returns an array, or a list where the operator has several outputs.

    The extension's `call` does the same for arrays and plain parameters, in a fraction of the time.
    """
    handles = []
    for value in inputs:
        if not isinstance(value, NDArray):
            if isinstance(value, (np.ndarray, list, tuple, int, float, np.generic)):
                value = _from_input(value)
            else:
                raise TypeError(f"[{op.name}] expected NDArrays, got {type(value).__name__}")
        handles.append(value)
    keep = []
    args, num_args = op.args(params, keep)
    where = ctx or (None if handles else current_context())
    kind, index = (where.device_typeid, where.device_id) if where else (1, 0)
    targets = None if out is None else list(out) if isinstance(out, (list, tuple)) else [out]
    capacity = max(64, len(targets or ()))
    outputs = ffi.new("mxn_ndarray_t *[]", capacity)
    count = ffi.new("int32_t *")
    if targets is not None:
        for i, target in enumerate(targets):
            outputs[i] = target._h
        count[0] = len(targets)
    pointers = ffi.new("mxn_ndarray_t *[]", [value._h for value in handles]) if handles else ffi.NULL
    check(lib.mxn_op_invoke(op.handle, pointers, len(handles), args, num_args, -1, kind, index, outputs, capacity, count))
    if targets is not None:
        return out
    result = [NDArray(outputs[i]) for i in range(count[0])]
    return result[0] if len(result) == 1 else result


def _slow_call(op, inputs, params, out=None, ctx=None):
    """What the extension's `call` leaves to Python; inputs in order with None for those left out at the end."""
    values = list(inputs)
    while values and values[-1] is None:
        values.pop()
    if any(value is None for value in values):
        missing = op.inputs[[v is None for v in values].index(True)]
        raise MXNetError(f"[{op.name}] {missing}: expected an array, got None")
    ctx_text = params.get("ctx")
    if ctx_text is not None and ctx_text is not _Null:
        ctx = ctx_text if isinstance(ctx_text, Context) else ctx
        params["ctx"] = str(ctx_text)
    return invoke(op, values, params, out, ctx)


def _addresses():
    names = [name for slot in _SLOTS for name in slot] + ["negative", "abs"]
    return tuple(int(ffi.cast("uintptr_t", _op(name, *(["scalar"] if name.endswith("_scalar") else [])).handle)) for name in names)


_classes.append(NDArray)
fast.setup(NDArray, _Null, last_error, _slow_call, _slot_arithmetic, _addresses())
call = fast.call


# ---- making arrays --------------------------------------------------------------------------------------------------


def empty(shape, ctx=None, dtype=None, stype=None):
    """An array with undefined values."""
    if stype not in (None, "default"):
        from . import sparse

        return sparse.empty(stype, shape, ctx, dtype)
    shape = _shape_arg(shape)
    ctx = ctx or current_context()
    out = ffi.new("mxn_ndarray_t **")
    check(lib.mxn_ndarray_create(list(shape), len(shape), DTYPES[dtype_name(dtype)], ctx.device_typeid, ctx.device_id, out))
    return NDArray(out[0])


def array(source, ctx=None, dtype=None):
    """An array from numbers, float32 unless a dtype is given, also where a numpy array has another one; that of an NDArray is kept."""
    if isinstance(source, NDArray):
        result = source.copyto(ctx or source.context)
        return result if dtype is None else result.astype(dtype, copy=False)
    if type(source).__module__.startswith("scipy.sparse"):
        from . import sparse

        return sparse.csr_matrix(source, ctx=ctx, dtype=dtype)
    values = np.asarray(source)
    if values.dtype == object:
        raise MXNetError(f"[array] expected numbers, got {type(source).__name__}")
    name = dtype_name("float32" if dtype is None else dtype)
    if name == "bfloat16":
        return array(values, ctx, "float32").astype("bfloat16")
    result = empty(values.shape if values.ndim else (1,), ctx, name)
    result._sync_copyfrom(values.reshape(result.shape))
    return result


def _from_input(value):
    """What an operator was given in place of an NDArray. A numpy array keeps its dtype, but float64 becomes float32."""
    own = value.dtype if isinstance(value, np.ndarray) and value.dtype != np.float64 else None
    return array(value, dtype=own if own is not None and own.name in DTYPES else None)


def waitall():
    """Waits for all work; raises the first error since the last call."""
    patiently(lib.mxn_wait_all)


# ---- indexing helpers -----------------------------------------------------------------------------------------------


def _numpy_key(key):
    if isinstance(key, tuple):
        return tuple(_numpy_key(k) for k in key)
    if isinstance(key, NDArray):
        values = key.asnumpy()
        return values if values.dtype == np.bool_ else values.astype(np.int64)
    return key


def _as_array(value, like):
    if isinstance(value, NDArray):
        return value
    return array(value, ctx=like.context, dtype=like._dtype)


def _broadcast(value, shape):
    if value.shape == tuple(shape):
        return value
    if value.size == int(np.prod(shape)):
        return value.reshape_view(shape)
    return invoke(_generated().broadcast_to_op, (value,), {"shape": tuple(shape)})
