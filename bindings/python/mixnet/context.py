"""Devices: mx.cpu(), mx.gpu(), and `with` blocks that set the default."""

import threading

from .base import MXNetError, check, ffi, lib

_KINDS = {"cpu": 1, "gpu": 2, "cpu_pinned": 3, "cpu_shared": 1}
_NAMES = {1: "cpu", 2: "gpu", 3: "cpu_pinned"}
_local = threading.local()


class Context:
    """A device. `Context('cpu', 0)`; as a context manager it is the default inside the block."""

    devtype2str = _NAMES
    devstr2type = _KINDS

    def __init__(self, device_type, device_id=0):
        if isinstance(device_type, Context):
            device_type, device_id = device_type.device_type, device_type.device_id
        if device_type not in _KINDS:
            raise MXNetError(f"[Context] device_type: expected one of {', '.join(_KINDS)}, got {device_type!r}")
        self.device_typeid = _KINDS[device_type]
        self.device_id = int(device_id)

    @property
    def device_type(self):
        return _NAMES[self.device_typeid]

    def __eq__(self, other):
        return isinstance(other, Context) and (self.device_typeid, self.device_id) == (other.device_typeid, other.device_id)

    def __hash__(self):
        return hash((self.device_typeid, self.device_id))

    def __repr__(self):
        return f"{self.device_type}({self.device_id})"

    def __enter__(self):
        _stack().append(self)
        return self

    def __exit__(self, *exc):
        _stack().pop()

    def empty_cache(self):
        """Gives cached memory back to the device."""
        check(lib.mxn_storage_empty_cache(self.device_typeid, self.device_id))

    default_ctx = property(lambda self: current_context())


def _stack():
    if not hasattr(_local, "stack"):
        _local.stack = [Context("cpu", 0)]
    return _local.stack


def current_context():
    """The default device of this thread."""
    return _stack()[-1]


def cpu(device_id=0):
    """A CPU context. All are the same kind of memory; each has a pool of its own."""
    return Context("cpu", device_id)


def cpu_pinned(device_id=0):
    """CPU memory that GPUs copy from quickly."""
    return Context("cpu_pinned", device_id)


def gpu(device_id=0):
    """A GPU context. Using it without a GPU raises MXNetError."""
    return Context("gpu", device_id)


def num_gpus():
    """Number of GPUs this build can use."""
    count = ffi.new("int32_t *")
    check(lib.mxn_device_count(2, count))
    return count[0]


def gpu_memory_info(device_id=0):
    """(free, total) bytes of a GPU."""
    free, total = ffi.new("int64_t *"), ffi.new("int64_t *")
    check(lib.mxn_device_memory(2, device_id, free, total))
    return free[0], total[0]


def storage_info(ctx=None):
    """Bytes and counts of a device's memory pool, as a dict."""
    ctx = ctx or current_context()
    info = ffi.new("mxn_storage_info_t *", {"struct_size": ffi.sizeof("mxn_storage_info_t")})
    check(lib.mxn_storage_info(ctx.device_typeid, ctx.device_id, info))
    return {name: getattr(info, name) for name in ("in_use", "cached", "peak", "limit", "allocations", "hits", "device_calls")}
