"""The four floating-point types of eight bits: what each bit pattern stands for, and rounding to them.

Values are kept as the float32 numbers that they stand for. The types with 'fn' have no infinities; those with 'uz' no negative zero.
"""

import numpy as np

# (fraction bits, bias, largest finite number, has infinities)
_FORMATS = {
    "float8e4m3fn": (3, 7, 448.0, False),
    "float8e4m3fnuz": (3, 8, 240.0, False),
    "float8e5m2": (2, 15, 57344.0, True),
    "float8e5m2fnuz": (2, 16, 57344.0, False),
}


def _table(dtype):
    fraction, bias, largest, infinite = _FORMATS[dtype]
    bits = np.arange(256)
    exponent, part = (bits & 127) >> fraction, (bits & ((1 << fraction) - 1)) / (1 << fraction)
    size = np.where(exponent > 0, (1 + part) * np.exp2(np.maximum(exponent, 1) - bias), part * np.exp2(1 - bias))
    size = np.where(size > largest, np.nan, size)
    if infinite:
        size[[0x7C, 0xFC]] = np.inf
    value = np.where(bits > 127, -size, size)
    if dtype.endswith("uz"):
        value[128] = np.nan
    return value.astype(np.float32)


FROM_BITS = {name: _table(name) for name in _FORMATS}


def rounded(host, dtype, saturate=True):
    """float32 values rounded to a type, halves to even; too large ones become the largest number, or infinity or NaN."""
    fraction, bias, largest, infinite = _FORMATS[dtype]
    values = host.astype(np.float64)
    size = np.abs(values)
    with np.errstate(all="ignore"):
        exponent = np.maximum(np.floor(np.log2(np.where(size > 0, size, 1.0))), 1 - bias)
        step = np.exp2(exponent - fraction)
        result = np.round(size / step) * step
    beyond = largest if saturate else np.inf if infinite else np.nan
    result = np.where(np.isnan(size), np.nan, np.where((result > largest) | np.isinf(size), beyond, result))
    result = np.copysign(result, values)
    return np.where(result == 0, 0.0, result).astype(np.float32) if dtype.endswith("uz") else result.astype(np.float32)
