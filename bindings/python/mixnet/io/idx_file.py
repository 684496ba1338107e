"""Reading idx files (the format of MNIST): unsigned bytes in up to three dimensions, plain or compressed by gzip.

Layout: u16 0, u8 element type (0x08), u8 number of axes, each axis as big-endian u32, then the bytes.
"""

import gzip
import struct
import zlib

import numpy as np

from ..base import MXNetError


def read_idx(path, ndim):
    """Array of uint8 with `ndim` axes from `path`.

    Raises MXNetError with one line where the file is missing, cut short, too long or of another kind.
    """
    content = _read_bytes(path)
    header = 4 + 4 * ndim
    if len(content) < header:
        raise MXNetError(f"[MNISTIter {path}] header: expected {header} bytes, got {len(content)}")
    zero, kind, axes = struct.unpack_from(">HBB", content)
    if (zero, kind, axes) != (0, 8, ndim):
        found = content[:4].hex()
        raise MXNetError(f"[MNISTIter {path}] magic: expected 0000080{ndim}, got {found}")
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    size = 1
    for axis in shape:
        size *= axis
    if len(content) - header != size:
        raise MXNetError(f"[MNISTIter {path}] values: expected {size} bytes for shape {shape}, got {len(content) - header}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _read_bytes(path):
    try:
        with open(path, "rb") as file:
            content = file.read()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise MXNetError(f"[MNISTIter {path}] gzip: expected an intact file, got {error}") from None
        raise MXNetError(f"[MNISTIter {path}] file: expected a readable file, got {error.strerror}") from None
    except (EOFError, zlib.error) as error:
        raise MXNetError(f"[MNISTIter {path}] gzip: expected an intact file, got {error}") from None
