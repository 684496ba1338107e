"""Writes tests/data/images: small JPEG and PNG files of many kinds, and beside each what MXNet 1.9.1 decodes it to, as plain PNG.

Run where mxnet 1.9.1, OpenCV 4.7 or later and Pillow 10.2 or later are installed: python tools/golden/images.py
"""

import io
import pathlib
import struct
import zlib

import cv2
import mxnet as mx
import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "images"
HEIGHT, WIDTH = 53, 75
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # first x, y, step x, y


def picture():
    """Slopes, an edge and some noise, so that neighbours differ in all channels."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.RandomState(8).randint(0, 30, (HEIGHT, WIDTH, 3))
    slopes = np.stack([x * 3, y * 4, (x + 2 * y) % 200], 2)
    return np.clip(np.where((x > y)[:, :, None], slopes, 230 - slopes) + noise, 0, 255).astype(np.uint8)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(array, colour, depth=8, extra=(), interlaced=False):
    """A PNG file of the bytes of an array (height, width, bytes of a pixel)."""
    height, width = array.shape[:2]
    passes = [array[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [array]
    raw = b"".join(b"\0" + row.tobytes() for part in passes for row in part if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunk(*e) for e in extra) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85, **options)
    return file.getvalue()


def sampled(array, name, *options):
    factor = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{name}")
    return cv2.imencode(".jpg", array[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor, *options])[1].tobytes()


def files():
    array = picture()
    image = Image.fromarray(array)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("411", "420", "422", "440", "444"):
        yield f"{name}.jpg", sampled(array, name)
        yield f"{name}_progressive.jpg", sampled(array, name, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    yield "restart.jpg", sampled(array, "420", cv2.IMWRITE_JPEG_RST_INTERVAL, 3)
    yield "grey.jpg", jpeg(image.convert("L"))
    yield "rgb.jpg", jpeg(image, keep_rgb=True)
    yield "cmyk.jpg", jpeg(image.convert("CMYK"))
    yield "exif.jpg", jpeg(image, exif=exif)
    alpha = array[:, :, 1:2]
    index = (array[:, :, :1] // 16).astype(np.uint8)
    colours = (b"PLTE", bytes(range(5, 53)))
    wide = np.stack([array, 255 - array], 3).reshape(HEIGHT, WIDTH, 6)
    yield "grey.png", png(array[:, :, :1], 0)
    yield (
        "bits.png",
        png(np.packbits(array[:, :, 0] > 100, axis=1)[:, :, None], 0, 1).replace(
            chunk(b"IHDR", struct.pack(">IIBBBBB", (WIDTH + 7) // 8, HEIGHT, 1, 0, 0, 0, 0)),
            chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 1, 0, 0, 0, 0)),
        ),
    )
    yield "rgb.png", png(array, 2)
    yield "rgb_key.png", png(array, 2, extra=[(b"tRNS", struct.pack(">HHH", *map(int, array[3, 4])))])
    yield "rgb16.png", png(wide, 2, 16)
    yield "palette.png", png(index, 3, extra=[colours])
    yield "palette_alpha.png", png(index, 3, extra=[colours, (b"tRNS", bytes(range(0, 160, 16)))])
    yield "grey_alpha.png", png(np.concatenate([array[:, :, :1], alpha], 2), 4)
    yield "rgb_alpha.png", png(np.concatenate([array, alpha], 2), 6)
    yield "interlaced.png", png(array, 2, interlaced=True)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, data in files():
        (FOLDER / name).write_bytes(data)
        colour, grey = (mx.image.imdecode(data, flag=flag).asnumpy() for flag in (1, 0))
        both = np.concatenate([colour, grey], 2)
        # The expected pixels: red, green and blue, and the grey ones as the fourth channel.
        if name.endswith("_progressive.jpg"):  # other scans of the same coefficients
            before = FOLDER / f"{name.replace('_progressive', '')}.expected.png"
            assert (cv2.imread(str(before), -1) == both[:, :, [2, 1, 0, 3]]).all(), name
            continue
        assert cv2.imwrite(str(FOLDER / f"{name}.expected.png"), both[:, :, [2, 1, 0, 3]], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
