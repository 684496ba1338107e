"""Parameter: a weight of a block, with a value and a gradient on every context that computes with it."""

import warnings

import numpy as np

from .. import initializer
from ..base import MXNetError, dtype_name
from ..context import Context, cpu, current_context
from ..ndarray import NDArray, array, zeros
from ..symbol import Variable

_REQUESTS = ("write", "add", "null")
changes = [0]  # how often any parameter got other arrays: who keeps arrays of parameters asks whether it is still the same


class DeferredInitializationError(MXNetError):
    """A parameter is asked for whose shape only the first call of its block will tell."""


def contexts(ctx):
    """A list of different contexts from one, several, or None for the current one."""
    listed = [current_context()] if ctx is None else [ctx] if isinstance(ctx, Context) else list(ctx)
    if not listed or len(set(listed)) != len(listed) or not all(isinstance(c, Context) for c in listed):
        raise MXNetError(f"[gluon] ctx: expected a context or a list of different ones, got {ctx}")
    return listed


def is_known(shape):
    """Whether every extent is known; an extent of 0 is not."""
    return shape is not None and all(extent > 0 for extent in shape)


class Parameter:
    """A weight that blocks share by name.

    Parameters
    ----------
    name : str
    grad_req : {'write', 'add', 'null'}
    shape : tuple of int, or None
        Extents of 0 are unknown until a block's first call tells them.
    dtype : dtype
    lr_mult, wd_mult : float
        Factors of the Trainer's learning rate and weight decay.
    init : Initializer or its name
        Used in place of what `initialize` is given.
    allow_deferred_init : bool
        Whether `initialize` waits for a shape that is not known. Otherwise that is an error.
    differentiable : bool
        False: there is never a gradient, whatever `grad_req`.
    stype, grad_stype : {'default', 'row_sparse'}
        Storage of the value as symbols see it, and of the gradient.
    """

    def __init__(
        self,
        name,
        grad_req="write",
        shape=None,
        dtype="float32",
        lr_mult=1.0,
        wd_mult=1.0,
        init=None,
        allow_deferred_init=False,
        differentiable=True,
        stype="default",
        grad_stype="default",
    ):
        for key, given in (("stype", stype), ("grad_stype", grad_stype)):
            if given not in ("default", "row_sparse"):
                raise ValueError(f"[Parameter] {name}: {key}: expected 'default' or 'row_sparse', got {given!r}")
        if stype != "default":
            raise MXNetError(f"[Parameter] {name}: stype: expected 'default' (gradients may be row_sparse, grad_stype), got {stype!r}")
        self.name, self.lr_mult, self.wd_mult, self.init = name, lr_mult, wd_mult, init
        self._dtype = dtype_name(dtype)
        self._shape = (shape,) if isinstance(shape, int) else None if shape is None else tuple(shape)
        self._allow_deferred_init, self._differentiable = allow_deferred_init, differentiable
        self._stype, self._grad_stype = stype, grad_stype
        self._values = self._grads = self._deferred = self._var = None
        self._grad_req = None
        self.grad_req = grad_req

    def __repr__(self):
        return f"Parameter {self.name} (shape={self.shape}, dtype={self._dtype})"

    def __getstate__(self):
        return {**vars(self), "_var": None, "_grads": None}

    def __setstate__(self, state):
        """A copy, by copy.deepcopy or pickle: with gradients of its own, which begin at 0."""
        vars(self).update(state)
        if self._values is not None:
            self._place(self._values)

    # ---- what it is -------------------------------------------------------------------------------------------------

    @property
    def shape(self):
        """Extents; 0 where one is not known, None where nothing is."""
        return self._shape

    @shape.setter
    def shape(self, shape):
        shape, old = tuple(shape), self._shape
        fits = old is None or (len(old) == len(shape) and all(a in (0, b) for a, b in zip(old, shape)))
        if not fits:
            raise MXNetError(f"[Parameter] {self.name}: expected a shape that fits {old}, got {shape}")
        self._shape, self._var = shape, None

    @property
    def dtype(self):
        """The numpy type of the values; 'bfloat16' as text."""
        return self._dtype if self._dtype == "bfloat16" else np.dtype(self._dtype).type

    @dtype.setter
    def dtype(self, dtype):
        self.cast(dtype)

    @property
    def stype(self):
        """'default': values are dense."""
        return self._stype

    @property
    def grad_req(self):
        """What backward does with the gradient: 'write', 'add' or 'null'."""
        return self._grad_req

    @grad_req.setter
    def grad_req(self, request):
        if request not in _REQUESTS:
            raise MXNetError(f"[Parameter] {self.name}: grad_req: expected one of {', '.join(_REQUESTS)}, got {request!r}")
        request = request if self._differentiable else "null"
        if request != self._grad_req:
            self._grad_req = request
            if self._values is not None:
                self._place({c: v.detach() for c, v in self._values.items()})

    def var(self):
        """The parameter as a symbol's variable, with its shape, multipliers and initializer; the same one every time."""
        if self._var is None:
            init = self.init if isinstance(self.init, (str, initializer.Initializer)) else None
            self._var = Variable(self.name, shape=self._shape, dtype=self._dtype, lr_mult=self.lr_mult, wd_mult=self.wd_mult, init=init)
        return self._var

    # ---- where its values come from ---------------------------------------------------------------------------------

    def initialize(self, init=None, ctx=None, default_init=None, force_reinit=False):
        """Makes a value on every context, now or, where the shape is not known yet, when it is.

        init goes before the parameter's own initializer, default_init (Uniform unless given) behind it. A parameter that has a value keeps it,
        with a warning, but for force_reinit.
        """
        if self._values is not None and not force_reinit:
            warnings.warn(f"[Parameter] {self.name}: keeps its value; expected force_reinit=True to initialize it again", stacklevel=2)
            return
        rule = init or self.init or default_init or initializer.Uniform()
        where = contexts(ctx)
        self._values = self._deferred = None
        if is_known(self._shape):
            self._initialize(rule, where)
        elif self._allow_deferred_init:
            self._deferred = (rule, where, None)
        else:
            raise ValueError(f"[Parameter] {self.name}: expected a known shape before initialize, got {self._shape}")

    def _initialize(self, rule, where):
        value = zeros(self._shape, ctx=cpu(), dtype=self._dtype)
        rule = initializer.create(rule)
        attributes = {"__init__": rule} if isinstance(rule, initializer.Initializer) else {}
        rule(initializer.InitDesc(self.name, attributes), value)
        self._place({context: value.copyto(context) for context in where})

    def _finish_deferred_init(self):
        """What `initialize` or `set_data` left for when the shape is known."""
        if self._deferred is None:
            return
        rule, where, value = self._deferred
        if not is_known(self._shape):
            raise DeferredInitializationError(f"[Parameter] {self.name}: the call does not tell its shape, {self._shape}: give the block its input's size")
        self._deferred = None
        if value is None:
            self._initialize(rule, where)
        else:
            self._place({context: value.copyto(context) for context in where})

    def _place(self, values):
        """Takes over values by context, with gradients as grad_req says."""
        changes[0] += 1
        if self._grad_req != "null":
            for value in values.values():
                value.attach_grad(self._grad_req, stype=self._grad_stype)
        self._values = values
        self._grads = None if self._grad_req == "null" else {context: value.grad for context, value in values.items()}

    def set_data(self, data):
        """Writes a value, on every context. With a shape that is not known yet it is kept for when the contexts are."""
        data = data if isinstance(data, NDArray) else array(data)
        if self._values is None and self._deferred is None:
            raise MXNetError(f"[Parameter] {self.name}: set_data: expected a parameter after initialize, got one before")
        self.shape = data.shape
        data = data.astype(self._dtype, copy=False)
        if self._values is None:
            self._deferred = (None, self._deferred[1], data)
            self._finish_deferred_init()
            return
        for value in self._values.values():
            value[:] = data

    def load(self, data, ctx=None, cast_dtype=False, dtype_source="current"):
        """Takes a value from a file, on `ctx`, or where the parameter was (or is to be) made, or on the CPU.

        Another dtype is an error unless cast_dtype; then values become the parameter's ('current') or the parameter the file's ('saved').
        """
        if dtype_source not in ("current", "saved"):
            raise ValueError(f"[Parameter] dtype_source: expected 'current' or 'saved', got {dtype_source!r}")
        try:
            self.shape = data.shape
        except MXNetError:
            raise MXNetError(f"[Parameter] {self.name}: load: expected shape {self._shape}, got {data.shape}") from None
        if data._dtype != self._dtype:
            if not cast_dtype:
                raise MXNetError(f"[Parameter] {self.name}: load: expected {self._dtype}, or cast_dtype=True, got {data._dtype}")
            if dtype_source == "saved":
                self.cast(data._dtype)
        where = self._contexts() if ctx is None else contexts(ctx)
        if self._values is not None and list(self._values) == where:
            self.set_data(data)
            return
        self._deferred = None
        self._place({context: data.astype(self._dtype).as_in_context(context) for context in where})

    def _contexts(self):
        if self._values is not None:
            return list(self._values)
        return self._deferred[1] if self._deferred is not None else [cpu()]

    def reset_ctx(self, ctx):
        """Moves the value (the mean over contexts) to other contexts."""
        where = contexts(ctx)
        if self._values is not None:
            value = self.mean()
            self._place({context: value.copyto(context) for context in where})
        elif self._deferred is not None:
            self._deferred = (self._deferred[0], where, self._deferred[2])
        else:
            raise ValueError(f"[Parameter] {self.name}: reset_ctx: expected a parameter after initialize, got one before")

    def cast(self, dtype):
        """Changes the dtype, of values too; gradients begin at 0."""
        dtype = dtype_name(dtype)
        if dtype == self._dtype:
            return
        self._dtype, self._var = dtype, None
        if self._values is not None:
            self._place({context: value.astype(dtype) for context, value in self._values.items()})

    # ---- values and gradients ---------------------------------------------------------------------------------------

    def _missing(self, context):
        if self._values is not None:
            return MXNetError(f"[Parameter] {self.name}: expected one of {', '.join(map(str, self._values))}, where it was initialized, got {context}")
        if self._deferred is not None:
            return DeferredInitializationError(f"[Parameter] {self.name}: its shape, {self._shape}, is told by the block's first call: call the block before")
        return MXNetError(f"[Parameter] {self.name}: expected a parameter after initialize, got one before")

    def _on(self, arrays, ctx):
        if arrays is not None:
            if ctx is None:
                if len(arrays) == 1:
                    return next(iter(arrays.values()))
                ctx = current_context()
            found = arrays.get(ctx)
            if found is not None:
                return found
        raise self._missing(ctx)

    def data(self, ctx=None):
        """The value on a context: the only one, or the current one, unless given."""
        return self._on(self._values, ctx)

    def list_data(self):
        """The values on all contexts, in order."""
        if self._values is None:
            raise self._missing(None)
        return list(self._values.values())

    def grad(self, ctx=None):
        """The gradient on a context."""
        return self._on(self._known_grads(), ctx)

    def list_grad(self):
        """The gradients on all contexts, in order."""
        return list(self._known_grads().values())

    def _known_grads(self):
        if self._values is None:
            raise self._missing(None)
        if self._grads is None:
            raise MXNetError(f"[Parameter] {self.name}: there is no gradient, since grad_req is 'null'")
        return self._grads

    def mean(self):
        """The value for files, on the CPU: the mean over contexts, which differ in statistics alone."""
        first, *others = (value.as_in_context(cpu()) for value in self.list_data())
        for other in others:
            first = first + other
        return first / (1 + len(others)) if others else first

    def list_ctx(self):
        """The contexts."""
        if self._values is None and self._deferred is None:
            raise self._missing(None)
        return self._contexts()

    def zero_grad(self):
        """Gradients become 0."""
        if self._grad_req != "null" and self._values is not None:
            for gradient in self.list_grad():
                if gradient.stype == "default":
                    gradient[:] = 0
                else:
                    zeros(gradient.shape, gradient.context, gradient.dtype).tostype(gradient.stype).copyto(gradient)

    def row_sparse_data(self, row_id):
        """The rows `row_id` of the value, as a row_sparse array on row_id's context."""
        return self.data(row_id.context).tostype("row_sparse").retain(row_id)

    def list_row_sparse_data(self, row_id):
        """row_sparse_data for every context."""
        return [value.tostype("row_sparse").retain(row_id.as_in_context(value.context)) for value in self.list_data()]


class Constant(Parameter):
    """A value that training does not change; blocks compute with it."""

    def __init__(self, name, value):
        value = value if isinstance(value, NDArray) else array(value)
        self.value = value
        super().__init__(name, grad_req="null", shape=value.shape, dtype=value._dtype, init=_Value(value), differentiable=False)

    def __repr__(self):
        return f"Constant {self.name} (shape={self.shape}, dtype={self._dtype})"


class _Value(initializer.Initializer):
    """An initializer that knows the value."""

    def __init__(self, value):
        super().__init__(value=value.asnumpy().tolist())
        self._value = value

    def _init_weight(self, name, arr):
        self._value.copyto(arr)


def __getattr__(name):
    """MXNet's module of this name has the dict too."""
    if name == "ParameterDict":
        from .parameter_dict import ParameterDict

        return ParameterDict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
