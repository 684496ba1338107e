"""Predictor: a trained symbol with its parameters, ready to run; the same C functions that the one-file predictor has."""

import mmap
import os
import pathlib
import struct
import zlib

import numpy as np

from .base import DTYPES, MXNetError, check, dtype_name, ffi, lib
from .symbol import Symbol

__all__ = ["Predictor", "pack"]

MAGIC = b"MXNMODEL"


def _text(symbol):
    """The JSON of a Symbol, a file, or a JSON text."""
    if isinstance(symbol, Symbol):
        return symbol.tojson()
    if isinstance(symbol, pathlib.Path) or not str(symbol).lstrip().startswith("{"):
        return pathlib.Path(symbol).read_text()
    return symbol


def _bytes(params):
    """The bytes of a .params file, or bytes as they are."""
    if isinstance(params, (bytes, bytearray, memoryview)):
        return bytes(params)
    return b"" if params is None else pathlib.Path(params).read_bytes()


def _mapped(path):
    """A file in memory, read as it is needed and never copied."""
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def pack(symbol, params=None, path=None):
    """Symbol and parameters in one file, NAME.mixnet, which the predictor reads; with a path it is written, else its bytes are returned.

    symbol: Symbol, path of a symbol.json, or its text. params: path or bytes of a .params file, or None. The format is described in
    include/mixnet/c_predict.h.
    """
    json, data = _text(symbol).encode(), _bytes(params)
    head = struct.pack("<QQ", len(json), len(data)) + json
    body = head + bytes(-(16 + len(head)) % 64) + data
    whole = MAGIC + struct.pack("<II", 1, zlib.crc32(body)) + body
    if path is None:
        return whole
    # Renamed, so that a predictor that has the old file mapped keeps it.
    part = pathlib.Path(f"{path}.part{os.getpid()}")
    part.write_bytes(whole)
    part.replace(path)
    return None


