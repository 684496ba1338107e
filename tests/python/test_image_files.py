"""Operators on image files, and image records: what MXNet 1.9.1 gives, and errors."""

import contextlib
import os
import pathlib
import subprocess
import sys

import mixnet as mx
import numpy as np
import pytest
from mixnet import recordio

IMAGES = pathlib.Path(__file__).resolve().parents[1] / "data" / "images"
HEADER = recordio.IRHeader(0, 3.0, 7, 0)


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Failures that a test looked at are told once more by the wait for all."""
    yield
    with contextlib.suppress(mx.MXNetError):
        mx.waitall()


def file_of(name):
    return mx.nd.array(np.frombuffer((IMAGES / name).read_bytes(), np.uint8), dtype=np.uint8)


def expected(name):
    """(colour, grey) as MXNet decoded them."""
    pixels = mx.nd._cvimdecode(file_of(f"{name}.expected.png"), flag=-1).asnumpy()
    return pixels[:, :, :3].astype(int), pixels[:, :, 3:].astype(int)


def test_imdecode():
    for name in ("420.jpg", "cmyk.jpg", "palette_alpha.png", "rgb16.png", "exif.jpg"):
        colour, grey = expected(name)
        close = 1 if name.endswith("jpg") else 0
        image = mx.nd._cvimdecode(file_of(name))
        assert image.dtype == np.uint8 and np.abs(image.asnumpy() - colour).max() <= close, name
        assert (mx.nd._cvimdecode(file_of(name), to_rgb=False).asnumpy() == image.asnumpy()[:, :, ::-1]).all()
        assert np.abs(mx.nd._cvimdecode(file_of(name), flag=0).asnumpy() - grey).max() <= close, name
    turned = mx.nd._cvimdecode(file_of("exif.jpg"), orient=True)
    assert (turned.asnumpy() == np.rot90(mx.nd._cvimdecode(file_of("exif.jpg")).asnumpy(), -1)).all()
    assert mx.nd._cvimdecode(file_of("rgb_alpha.png"), flag=-1).shape == (53, 75, 4)


def test_imread(tmp_path):
    name = str(IMAGES / "422.jpg")
    assert (mx.nd._cvimread(filename=name).asnumpy() == mx.nd._cvimdecode(file_of("422.jpg")).asnumpy()).all()
    with pytest.raises(mx.MXNetError, match="expected a file, got /dev/zero"):
        mx.nd._cvimread(filename="/dev/zero").asnumpy()
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(mx.MXNetError, match="text.jpg: .image. expected a JPEG or PNG file"):
        mx.nd._cvimread(filename=str(tmp_path / "text.jpg")).wait_to_read()


def test_broken_files_are_errors():
    data = (IMAGES / "420.jpg").read_bytes()
    for broken in (data[:-40], b"x", data[:2]):
        with pytest.raises(mx.MXNetError, match="image"):
            mx.nd._cvimdecode(mx.nd.array(np.frombuffer(broken, np.uint8), dtype=np.uint8)).asnumpy()
    with pytest.raises(mx.MXNetError, match="uint8"):
        mx.nd._cvimdecode(mx.nd.zeros((10,)))


def test_imresize():
    image = mx.nd._cvimdecode(file_of("rgb.png"))
    for interp in (0, 1, 2, 3, 4, 9):
        small = mx.nd._cvimresize(image, w=25, h=18, interp=interp)
        assert small.shape == (18, 25, 3) and small.dtype == np.uint8
        assert abs(small.asnumpy().astype(float).mean() - image.asnumpy().astype(float).mean()) < 8
        for dtype, close in ((np.float32, 1.01), (np.float16, 1.5)):
            number = mx.nd._cvimresize(image.astype(dtype), w=25, h=18, interp=interp).asnumpy()
            assert number.dtype == dtype and np.abs(np.clip(number.astype(float), 0, 255) - small.asnumpy()).max() <= close, interp
    assert (mx.nd._cvimresize(image, w=75, h=53).asnumpy() == image.asnumpy()).all()
    assert mx.nd._cvimresize(mx.nd.ones((2, 3, 7)), w=5, h=4).asnumpy().tolist() == np.ones((4, 5, 7)).tolist()
    with pytest.raises(mx.MXNetError, match="interp"):
        mx.nd._cvimresize(image, w=3, h=3, interp=7)


# From _cvcopyMakeBorder of MXNet 1.9.1, on one row: type and what it gives with 2 columns to the left and 5 to the right.
BORDERS = {
    0: [9, 9, 1, 2, 3, 9, 9, 9, 9, 9],
    1: [1, 1, 1, 2, 3, 3, 3, 3, 3, 3],
    2: [2, 1, 1, 2, 3, 3, 2, 1, 1, 2],
    3: [2, 3, 1, 2, 3, 1, 2, 3, 1, 2],
    4: [3, 2, 1, 2, 3, 2, 1, 2, 3, 2],
}


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int32])
def test_copy_make_border(dtype):
    row = mx.nd.array(np.array([1, 2, 3]).reshape(1, 3, 1), dtype=dtype)
    for kind, values in BORDERS.items():
        for image, axes in ((row, (0, 0, 2, 5)), (row.transpose((1, 0, 2)), (2, 5, 0, 0))):
            top, bot, left, right = axes
            out = mx.nd._cvcopyMakeBorder(image, top=top, bot=bot, left=left, right=right, type=kind, value=9)
            assert out.dtype == dtype and out.asnumpy().reshape(-1).tolist() == values, kind


def test_copy_make_border_values():
    image = mx.nd.ones((1, 1, 3), dtype=np.uint8)
    for values, pixel in (((7, 8, 9, 10), [7, 8, 9]), ((7,), [7, 0, 0]), ((300, -2, 2.6), [255, 0, 3])):
        out = mx.nd._cvcopyMakeBorder(image, top=0, bot=1, left=0, right=0, value=5, values=values).asnumpy()
        assert out[1, 0].tolist() == pixel and out[0, 0].tolist() == [1, 1, 1]
    with pytest.raises(mx.MXNetError, match="values"):
        mx.nd._cvcopyMakeBorder(image, top=0, bot=1, left=0, right=0, values=(1, 2, 3, 4, 5))


def test_nd_imdecode():
    data, pixels = (IMAGES / "rgb.png").read_bytes(), expected("rgb.png")[0].transpose(2, 0, 1)
    assert (mx.nd.imdecode(data).asnumpy() == pixels).all()
    out, mean = mx.nd.zeros((2, 3, 4, 5)), mx.nd.full((3, 4, 5), 2)
    mx.nd.imdecode(data, clip_rect=(1, 2, 6, 6), out=out, index=1, mean=mean)
    assert (out.asnumpy()[1] == pixels[:, 2:6, 1:6] - 2).all() and not out.asnumpy()[0].any()
    assert mx.nd.imdecode(data, channels=1).shape == (1, 53, 75)
    with pytest.raises(mx.MXNetError, match="mean: expected"):
        mx.nd.imdecode(data, mean=mean).asnumpy()


def picture():
    y, x = np.mgrid[:20, :30]
    return np.stack([x * 8, y * 12, x + y], 2).astype(np.uint8)


def test_pack_img_png_keeps_every_pixel():
    rng = np.random.RandomState(0)
    for shape in ((5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)):
        image = rng.randint(0, 256, shape).astype(np.uint8)
        header, again = recordio.unpack_img(recordio.pack_img(HEADER, image, quality=9, img_fmt=".PNG"))
        assert header == HEADER and again.dtype == np.uint8
        assert (again == image.reshape(again.shape)).all() and again.shape == (shape[:2] if shape[2:] in ((), (1,)) else shape)


def test_pack_img_is_blue_first():
    """As OpenCV's arrays: the file's first channel is the array's last one."""
    _, file = recordio.unpack(recordio.pack_img(HEADER, picture(), img_fmt=".png"))
    pixels = mx.nd._cvimdecode(mx.nd.array(np.frombuffer(file, np.uint8), dtype=np.uint8)).asnumpy()
    assert (pixels == picture()[:, :, ::-1]).all()


