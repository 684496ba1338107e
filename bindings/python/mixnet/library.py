"""mx.library: operators from shared libraries (the plug-in ABI, include/mixnet/plugin.h)."""

import inspect
import json
import os

from . import ndarray, symbol
from .base import MXNetError, Op, check, ffi, lib, strings, text
from .ndarray.ndarray import invoke
from .symbol.symbol import call

__all__ = ["load"]


def load(path, verbose=True):
    """Loads a plug-in: its operators are in mx.nd and mx.sym from now on, and in every other binding of this process.

    Returns the operators' names; verbose prints them. A library that was loaded before adds nothing. Raises MXNetError, and adds
    nothing, for a file that is no plug-in, one for a newer ABI, or one that describes an impossible operator.
    """
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise MXNetError(f"[library_load] {path}: expected a file, got none")
    out = ffi.new("mxn_strings_t **")
    check(lib.mxn_library_load(os.path.abspath(path).encode(), out))
    names = strings(out[0])
    schemas = _schemas() if names else {}
    for name in names:
        _add(schemas[name])
    if verbose and names:
        print(f"{os.path.basename(path)}: {', '.join(names)}")
    return names


def _schemas():
    out = ffi.new("char **")
    check(lib.mxn_op_schemas(out))
    return {schema["name"]: schema for schema in json.loads(text(out[0]))}


def _add(schema):
    name, inputs = schema["name"], tuple(i["name"] for i in schema["inputs"])
    op = Op(name, inputs, tuple(p["name"] for p in schema["params"]))

    def on_arrays(*args, out=None, name=None, ctx=None, **kwargs):
        values, params = _bind(op, args, kwargs)
        missing = [key for key, value in zip(inputs, values) if value is None]
        if missing:
            raise MXNetError(f"[{op.name}] {missing[0]}: expected an array, got None")
        return invoke(op, values, params, out, ctx)

    def on_symbols(*args, name=None, attr=None, **kwargs):
        values, params = _bind(op, args, kwargs)
        known = {key: params.pop(key) for key in list(params) if key in op.fields}
        return call(op, values, known, name, attr, params)

    for module, function, others in ((ndarray, on_arrays, ("out", "name", "ctx")), (symbol, on_symbols, ("name", "attr"))):
        function.__name__ = function.__qualname__ = name
        function.__doc__ = _document(schema)
        function.__signature__ = _signature(schema, others)
        setattr(module, name, function)
        setattr(module.gen_op, name, function)
        setattr(module.gen_op, name + "_op", op)


def _bind(op, args, kwargs):
    """Values of the inputs in order, by position or by name, and the parameters; positions go on with those."""
    if len(args) > len(op.inputs) + len(op.fields):
        raise MXNetError(f"[{op.name}] expected at most {len(op.inputs)} inputs and {len(op.fields)} parameters, got {len(args)}")
    given = dict(zip([*op.inputs, *op.fields], args))
    twice = [key for key in given if key in kwargs]
    if twice:
        raise MXNetError(f"[{op.name}] {twice[0]}: given twice")
    given.update(kwargs)
    return [given.pop(key, None) for key in op.inputs], given


def _signature(schema, others):
    make, kinds = inspect.Parameter, inspect.Parameter
    found = [make(i["name"], kinds.POSITIONAL_OR_KEYWORD, default=None) for i in schema["inputs"]]
    found += [make(p["name"], kinds.POSITIONAL_OR_KEYWORD, default=p.get("default")) for p in schema["params"]]
    return inspect.Signature(found + [make(key, kinds.KEYWORD_ONLY, default=None) for key in others])


def _document(schema):
    lines = [schema["doc"] or schema["name"], "", "Inputs:"]
    lines += [f"    {i['name']}: {i['doc'] or 'an array'}" for i in schema["inputs"]]
    if schema["params"]:
        lines.append("Parameters:")
    for p in schema["params"]:
        kind = "one of " + ", ".join(p["choices"]) if p.get("choices") else p["type"]
        lines.append(f"    {p['name']} ({kind}, {'required' if p['required'] else 'default ' + p['default']}): {p['doc']}")
    if schema["mutates"]:
        lines.append("Changes in place: " + ", ".join(schema["inputs"][i]["name"] for i in schema["mutates"]))
    return "\n".join(lines)
