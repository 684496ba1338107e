"""ParameterDict: the parameters of a block by name."""

import re

from .. import initializer
from ..base import MXNetError, dtype_name
from ..ndarray import load as load_arrays
from ..ndarray import save as save_arrays
from .parameter import Constant, Parameter, contexts, is_known


class ParameterDict:
    """Parameters in the order in which they were made. Names begin with the prefix, but for those of `shared`, another one, in which `get` looks too."""

    def __init__(self, prefix="", shared=None):
        self._prefix, self._shared = prefix, shared
        self._params = {}

    def __repr__(self):
        lines = "".join(f"\n  {parameter!r}" for parameter in self.values())
        return f"{self._prefix + ' ' if self._prefix else ''}({lines}\n)"

    def __getitem__(self, key):
        return self._params[key]

    def __contains__(self, key):
        return key in self._params

    def __iter__(self):
        return iter(self._params)

    def __len__(self):
        return len(self._params)

    def keys(self):
        """Full names."""
        return self._params.keys()

    def values(self):
        """The parameters."""
        return self._params.values()

    def items(self):
        """(full name, parameter) pairs."""
        return self._params.items()

    @property
    def prefix(self):
        """What names begin with."""
        return self._prefix

    def _find(self, name):
        if name not in self._params and self._shared is not None and name in self._shared._params:
            self._params[name] = self._shared._params[name]
        return self._params.get(name)

    def get(self, name, **kwargs):
        """The parameter prefix + name; made with these keywords where there is none. One that is there must agree with them; an unknown shape is filled in."""
        name = self._prefix + name
        found = self._find(name)
        if found is None:
            found = self._params[name] = Parameter(name, **kwargs)
            return found
        for key, value in kwargs.items():
            if key == "shape" and value is not None:
                found.shape = _merged(found, (value,) if isinstance(value, int) else tuple(value))
            elif key == "dtype" and dtype_name(value) != found._dtype:
                raise MXNetError(f"[ParameterDict] {name}: dtype: expected {found._dtype} as before, got {value}")
            elif key in ("lr_mult", "wd_mult", "grad_req") and getattr(found, key) != value:
                raise MXNetError(f"[ParameterDict] {name}: {key}: expected {getattr(found, key)} as before, got {value}")
        return found

    def get_constant(self, name, value=None):
        """The Constant prefix + name; made of `value` where there is none."""
        name = self._prefix + name
        found = self._find(name)
        if found is None:
            if value is None:
                raise KeyError(f"[ParameterDict] {name}: there is no such constant; give a value to make it")
            found = self._params[name] = Constant(name, value)
        elif not isinstance(found, Constant):
            raise MXNetError(f"[ParameterDict] {name}: expected a Constant, got a Parameter")
        return found

    def update(self, other):
        """Takes over the parameters of another dict; a name that both have must be the same parameter."""
        for name, parameter in other.items():
            if self._params.get(name, parameter) is not parameter:
                raise MXNetError(f"[ParameterDict] update: {name} names two parameters: {self._params[name]!r} and {parameter!r}")
        self._params.update(other.items())

    def initialize(self, init=None, ctx=None, verbose=False, force_reinit=False):
        """Parameter.initialize of all; `init` (Uniform unless given) is for those that have no initializer of their own."""
        init = init or initializer.Uniform()
        if verbose and hasattr(init, "set_verbosity"):
            init.set_verbosity(verbose=verbose)
        for parameter in self.values():
            parameter.initialize(None, ctx, init, force_reinit=force_reinit)

    def zero_grad(self):
        """All gradients become 0."""
        for parameter in self.values():
            parameter.zero_grad()

    def reset_ctx(self, ctx):
        """Moves all to other contexts."""
        for parameter in self.values():
            parameter.reset_ctx(ctx)

    def list_ctx(self):
        """All contexts of any of them."""
        return list(dict.fromkeys(context for parameter in self.values() for context in parameter.list_ctx()))

    def setattr(self, name, value):
        """Sets an attribute of all, such as grad_req or lr_mult."""
        for parameter in self.values():
            setattr(parameter, name, value)

    # ---- files ------------------------------------------------------------------------------------------------------

    def save(self, filename, strip_prefix=""):
        """Writes all values (the mean over contexts) under their names, less a prefix that all must have."""
        arrays = {}
        for name, parameter in self.items():
            if not name.startswith(strip_prefix):
                raise ValueError(f"[ParameterDict] strip_prefix: expected a prefix of every name, got {strip_prefix!r} and {name}")
            arrays[name[len(strip_prefix) :]] = parameter.mean()
        save_arrays(filename, arrays)

    def load(self, filename, ctx=None, allow_missing=False, ignore_extra=False, restore_prefix="", cast_dtype=False, dtype_source="current"):
        """Reads values from a file of `save`, `save_parameters` or `export`; restore_prefix is put before its names.

        MXNetError for a parameter that the file lacks, unless allow_missing, and for one that only the file has, unless ignore_extra.
        """
        arrays = load_arrays(filename)
        if not isinstance(arrays, dict):
            raise MXNetError(f"[ParameterDict] {filename}: expected arrays with names, got a list of arrays")
        self.load_dict(arrays, ctx, allow_missing, ignore_extra, restore_prefix, filename, cast_dtype, dtype_source)

    def load_dict(
        self, param_dict, ctx=None, allow_missing=False, ignore_extra=False, restore_prefix="", filename=None, cast_dtype=False, dtype_source="current"
    ):
        """The same from arrays by name."""
        given = {restore_prefix + re.sub("^(arg|aux):", "", name): value for name, value in param_dict.items()}
        take_arrays(self._params, given, filename or "load_dict", ctx, allow_missing, ignore_extra, cast_dtype, dtype_source)


def take_arrays(parameters, arrays, source, ctx, allow_missing, ignore_extra, cast_dtype, dtype_source):
    """Loads parameters by name. Nothing is loaded where names do not fit."""
    missing = [name for name in parameters if name not in arrays]
    extra = [name for name in arrays if name not in parameters]
    if missing and not allow_missing:
        raise MXNetError(f"[load_parameters] {source}: expected {_some(missing)} too, or allow_missing=True, got only {_some(list(arrays))}")
    if extra and not ignore_extra:
        raise MXNetError(f"[load_parameters] {source}: expected only {_some(list(parameters))}, or ignore_extra=True, got {_some(extra)} too")
    where = None if ctx is None else contexts(ctx)
    for name, parameter in parameters.items():
        if name in arrays:
            parameter.load(arrays[name], where, cast_dtype, dtype_source)


def fill_in_shapes(parameters, symbol, given):
    """Shapes of parameters (by full name) that follow from a symbol and the shapes of its inputs; whether all are known then."""
    shapes = symbol.infer_shape_partial(**given)
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    for name, shape in zip(names, shapes[0] + shapes[2]):
        if name in parameters and is_known(shape) and shape and not is_known(parameters[name].shape):
            parameters[name].shape = shape
    return all(is_known(parameters[name].shape) for name in names if name in parameters)


def _merged(parameter, shape):
    """What two shapes say together; one that contradicts is left to the parameter to refuse."""
    old = parameter.shape
    if old is None or len(old) != len(shape):
        return shape
    return tuple(b or a for a, b in zip(old, shape))


def _some(names):
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