def test_pack_img_jpeg():
    label = recordio.IRHeader(0, [1, 2, 3], 5, 0)
    sizes = []
    for quality in (20, 95):
        packed = recordio.pack_img(label, mx.nd.array(picture(), dtype=np.uint8), quality=quality, img_fmt=".jpeg")
        header, image = recordio.unpack_img(packed)
        assert header.flag == 3 and header.label.tolist() == [1, 2, 3]
        assert image.shape == (20, 30, 3)
        sizes.append(len(packed))
    assert sizes[0] < sizes[1] and np.abs(image.astype(int) - picture()).mean() < 4
    alpha = np.concatenate([picture(), picture()[:, :, :1]], 2)
    assert recordio.unpack_img(recordio.pack_img(HEADER, alpha))[1].shape == (20, 30, 3)
    assert recordio.unpack_img(packed, 0)[1].shape == (20, 30)
    assert recordio.unpack_img(recordio.pack_img(HEADER, picture()[:, :, 0]), 1)[1].shape == (20, 30, 3)


def test_unpack_img_turns_colour_and_grey_as_opencv():
    packed = recordio.pack(HEADER, (IMAGES / "exif.jpg").read_bytes())
    assert [recordio.unpack_img(packed, iscolor)[1].shape for iscolor in (-1, 0, 1)] == [(53, 75, 3), (75, 53), (75, 53, 3)]


def test_image_records_that_are_none():
    with pytest.raises(mx.MXNetError, match="expected a JPEG or PNG file"):
        recordio.unpack_img(recordio.pack(HEADER, b"not an image"))
    with pytest.raises(mx.MXNetError, match="no bytes|no_empty|empty|expected"):
        recordio.unpack_img(recordio.pack(HEADER, b""))
    with pytest.raises(mx.MXNetError, match="iscolor"):
        recordio.unpack_img(recordio.pack_img(HEADER, picture()), 4)
    for image, options, match in (
        (picture().astype(np.float32), {}, "float32"),
        (picture()[0, 0], {}, "expected .height"),
        (picture(), {"img_fmt": ".bmp"}, "ext: expected"),
        (picture()[:, :, :2], {}, "channels"),
        (picture()[:0], {}, "sides"),
    ):
        with pytest.raises(mx.MXNetError, match=match):
            recordio.pack_img(HEADER, image, **options)


def test_without_codecs_headers_and_errors_remain(tmp_path):
    text = "import mixnet as mx\ntry:\n    mx.nd._cvimencode(mx.nd.zeros((2, 2, 1), dtype='uint8')).asnumpy()\n"
    text += "except mx.MXNetError as error:\n    print(error.code, error)\n"
    environment = {**os.environ, "MIXNET_CODEC_PLUGIN": str(tmp_path / "none.so")}
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, env=environment)
    assert result.stdout.startswith("-8 [image] cannot open the codecs of JPEG and PNG"), result
    assert "none.so" in result.stdout and "libjpeg62-turbo-dev and libpng-dev" in result.stdout
