"""Windows and Fourier transforms; the transforms are products with matrices of sines in float64."""

import numpy as np

from ..builder import checked_size
from ..dtypes import NAMES, numpy_type
from ..errors import OnnxError
from ..table import operator
from .shape import padded, part

_WINDOWS = {"HannWindow": (0.5, 0.5, 0.0), "HammingWindow": (25 / 46, 21 / 46, 0.0), "BlackmanWindow": (0.42, 0.5, 0.08)}


@operator(*_WINDOWS)
def window(n, size):
    """A sum of cosines."""
    count = int(size.item("the size"))
    checked_size((count,))
    angle = 2 * np.pi * np.arange(count) / (count if n.int("periodic", 1) else max(count - 1, 1))
    first, second, third = _WINDOWS[n.op]
    dtype = NAMES[n.int("output_datatype", 1)]
    return n.b.constant((first - second * np.cos(angle) + third * np.cos(2 * angle)).astype(numpy_type(dtype)), dtype)


def transform(b, x, axis, count, inverse=False, onesided=False):
    """The discrete Fourier transform of an axis; real or complex numbers stand in the last axis."""
    kind, length = x.dtype, x.full_shape()[axis]
    x = x.cast("float64")
    if count < length:
        x = part(b, x, axis, 0, count)
    elif count > length:
        x = padded(b, x, {axis: (0, count - length)}, b.scalar(0, x))
    bins = count // 2 + 1 if onesided else count
    checked_size((bins, count))
    angle = 2 * np.pi * (np.outer(np.arange(count), np.arange(bins)) % max(count, 1)) / max(count, 1)
    cosine, sine = b.constant(np.cos(angle)), b.constant(np.sin(angle) * (-1 if inverse else 1))
    order = [i for i in range(x.ndim - 1) if i != axis] + [axis]
    back = [order.index(i) for i in range(x.ndim - 1)]
    real, *imaginary = (x.slice(x.ndim - 1, i, i + 1).reshape(x.shape[:-1]).transpose(order) for i in range(x.shape[-1]))
    parts = [b.matmul(real, cosine), -b.matmul(real, sine)]
    if imaginary:
        parts = [parts[0] + b.matmul(imaginary[0], sine), parts[1] + b.matmul(imaginary[0], cosine)]
    if inverse:
        parts = [p / float(count) for p in parts]
    return b.stack([p.transpose(back) for p in parts], x.ndim - 1).cast(kind)


@operator("DFT", since=17)
def dft(n, x, length=None, axis=None):
    """The axis is an attribute before opset 20, an input since."""
    axis = x.axis(n.int("axis", 1)) if n.opset < 20 else x.axis(-2 if axis is None else int(axis.item("the axis")))
    if axis == x.ndim - 1 or x.shape[-1] not in (1, 2):
        raise OnnxError(f"input: expected real or complex numbers in the last axis, got shape {x.shape}")
    count = x.full_shape()[axis] if length is None else int(length.item("the length"))
    return transform(n.b, x, axis, count, n.int("inverse", 0), n.int("onesided", 0))


@operator("STFT", since=17)
def stft(n, x, step, window=None, length=None):
    """Transforms of frames of a signal."""
    step = int(step.item("frame_step"))
    count = int(length.item("frame_length")) if length is not None else window.full_shape()[0]
    if step < 1 or not 0 < count <= x.full_shape()[1]:
        raise OnnxError(f"frames of {count} in steps of {step} do not fit {x.shape[1]} samples")
    frames = (x.shape[1] - count) // step + 1
    checked_size((frames, count))
    places = (np.arange(frames)[:, None] * step + np.arange(count)[None, :]).ravel()
    signal = x.take(places, 1).reshape(x.shape[0], frames, count, x.ndim == 3 and x.shape[2] or 1)
    if window is not None:
        signal = signal * window.reshape(-1, 1)
    return transform(n.b, signal, 2, count, False, n.int("onesided", 1))


@operator("MelWeightMatrix", since=17)
def mel_weights(n, bands, length, rate, lowest, highest):
    """Triangles on the mel scale: (bins of a spectrum, bands)."""
    count, samples, rate = (int(v.item("an input")) for v in (bands, length, rate))
    bins = samples // 2 + 1
    checked_size((bins, count))
    low, high = (2595 * np.log10(1 + v.item("an input") / 700) for v in (lowest, highest))
    points = 700 * (10 ** ((np.arange(count + 2) * ((high - low) / (count + 2)) + low) / 2595) - 1)
    edges = ((samples + 1) * points // rate).astype(np.int64)
    row = np.arange(bins)[:, None]
    start, middle, end = edges[:-2][None], edges[1:-1][None], edges[2:][None]
    with np.errstate(all="ignore"):
        rising = np.where((row >= start) & (row <= middle), (row - start) / (middle - start), 0)
        falling = np.where((row >= middle) & (row < end), (end - row) / (end - middle), 0)
    table = np.where(row < middle, rising, falling)
    table = np.where(row == middle, 1.0, table)
    dtype = NAMES[n.int("output_datatype", 1)]
    return n.b.constant(np.nan_to_num(table).astype(numpy_type(dtype)), dtype)