def _packed(model):
    """The bytes of a packed model, or None for what is a symbol."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return bytes(model)
    if isinstance(model, Symbol) or str(model).lstrip().startswith("{"):
        return None
    with open(model, "rb") as file:
        head = file.read(len(MAGIC))
    return _mapped(model) if head == MAGIC else None


class Predictor:
    """Runs a model on the CPU, in the calling thread, without the engine.

    symbol: Symbol, path of a symbol.json, or its text; or path or bytes of a packed model, without params. params: path or bytes of a
    .params file. input_shapes: {name: shape}. dtypes: {name: dtype} for inputs that are not float32. outputs: names of inner outputs
    ("flatten0_output") to stop at.

    The file of a packed model is mapped, not copied: put another in its place by renaming, as `pack` does. One predictor serves one thread;
    `clone()` gives another thread its own on the same parameters. Raises MXNetError when a parameter is missing or does not fit.
    """

    def __init__(self, symbol, params=None, input_shapes=None, dtypes=None, outputs=()):
        packed = _packed(symbol)
        if packed is not None and params is not None:
            raise MXNetError("[predictor] params: expected None beside a packed model")
        data, input_shapes = _bytes(params), input_shapes or {}
        names = [ffi.new("char[]", name.encode()) for name in input_shapes]
        chosen = [ffi.new("char[]", name.encode()) for name in outputs]
        self._input_names = list(input_shapes)
        kept = {
            "json": ffi.NULL if packed is not None else ffi.new("char[]", _text(symbol).encode()),
            "packed": ffi.NULL if packed is None else ffi.from_buffer(packed),
            "params": ffi.NULL if packed is not None else ffi.from_buffer(data),
            "names": ffi.new("char *[]", names),
            "ndims": ffi.new("int32_t[]", [len(shape) for shape in input_shapes.values()]),
            "shapes": ffi.new("int64_t[]", [extent for shape in input_shapes.values() for extent in shape]),
            "dtypes": ffi.new("int32_t[]", [DTYPES[dtype_name((dtypes or {}).get(name, "float32"))] for name in input_shapes]),
            "outputs": ffi.new("char *[]", chosen),
        }
        options = ffi.new("mxn_predictor_options_t *")
        options.struct_size = ffi.sizeof("mxn_predictor_options_t")
        options.symbol_json = kept["json"]
        options.params, options.params_bytes = kept["params"], len(data)
        options.packed, options.packed_bytes = kept["packed"], 0 if packed is None else len(packed)
        self._borrowed = (kept["params"], kept["packed"])  # alive as long as this or a clone is
        options.borrow = 1
        options.input_names, options.input_ndims, options.input_shapes = kept["names"], kept["ndims"], kept["shapes"]
        options.input_dtypes, options.num_inputs = kept["dtypes"], len(names)
        options.output_names, options.num_outputs = kept["outputs"], len(chosen)
        out = ffi.new("mxn_predictor_t **")
        check(lib.mxn_predictor_create(options, out))
        self._h = ffi.gc(out[0], lib.mxn_predictor_free)
        self._mapping = packed if hasattr(packed, "madvise") else None

    def clone(self):
        """A predictor for another thread: shares the parameters, has its own inputs, outputs and memory."""
        out = ffi.new("mxn_predictor_t **")
        check(lib.mxn_predictor_clone(self._h, out))
        other = object.__new__(Predictor)
        other._borrowed, other._mapping = self._borrowed, None
        other._h = ffi.gc(out[0], lib.mxn_predictor_free)
        other._input_names = list(self._input_names)
        return other

    def reshape(self, input_shapes):
        """Other shapes, {name: shape}; inputs are zero afterwards."""
        names = [ffi.new("char[]", name.encode()) for name in input_shapes]
        ndims = ffi.new("int32_t[]", [len(shape) for shape in input_shapes.values()])
        shapes = ffi.new("int64_t[]", [extent for shape in input_shapes.values() for extent in shape])
        check(lib.mxn_predictor_reshape(self._h, ffi.new("char *[]", names), ndims, shapes, len(names)))

    def forward(self, **inputs):
        """Copies the given arrays into the inputs and computes the outputs; returns them as numpy arrays."""
        for name, value in inputs.items():
            array = self._view(lib.mxn_predictor_input, self._position(name))
            if np.shape(value) != array.shape:
                raise MXNetError(f"[predictor] {name}: expected shape {array.shape}, got {np.shape(value)}")
            array[...] = value
        check(lib.mxn_predictor_forward(self._h))
        if self._mapping is not None:
            # Weights of which packed copies exist by now are not read any more; those that are come back from the file.
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._mapping = None
        return [self.get_output(i) for i in range(self._info().num_outputs)]

    def forward_steps(self, count):
        """Runs the next `count` kernels; returns how many are left."""
        left = ffi.new("int32_t *")
        check(lib.mxn_predictor_forward_steps(self._h, count, left))
        return left[0]

    def get_output(self, index):
        """A copy of output `index` as a numpy array."""
        return self._view(lib.mxn_predictor_output, index).copy()

    @property
    def memory(self):
        """Bytes: parameters, arena (values between layers), naive (without sharing), lower_bound, kept (converted and folded weights); and the
        number of kernels, steps."""
        info = self._info()
        names = {"parameters": "parameter", "arena": "arena", "naive": "naive", "lower_bound": "lower_bound", "kept": "kept"}
        return {**{key: getattr(info, field + "_bytes") for key, field in names.items()}, "steps": info.num_steps}

    def _position(self, name):
        if name not in self._input_names:
            raise MXNetError(f"[predictor] {name}: expected the name of an input, one of {', '.join(self._input_names)}")
        return self._input_names.index(name)

    def _info(self):
        info = ffi.new("mxn_predictor_info_t *", {"struct_size": ffi.sizeof("mxn_predictor_info_t")})
        check(lib.mxn_predictor_info(self._h, info))
        return info

    def _view(self, function, index):
        """The predictor's own memory as a numpy array."""
        tensor = ffi.new("mxn_tensor_t *", {"struct_size": ffi.sizeof("mxn_tensor_t")})
        check(function(self._h, index, tensor))
        dtype = dtype_name(tensor.dtype)
        if dtype == "bfloat16":
            raise MXNetError("[predictor] bfloat16: numpy has no such dtype")
        shape = tuple(tensor.shape[0 : tensor.ndim])
        if tensor.bytes == 0:
            return np.empty(shape, dtype)
        return np.frombuffer(ffi.buffer(tensor.data, tensor.bytes), dtype).reshape(shape)
