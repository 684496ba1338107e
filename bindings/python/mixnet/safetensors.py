"""Arrays in .safetensors files, by the package `safetensors`, which is loaded at first use.

`save` and `load` stand behind `mx.nd.save` and `mx.nd.load` for names that end in .safetensors. Loading maps the file: arrays are views of the
mapping (private: writing to one does not reach the file) where their bytes lie aligned, copies elsewhere; bfloat16 and bool are always copies. The
file must not be cut short while such arrays live. The package checks the header; what it finds wrong becomes one line.
"""

import mmap
import os

import numpy as np

from .base import MXNetError, check, ffi, lib, patiently

_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_SIZES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "int32": 4, "int8": 1, "uint8": 1, "bool": 1}


def _package():
    try:
        import safetensors
    except ImportError:
        raise MXNetError("[safetensors] package: expected the Python package safetensors to be installed (pip install safetensors)") from None
    return safetensors


def _line(error):
    return " ".join(str(error).split())


def save(fname, arrays, metadata=None):
    """Writes a dict of NDArrays; names stay as they are. metadata: a dict of texts, read back by `metadata`."""
    package = _package()
    from .ndarray import NDArray

    if not isinstance(arrays, dict):
        raise MXNetError(f"[save {fname}] data: expected a dict, since this format keeps names, got {type(arrays).__name__}")
    kept, specs = [], {}
    for name, array in arrays.items():
        if not isinstance(array, NDArray):
            raise TypeError(f"[save {fname}] {name}: expected an NDArray, got {type(array).__name__}")
        raw = np.empty(array.size * _SIZES[array._dtype], "uint8")
        if raw.size:
            buffer = ffi.from_buffer(raw)
            patiently(lambda wait: lib.mxn_ndarray_copy_to_host(array._h, buffer, raw.nbytes, wait))
        kept.append(raw)
        specs[name] = _spec(package, array, raw)
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"[save {fname}] metadata: expected texts, got {key!r}: {value!r}")
    # Arrays may be views of the file that is replaced: it must stay as it is for them.
    beside = f"{fname}.{os.getpid()}.tmp"
    try:
        package.serialize_file(specs, beside, metadata)
        os.replace(beside, fname)
    except (package.SafetensorError, OSError) as error:
        raise MXNetError(f"[save] {fname}: {_line(error)}") from None
    finally:
        if os.path.exists(beside):
            os.unlink(beside)


def _spec(package, array, raw):
    shape = list(array.shape)
    if hasattr(package, "TensorSpec"):
        return package.TensorSpec(dtype=array._dtype, shape=shape, data_ptr=raw.ctypes.data, data_len=raw.nbytes)
    return {"dtype": array._dtype, "shape": shape, "data": raw.tobytes()}


def metadata(fname):
    """The texts that a file carries beside its arrays."""
    package = _package()
    with _opened(package, fname) as file:
        return dict(file.metadata() or {})


def load(fname):
    """The arrays of a file as a dict by name, in the order in which they are stored."""
    package, result = _package(), {}
    with _opened(package, fname) as file:
        names = _stored_order(file)
        described = [(name, file.get_slice(name)) for name in names]
        described = [(name, _dtype(fname, name, view.get_dtype()), tuple(view.get_shape())) for name, view in described]
    with open(fname, "rb") as file:
        at = 8 + int.from_bytes(file.read(8), "little")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    for name, dtype, shape in described:
        count = 1
        for extent in shape:
            count *= extent
        end = at + count * _SIZES[dtype]
        if end > len(mapped):
            raise MXNetError(f"[load] {fname}: expected {end} bytes for {name}, got {len(mapped)}")
        result[name] = _array(np.frombuffer(mapped, "uint8", end - at, at), dtype, shape)
        at = end
    return result


def _opened(package, fname):
    if not os.path.isfile(fname):
        raise MXNetError(f"[load] {fname}: expected a file")
    try:
        return package.safe_open(str(fname), framework="numpy")
    except (package.SafetensorError, OSError, ValueError) as error:
        raise MXNetError(f"[load] {fname}: {_line(error)}") from None


def _stored_order(file):
    """Names in the order of their bytes."""
    return list(file.offset_keys() if hasattr(file, "offset_keys") else file.keys())


def _dtype(fname, name, code):
    if code not in _NAMES:
        raise MXNetError(f"[load] {fname} {name}: expected a dtype among {', '.join(_NAMES)}, got {code}")
    return _NAMES[code]


def _array(raw, dtype, shape):
    from .ndarray import empty, from_dlpack

    # numpy has no bfloat16, and cannot share bool by DLPack in every version.
    if dtype not in ("bfloat16", "bool") and raw.size and raw.ctypes.data % _SIZES[dtype] == 0:
        return from_dlpack(raw.view(dtype).reshape(shape))
    result = empty(shape, dtype=dtype)
    if raw.size:
        check(lib.mxn_ndarray_copy_from_host(result._h, ffi.from_buffer(raw), raw.nbytes))
    return result


def by_kind(loaded, symbol):
    """(arguments, auxiliary states) of named arrays: by arg: and aux: where names have them, else by what the symbol says they are."""
    groups = {"arg": {}, "aux": {}}
    states = set(symbol.list_auxiliary_states()) if symbol is not None else set()
    for key, value in loaded.items():
        kind, colon, name = key.partition(":")
        if colon and kind in groups and name:
            groups[kind][name] = value
        else:
            groups["aux" if key in states else "arg"][key] = value
    return groups["arg"], groups["aux"]
