"""ONNX's element types, and how values of each are carried here.

Types that the library has are carried as they are. Wider integers carry int16, uint16, uint32 and uint64; they wrap when they leave. The
types of eight and four bits below stand for float32 values already rounded to them. Texts and complex numbers are refused by name.
"""

import numpy as np

from ..base import DTYPES
from .errors import OnnxError

NAMES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool", 10: "float16", 11: "float64",
    12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2",
    20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1",
}  # fmt: skip
CODES = {name: code for code, name in NAMES.items()}
_WIDER = {"int16": "int32", "uint16": "int32", "uint32": "int64", "uint64": "int64", "uint4": "uint8", "int4": "int8"}
FLOAT8 = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz")
FLOATS = ("float32", "float64", "float16", "bfloat16")


def carrier(name):
    """The library's dtype that holds values of an ONNX type; None where there is none."""
    if name in DTYPES:
        return name
    return "float32" if name in FLOAT8 else _WIDER.get(name)


def numpy_type(name):
    """The numpy dtype in which such values are handed over."""
    if name == "bfloat16" or name in FLOAT8:
        return np.dtype("float32")
    if name != "string" and carrier(name) is None:
        raise OnnxError(f"[onnx] values of type {name} are not supported")
    return np.dtype({"uint4": "uint8", "int4": "int8", "string": object}.get(name, name))


def is_float(name):
    """Whether values of this type are floating-point numbers."""
    return name in FLOATS or name in FLOAT8
