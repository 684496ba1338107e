"""The bridge to the native library: loading, errors, and values in both directions."""

import atexit
import importlib.machinery
import importlib.util
import os
import pathlib

import numpy as np

# Kernels of oneDNN and our own share the cores: threads that spin on while idle would take them from each other. Waking a thread
# takes longer than a small matrix product, so they spin about 0.1 ms.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")


def _load(name):
    """An extension beside this file (installed), or in the build folder of a checkout."""
    here = pathlib.Path(__file__).resolve().parent
    folders = [here]
    if "MIXNET_NATIVE" in os.environ:
        folders.insert(0, pathlib.Path(os.environ["MIXNET_NATIVE"]))
    folders.append(here.parents[2] / "build" / "release" / "python" / "mixnet_native")
    for folder in folders:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = folder / (name + suffix)
            if path.exists():
                spec = importlib.util.spec_from_file_location(name, path)
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    raise ImportError("[mixnet] the native library is not built: run 'make build' or 'pip install .'")


_native = _load("_mixnet")
ffi, lib = _native.ffi, _native.lib
fast = _load("_mixnet_fast")

numeric_types = (float, int, np.generic)
string_types = (str,)


class MXNetError(RuntimeError):
    """An error of the library. `code` is the number of the C API, 0 when the error arose in Python."""

    def __init__(self, message, code=0):
        super().__init__(message)
        self.code = code


MixnetError = MXNetError


class _Null:
    """A parameter that was not given."""

    def __repr__(self):
        return "<default>"

    def __bool__(self):
        return False


_Null = _Null()

TIMED_OUT = -7


def last_error():
    """The error of this thread's last failing call, as an exception."""
    size = lib.mxn_error_copy(ffi.NULL, 0)
    buffer = ffi.new("char[]", size + 1)
    code = lib.mxn_error_code()
    lib.mxn_error_copy(buffer, size + 1)
    message = ffi.string(buffer).decode("utf-8", "replace")
    if code == -4:
        return MXNetMemoryError(message, code)
    return MXNetError(message, code)


class MXNetMemoryError(MXNetError, MemoryError):
    """Out of memory on a device, after giving cached blocks back."""


def check(code):
    """Raises what a call of the C API reported."""
    if code != 0:
        raise last_error()


def text(pointer):
    """A text that the library gave away, or None."""
    if pointer == ffi.NULL:
        return None
    try:
        return ffi.string(pointer).decode()
    finally:
        lib.mxn_text_free(pointer)


def strings(pointer):
    """A list of texts that the library gave away."""
    try:
        return [ffi.string(lib.mxn_strings_get(pointer, i)).decode("utf-8", "surrogateescape") for i in range(lib.mxn_strings_count(pointer))]
    finally:
        lib.mxn_strings_free(pointer)


def shapes(pointer):
    """A list of shapes that the library gave away; None where nothing is known, -1 for unknown extents."""
    result = []
    ndim, dims = ffi.new("int32_t *"), ffi.new("int64_t **")
    try:
        for i in range(lib.mxn_shapes_count(pointer)):
            check(lib.mxn_shapes_get(pointer, i, ndim, dims))
            result.append(None if ndim[0] < 0 else tuple(dims[0][k] for k in range(ndim[0])))
    finally:
        lib.mxn_shapes_free(pointer)
    return result


class TextList:
    """Texts as a C array; keeps them alive."""

    def __init__(self, items):
        self._kept = [ffi.new("char[]", item.encode("utf-8", "surrogateescape")) if item is not None else ffi.NULL for item in items]
        self.pointer = ffi.new("char *[]", self._kept)


def patiently(call):
    """Repeats a blocking call with short timeouts, so that Ctrl-C is heard. call(wait) returns a code."""
    wait = ffi.new("mxn_wait_t *", {"struct_size": ffi.sizeof("mxn_wait_t"), "timeout_s": 0.2})
    while True:
        code = call(wait)
        if code == 0:
            return
        error = last_error()
        if code != TIMED_OUT or "got a time-out" not in str(error):
            raise error


DTYPES = {"float32": 0, "float64": 1, "float16": 2, "uint8": 3, "int32": 4, "int8": 5, "int64": 6, "bool": 7, "bfloat16": 12}
DTYPE_NAMES = {code: name for name, code in DTYPES.items()}


def dtype_name(dtype):
    """'float32' for anything that means it: a name, a code, a numpy dtype or type."""
    if dtype is None:
        return "float32"
    if isinstance(dtype, str) and dtype in DTYPES:
        return dtype
    if isinstance(dtype, int) and not isinstance(dtype, bool):
        if dtype in DTYPE_NAMES:
            return DTYPE_NAMES[dtype]
        raise MXNetError(f"[dtype] code {dtype} is not a dtype of this library")
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    if name not in DTYPES:
        raise MXNetError(f"[dtype] expected one of {', '.join(DTYPES)}, got {name}")
    return name


