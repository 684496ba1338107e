"""Predictor: a trained symbol with its parameters, ready to run; the same C functions that the one-file predictor has."""

import pathlib

import numpy as np

from .base import DTYPES, MXNetError, check, dtype_name, ffi, lib
from .symbol import Symbol

__all__ = ["Predictor"]


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


class Predictor:
    """Runs a model on the CPU, in the calling thread, without the engine.

    symbol: Symbol, path of a symbol.json, or its text. params: path or bytes of a .params file. input_shapes: {name: shape}.
    dtypes: {name: dtype} for inputs that are not float32. outputs: names of inner outputs ("flatten0_output") to stop at.

    One predictor serves one thread; `clone()` gives another thread its own on the same parameters. Raises MXNetError when a parameter is
    missing or does not fit.
    """

    def __init__(self, symbol, params, input_shapes, dtypes=None, outputs=()):
        data = _bytes(params)
        names = [ffi.new("char[]", name.encode()) for name in input_shapes]
        chosen = [ffi.new("char[]", name.encode()) for name in outputs]
        self._input_names = list(input_shapes)
        kept = {
            "json": ffi.new("char[]", _text(symbol).encode()),
            "params": ffi.from_buffer(data),
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
        options.input_names, options.input_ndims, options.input_shapes = kept["names"], kept["ndims"], kept["shapes"]
        options.input_dtypes, options.num_inputs = kept["dtypes"], len(names)
        options.output_names, options.num_outputs = kept["outputs"], len(chosen)
        out = ffi.new("mxn_predictor_t **")
        check(lib.mxn_predictor_create(options, out))
        self._h = ffi.gc(out[0], lib.mxn_predictor_free)

    def clone(self):
        """A predictor for another thread: shares the parameters, has its own inputs, outputs and memory."""
        out = ffi.new("mxn_predictor_t **")
        check(lib.mxn_predictor_clone(self._h, out))
        other = object.__new__(Predictor)
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
