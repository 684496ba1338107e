"""Files to pixels, pixels to other sizes: thin calls of the library's operators.

Images are NDArrays of uint8, (height, width, channels), red first. Decoding waits for nothing but itself: it runs in the calling thread without
Python's lock, so that threads decode side by side.
"""

import os
import random

import numpy as np

from .. import ndarray as nd
from ..base import MXNetError
from ..ndarray import gen_op
from . import resize_float

BILINEAR, BICUBIC, AREA = 1, 2, 3
AUTOMATIC, ANY = 9, 10
BORDER_ISOLATED = 16  # of OpenCV; for a whole image the same as a border of values


def imdecode(buf, flag=1, to_rgb=1, out=None):
    """Pixels of a JPEG or PNG file in memory.

    Parameters
    ----------
    buf : bytes, bytearray, memoryview, or array of uint8
    flag : 1 for three channels, 0 for one (grey), -1 for those of the file
    to_rgb : true for red first, false for blue first
    out : NDArray or None
        Where to put the pixels.

    Raises MXNetError for bytes that are no image, or a broken one.
    """
    return _decoded(_bytes_array(buf), flag, to_rgb, out)


def _decoded(data, flag, to_rgb, out, name=""):
    # Quiet: what a file has wrong is raised here, once, and not again by waitall.
    image = gen_op._cvimdecode(data, flag=flag, to_rgb=bool(to_rgb), quiet=True)
    if image.ndim == 1:
        raise MXNetError(name + image.asnumpy().tobytes().decode(errors="replace"))
    if out is None:
        return image
    if out.shape != image.shape:
        raise MXNetError(f"[imdecode] out: expected shape {image.shape}, got {out.shape}")
    return image.copyto(out)


def _bytes_array(buf):
    if isinstance(buf, nd.NDArray):
        return buf
    if isinstance(buf, str) or not hasattr(buf, "__len__"):
        raise ValueError(f"[imdecode] buf: expected bytes or an array of uint8, got {type(buf).__name__}")
    values = buf.astype(np.uint8, copy=False).ravel() if isinstance(buf, np.ndarray) else np.frombuffer(buf, np.uint8)
    if not values.size:
        raise MXNetError("[imdecode] buf: expected an image, got no bytes")
    return nd.array(values, dtype="uint8")


def imread(filename, flag=1, to_rgb=True, out=None):
    """Pixels of a JPEG or PNG file; arguments as in :func:`imdecode`. Raises MXNetError for a file that cannot be read, too."""
    try:
        with open(filename, "rb") as file:
            data = file.read()
    except OSError as error:
        raise MXNetError(f"[imread] {os.fspath(filename)}: {error.strerror}") from error
    return _decoded(_bytes_array(data), flag, to_rgb, out, f"[imread] {os.fspath(filename)}: ")


def imresize(src, w, h, interp=1, out=None):
    """`src` (uint8, or float32 and float64) resized to `w` columns and `h` rows.

    `interp`: 0 nearest, 1 bilinear, 2 bicubic, 3 area, 4 Lanczos, 9 what suits (area to smaller sizes, bicubic to larger ones, bilinear otherwise),
    10 any of the first five at random.
    """
    interp = interpolation(interp, src.shape[:2], (h, w))
    if src.dtype not in (np.float32, np.float64):
        return gen_op._cvimresize(src, w=int(w), h=int(h), interp=interp, out=out)
    if src.ndim != 3 or not src.size or w < 1 or h < 1:
        raise MXNetError(f"[imresize] src, w, h: expected pixels (height, width, channels) and sides of at least 1, got {src.shape}, {w}, {h}")
    result = resize_float.resize(src.asnumpy(), int(h), int(w), interp)
    if out is None:
        return nd.array(result, dtype=result.dtype)
    out[:] = result
    return out


def interpolation(interp, old, new):
    """The number of a method for `interp`, given (height, width) before and after."""
    if interp == ANY:
        return random.randint(0, 4)
    if interp != AUTOMATIC:
        if interp not in range(5):
            raise ValueError(f"[imresize] interp: expected 0 to 4, 9 or 10, got {interp}")
        return interp
    if new[0] > old[0] and new[1] > old[1]:
        return BICUBIC
    return AREA if new[0] < old[0] and new[1] < old[1] else BILINEAR


def copyMakeBorder(src, top, bot, left, right, type=0, value=0.0, values=(), out=None):  # noqa: A002, N802 - MXNet's names
    """`src` with rows and columns around it: of `values` (one per channel; or `value` for all) for type 0 and 16, else as OpenCV numbers them: 1 repeats the
    edge, 2 mirrors with the edge, 3 wraps around, 4 mirrors without the edge.
    """
    kind = 0 if type == BORDER_ISOLATED else type
    return gen_op._cvcopyMakeBorder(src, top=top, bot=bot, left=left, right=right, type=kind, value=value, values=tuple(values), out=out)
