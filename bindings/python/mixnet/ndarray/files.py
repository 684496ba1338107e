"""Reading and writing .params files, and .safetensors files by their suffix."""

from ..base import TextList, check, ffi, lib, strings
from .ndarray import NDArray

SAFETENSORS = ".safetensors"


def save(fname, data):
    """Writes arrays to a .params file: one, a list, or a dict by name. A name ending in .safetensors gives that format, for dicts."""
    if str(fname).endswith(SAFETENSORS):
        from .. import safetensors

        return safetensors.save(fname, data)
    if isinstance(data, NDArray):
        data = [data]
    if isinstance(data, dict):
        names, arrays = list(data), list(data.values())
    else:
        names, arrays = None, list(data)
    for item in arrays:
        if not isinstance(item, NDArray):
            raise TypeError(f"[save] expected NDArrays, got {type(item).__name__}")
    texts = TextList(names) if names is not None else None
    handles = ffi.new("mxn_ndarray_t *[]", [a._h for a in arrays] or [ffi.NULL])
    check(lib.mxn_ndarray_save(str(fname).encode(), handles, texts.pointer if texts else ffi.NULL, len(arrays)))


def _loaded(call):
    arrays, count, names = ffi.new("mxn_ndarray_t ***"), ffi.new("int64_t *"), ffi.new("mxn_strings_t **")
    check(call(arrays, count, names))
    result = [NDArray(arrays[0][i]) if arrays[0][i] != ffi.NULL else None for i in range(count[0])]
    lib.mxn_ndarray_list_free(arrays[0])
    texts = strings(names[0])
    return dict(zip(texts, result)) if texts else result


def load(fname):
    """Reads a .params file of any MXNet generation, or a .safetensors file: a dict when it has names, else a list."""
    if str(fname).endswith(SAFETENSORS):
        from .. import safetensors

        return safetensors.load(fname)
    return _loaded(lambda *out: lib.mxn_ndarray_load(str(fname).encode(), *out))


def load_frombuffer(data):
    """The same from bytes."""
    return _loaded(lambda *out: lib.mxn_ndarray_load_memory(ffi.from_buffer(data), len(data), *out))