def fill_arg(arg, field, value, keep):
    """Writes one operator parameter into a mxn_arg_t; `keep` holds what must stay alive."""
    arg.field = field
    if value is None:
        arg.tag = lib.MXN_TAG_NONE
    elif isinstance(value, (bool, np.bool_)):
        arg.tag, arg.integer = lib.MXN_TAG_BOOL, int(value)
    elif isinstance(value, (int, np.integer)):
        arg.tag, arg.integer = lib.MXN_TAG_INT, int(value)
    elif isinstance(value, (float, np.floating)):
        arg.tag, arg.real = lib.MXN_TAG_FLOAT, float(value)
    elif isinstance(value, (tuple, list)) and all(isinstance(v, (int, np.integer)) for v in value):
        ints = ffi.new("int64_t[]", [int(v) for v in value])
        keep.append(ints)
        arg.tag, arg.ints, arg.count = lib.MXN_TAG_INTS, ints, len(value)
    elif isinstance(value, (tuple, list)) and all(isinstance(v, (int, float, np.integer, np.floating)) for v in value):
        reals = ffi.new("double[]", [float(v) for v in value])
        keep.append(reals)
        arg.tag, arg.reals, arg.count = lib.MXN_TAG_FLOATS, reals, len(value)
    else:
        if isinstance(value, (tuple, list)):
            value = "(" + ", ".join(str(v) for v in value) + ("," if len(value) == 1 else "") + ")"
        elif isinstance(value, (type, np.dtype)):
            value = dtype_name(value)
        keep.append(ffi.new("char[]", str(value).encode()))
        arg.tag, arg.text = lib.MXN_TAG_TEXT, keep[-1]


class Op(fast.Operator):
    """An operator of the library, as the generated functions name it."""

    __slots__ = ("name", "handle", "inputs", "variadic", "optional")

    def __init__(self, name, inputs, fields, variadic="", optional=()):
        handle = ffi.new("const mxn_op_t **")
        check(lib.mxn_op_find(name.encode(), handle))
        super().__init__(int(ffi.cast("uintptr_t", handle[0])), {field: i for i, field in enumerate(fields)})
        self.name = name
        self.handle = handle[0]
        self.inputs = inputs
        self.variadic = variadic
        self.optional = optional

    def args(self, values, keep):
        """(array of mxn_arg_t, count) of the parameters given by name."""
        given = [(k, v) for k, v in values.items() if v is not _Null]
        if not given:
            return ffi.NULL, 0
        args = ffi.new("mxn_arg_t[]", len(given))
        for i, (key, value) in enumerate(given):
            if key not in self.fields:
                expected = ", ".join(self.fields) or "no parameters"
                raise MXNetError(f"[{self.name}] unknown parameter '{key}', expected one of {expected}")
            fill_arg(args[i], self.fields[key], value, keep)
        return args, len(given)


def features():
    """What this build has: a dict such as {'onednn': True, 'cuda': False}."""
    import json

    out = ffi.new("char **")
    check(lib.mxn_features(out))
    return json.loads(text(out[0]))


# Callbacks: Python objects wait here under a number until the library says that it needs them no more.
_callbacks = {}
_next_callback = [1]


def register_callback(function):
    """A user-data pointer for `function`; mixnet_py_destroy forgets it."""
    number = _next_callback[0]
    _next_callback[0] += 1
    _callbacks[number] = function
    return ffi.cast("void *", number)


def _run_callback(user, *args):
    try:
        _callbacks[int(ffi.cast("intptr_t", user))](*args)
        return 0
    except BaseException as error:  # noqa: B902 - nothing may cross the C frames
        message = f"[callback] {type(error).__name__}: {error}"
        lib.mxn_error_set(-9, message.encode())
        return -9


@ffi.def_extern(name="mixnet_py_destroy")
def _destroy(user):
    _callbacks.pop(int(ffi.cast("intptr_t", user)), None)


@ffi.def_extern(name="mixnet_py_task")
def _task(user):
    return _run_callback(user)


@ffi.def_extern(name="mixnet_py_updater")
def _updater(user, key, received, stored):
    return _run_callback(user, ffi.string(key).decode(), received, stored)


@ffi.def_extern(name="mixnet_py_monitor")
def _monitor(user, name, value):
    return _run_callback(user, ffi.string(name).decode(), value)


@ffi.def_extern(name="mixnet_py_backward")
def _backward(user, output_grads, num_outputs, input_grads, num_inputs):
    return _run_callback(user, output_grads, num_outputs, input_grads, num_inputs)


# Threads must not run kernels while the process takes its libraries apart.
atexit.register(lib.mxn_shutdown)
