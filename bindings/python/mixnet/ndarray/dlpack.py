"""DLPack capsules: memory shared with other libraries."""

import ctypes

from ..base import check, ffi, lib
from .ndarray import NDArray

_api = ctypes.pythonapi
_api.PyCapsule_New.restype = ctypes.py_object
_api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_api.PyCapsule_GetPointer.restype = ctypes.c_void_p
_api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
_api.PyCapsule_IsValid.argtypes = [ctypes.py_object, ctypes.c_char_p]
_NAME, _USED = b"dltensor", b"used_dltensor"
_DELETER_OFFSET = 8 * 7  # data, device, ndim + dtype, shape, strides, byte offset, manager
_Destructor = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@_Destructor
def _destroy(capsule):
    """A capsule that nobody took gives its tensor back."""
    holder = ctypes.cast(capsule, ctypes.py_object)
    if not _api.PyCapsule_IsValid(holder, _NAME):
        return
    pointer = _api.PyCapsule_GetPointer(holder, _NAME)
    deleter = ctypes.cast(pointer + _DELETER_OFFSET, ctypes.POINTER(ctypes.c_void_p)).contents.value
    if deleter:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(deleter)(pointer)


def to_capsule(array):
    """A capsule named 'dltensor' over the array's memory."""
    out = ffi.new("void **")
    check(lib.mxn_ndarray_to_dlpack(array.handle, out))
    return _api.PyCapsule_New(int(ffi.cast("intptr_t", out[0])), _NAME, ctypes.cast(_destroy, ctypes.c_void_p))


def from_dlpack(source):
    """An NDArray over the memory of a capsule, or of an object with __dlpack__."""
    capsule = source.__dlpack__() if hasattr(source, "__dlpack__") else source
    if not _api.PyCapsule_IsValid(capsule, _NAME):
        raise ValueError("[from_dlpack] expected a capsule that nobody has taken yet")
    pointer = _api.PyCapsule_GetPointer(capsule, _NAME)
    out = ffi.new("mxn_ndarray_t **")
    check(lib.mxn_ndarray_from_dlpack(ffi.cast("void *", pointer), out))
    _api.PyCapsule_SetName(capsule, _USED)
    return NDArray(out[0])
