"""The version of the library."""

from .base import ffi, lib

__version__ = ffi.string(lib.mxn_version()).decode()
