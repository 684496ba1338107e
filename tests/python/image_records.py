"""Small images for tests of iterators: PNG files, so that what is read is what was written."""

import struct
import zlib

import numpy as np


def png(pixels):
    """A PNG file of height x width x 3 bytes."""
    height, width, _ = pixels.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def picture(i, height=8, width=8):
    return np.random.RandomState(i).randint(0, 256, (height, width, 3)).astype(np.uint8)
