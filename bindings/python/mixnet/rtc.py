"""mx.rtc: kernels in CUDA C, compiled while the program runs."""

import numbers

from . import context
from .base import check, ffi, lib
from .ndarray import NDArray


class CudaModule:
    """Kernels from source, compiled by NVRTC (pip install nvidia-cuda-nvrtc) and kept in files for the next program.

    Parameters
    ----------
    source : str
        CUDA C. Kernels are `extern "C" __global__ void` functions.
    options : tuple of str
        NVRTC's options: ("-DN=3", "--use_fast_math").
    exports : tuple of str
        Kernels that are not extern "C", by the names that get_kernel takes: ("scale<float>",).

    Raises MXNetError with the compiler's first error and its line in the source.
    """

    def __init__(self, source, options=(), exports=()):
        options, exports = ([options] if isinstance(options, str) else options), ([exports] if isinstance(exports, str) else exports)
        out = ffi.new("mxn_rtc_t **")
        keep = [ffi.new("char[]", text.encode()) for text in (*options, *exports)]
        texts = ffi.new("char *[]", keep or [ffi.NULL])
        check(lib.mxn_rtc_create(source.encode(), texts, len(options), texts + len(options), len(exports), out))
        self._h = out[0]

    def __del__(self):
        if lib is not None and hasattr(self, "_h"):
            lib.mxn_rtc_free(self._h)

    def get_kernel(self, name, signature):
        """A kernel by its name and its parameters: "const float *x, float *y, int n".

        Pointers are arrays: float, double, half, bfloat16, int8_t, uint8_t, int, int64_t or bool; numbers may be
        int16_t, uint16_t, unsigned and uint64_t too.
        """
        out = ffi.new("int32_t *")
        check(lib.mxn_rtc_kernel(self._h, name.encode(), signature.encode(), out))
        return CudaKernel(self, name, out[0])


class CudaKernel:
    """One kernel of a CudaModule."""

    def __init__(self, module, name, index):
        self._module, self.name, self._index = module, name, index

    def launch(self, args, ctx, grid_dims, block_dims, shared_mem=0):
        """Runs the kernel on a GPU, when its arrays are free; returns at once.

        Parameters
        ----------
        args : list
            An NDArray for every pointer, of its dtype and on ctx, and a number for every other parameter. Arrays behind
            pointers to const are read, others read and written; nothing is recorded for gradients.
        ctx : Context
            The GPU.
        grid_dims, block_dims : tuple of int
            Blocks, and threads of a block, in up to three dimensions.
        shared_mem : int
            Bytes of dynamic shared memory per block.
        """
        dims = [extent for given, what in ((grid_dims, "grid_dims"), (block_dims, "block_dims")) for extent in _three(given, what)]
        handles, values = ffi.new("mxn_ndarray_t *[]", len(args) or 1), ffi.new("mxn_arg_t[]", len(args) or 1)
        for i, arg in enumerate(args):
            if isinstance(arg, NDArray):
                handles[i] = arg.handle
            elif isinstance(arg, numbers.Integral):
                if not -(2**63) <= arg < 2**63:
                    raise ValueError(f"[rtc {self.name}] argument {i}: expected a number of 64 bits, got {arg}")
                values[i].tag, values[i].integer = lib.MXN_TAG_INT, int(arg)
            elif isinstance(arg, numbers.Real):
                values[i].tag, values[i].real = lib.MXN_TAG_FLOAT, float(arg)
            else:
                raise TypeError(f"[rtc {self.name}] argument {i}: expected an NDArray or a number, got {type(arg).__name__}")
        ctx = context.Context(ctx)
        check(
            lib.mxn_rtc_launch(
                self._module._h, self._index, ctx.device_typeid, ctx.device_id, handles, values, len(args), ffi.new("int64_t[]", dims), shared_mem
            )
        )


def _three(dims, what):
    """Extents of a grid or a block, missing ones as 1."""
    dims = (dims,) if isinstance(dims, numbers.Integral) else tuple(dims)
    if not 1 <= len(dims) <= 3:
        raise ValueError(f"[rtc] {what}: expected one to three extents, got {dims}")
    return (*dims, 1, 1)[:3]
