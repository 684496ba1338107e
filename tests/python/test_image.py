"""mx.image: crops, colours and augmenters by what must hold of them, and errors. tests/python/test_image_golden.py compares with MXNet."""

import json
import pathlib
import random

import numpy as np
import pytest

import mixnet as mx
from mixnet.image.chain import apply_all
from mixnet.image.color_map import ColorMap

im = mx.image
FILES = pathlib.Path(__file__).resolve().parents[1] / "data" / "images"


def noise(height=20, width=30, channels=3, dtype="uint8", seed=0):
    return mx.nd.array(np.random.RandomState(seed).randint(0, 256, (height, width, channels)), dtype=dtype)


# ---- files ----------------------------------------------------------------------------------------------------------


def of_numpy(data):
    return np.frombuffer(data, np.uint8)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, of_numpy, lambda b: mx.nd.array(of_numpy(b), dtype=np.uint8)])
def test_imdecode_takes_buffers(kind):
    data = (FILES / "420.jpg").read_bytes()
    image = im.imdecode(kind(data))
    assert image.shape == (53, 75, 3) and image.dtype == np.uint8
    assert (image.asnumpy() == im.imread(FILES / "420.jpg").asnumpy()).all()


def test_imdecode_flags():
    data = (FILES / "rgb.png").read_bytes()
    red_first = im.imdecode(data).asnumpy()
    assert (im.imdecode(data, to_rgb=0).asnumpy() == red_first[:, :, ::-1]).all()
    assert im.imdecode(data, flag=0).shape == (53, 75, 1)
    out = mx.nd.zeros((53, 75, 3), dtype="uint8")
    assert im.imdecode(data, out=out) is out
    assert (out.asnumpy() == red_first).all()


@pytest.mark.parametrize("data, error", [(b"not an image", mx.MXNetError), (b"", mx.MXNetError), ("text", ValueError), (5, ValueError)])
def test_imdecode_refuses(data, error):
    with pytest.raises(error, match=r"\[im"):
        im.imdecode(data)


def test_imdecode_refuses_a_part_of_a_file():
    with pytest.raises(mx.MXNetError):
        im.imdecode((FILES / "420.jpg").read_bytes()[:900])


def test_what_was_raised_is_not_raised_again():
    with pytest.raises(mx.MXNetError, match="expected a JPEG or PNG file"):
        im.imdecode(b"not an image")
    mx.nd.waitall()


def test_imread_refuses_a_missing_file():
    with pytest.raises(mx.MXNetError, match="nowhere"):
        im.imread("/nowhere.jpg")


# ---- sizes and places -----------------------------------------------------------------------------------------------


def test_scale_down_keeps_the_aspect():
    assert im.scale_down((640, 480), (720, 120)) == (640, 106)
    assert im.scale_down((640, 480), (64, 48)) == (64, 48)


def test_resize_short():
    assert im.resize_short(noise(20, 30), 10).shape == (10, 15, 3)
    assert im.resize_short(noise(30, 20), 40).shape == (60, 40, 3)
    with pytest.raises(ValueError, match=r"interp: expected 0 to 4, 9 or 10, got 7"):
        im.resize_short(noise(), 10, interp=7)


@pytest.mark.parametrize("place", [(-1, 0, 3, 3), (30, 0, 3, 3), (0, 20, 3, 3), (0, 0, 0, 3), (0, 0, 3, -1)])
def test_fixed_crop_refuses_what_is_outside(place):
    with pytest.raises(mx.MXNetError, match="fixed_crop"):
        im.fixed_crop(noise(), *place)


def test_crops_are_pieces():
    src = noise()
    for crop in (im.random_crop, im.center_crop):
        piece, (x, y, w, h) = crop(src, (7, 5))
        assert (w, h) == (7, 5)
        assert (piece.asnumpy() == src.asnumpy()[y : y + h, x : x + w]).all()


def test_random_crops_reach_every_place():
    src, corners = noise(6, 7), set()
    for _ in range(300):
        corners.add(im.random_crop(src, (5, 5))[1][:2])
    assert corners == {(x, y) for x in range(3) for y in range(2)}


def test_random_size_crop_keeps_its_limits():
    src, areas = noise(40, 60), []
    for _ in range(200):
        image, (x, y, w, h) = im.random_size_crop(src, (8, 9), (0.2, 0.5), (0.5, 2.0), 0)
        assert image.shape == (9, 8, 3) and x + w <= 60 and y + h <= 40
        areas.append(w * h / 2400)
        assert 0.45 < w / h < 2.2
    assert 0.18 < min(areas) < 0.25 and 0.45 < max(areas) < 0.52
    with pytest.raises(TypeError, match="'ratios'"):
        im.random_size_crop(src, (8, 9), 0.2, (0.5, 2.0), ratios=3)


def test_border():
    src = noise(4, 5)
    framed = im.copyMakeBorder(src, 1, 2, 3, 4, values=(7, 8, 9)).asnumpy()
    assert framed.shape == (7, 12, 3) and (framed[0, 0] == (7, 8, 9)).all()
    assert (framed[1:5, 3:8] == src.asnumpy()).all()


# ---- turning --------------------------------------------------------------------------------------------------------


def test_a_quarter_turn_is_a_transposition():
    src = mx.nd.array(np.random.rand(3, 9, 9).astype("float32"))
    assert np.allclose(im.imrotate(src, 90).asnumpy(), np.rot90(src.asnumpy(), 1, (1, 2)), atol=1e-4)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ((noise(), 3), TypeError),
        ((mx.nd.zeros((3, 4)), 3), ValueError),
        ((mx.nd.zeros((3, 4, 4)), mx.nd.array([3, 4])), TypeError),
        ((mx.nd.zeros((2, 3, 4, 4)), mx.nd.array([3])), ValueError),
        ((mx.nd.zeros((3, 4, 4)), 3, True, True), ValueError),
    ],
)
def test_imrotate_refuses(arguments, error):
    with pytest.raises(error, match="imrotate"):
        im.imrotate(*arguments)


# ---- colours --------------------------------------------------------------------------------------------------------

MAKERS = {
    "brightness": lambda: im.BrightnessJitterAug(0.4),
    "contrast": lambda: im.ContrastJitterAug(0.4),
    "saturation": lambda: im.SaturationJitterAug(0.4),
    "hue": lambda: im.HueJitterAug(0.2),
    "lighting": lambda: im.LightingAug(0.1, np.array([55.0, 4.8, 1.1]), np.eye(3)),
    "gray": lambda: im.RandomGrayAug(0.5),
    "normalize": lambda: im.ColorNormalizeAug(mx.nd.array([120, 110, 100]), np.array([50.0, 60, 70])),
    "jitter": lambda: im.ColorJitterAug(0.1, 0.2, 0.3),
}


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_is_one_after_the_other(seed):
    """One map for all colours gives what every augmenter gives on its own, with the same draws."""
    results = []
    for is_chain in (False, True):
        random.seed(seed)
        np.random.seed(seed)
        augmenters = [im.RandomCropAug((9, 8)), im.HorizontalFlipAug(0.5), im.CastAug(), im.SequentialAug([make() for make in MAKERS.values()])]
        augmenters += [im.HorizontalFlipAug(0.5), im.RandomOrderAug([MAKERS["contrast"](), MAKERS["hue"]()])]
        image = noise()
        if is_chain:
            image = apply_all(augmenters, image)
            assert isinstance(image, ColorMap)
            image = image.apply()
        else:
            for aug in augmenters:
                image = aug(image)
        results.append((image.asnumpy(), random.random()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4, atol=1e-3)
    assert results[0][1] == results[1][1]


def test_flips_in_a_chain():
    """Folded into the map behind them, or made before what is none."""
    flip, pixels = im.HorizontalFlipAug(1), noise().asnumpy()
    for augmenters, turned in (([flip], True), ([flip, flip], False), ([flip, im.CastAug(), flip], False), ([flip, im.CastAug(), flip, flip], True)):
        found = apply_all([*augmenters, im.ColorNormalizeAug(mx.nd.array([1]), None)], noise()).apply().asnumpy()
        assert (found == (pixels[:, ::-1] if turned else pixels).astype(np.float32) - 1).all()
        plain = apply_all(augmenters[:1], noise())
        assert plain.dtype == np.uint8 and (plain.asnumpy() == pixels[:, ::-1]).all()
        crop = apply_all([*augmenters[:1], im.CenterCropAug((4, 3))], noise())
        assert (crop.asnumpy() == im.center_crop(mx.nd.array(pixels[:, ::-1], dtype="uint8"), (4, 3))[0].asnumpy()).all()


def test_a_chain_calls_what_was_overridden():
    class Twice(im.BrightnessJitterAug):
        def __call__(self, src):
            return src * 2

    found = apply_all([im.CastAug(), Twice(0.5), im.ColorNormalizeAug(mx.nd.array([1]), None)], noise())
    assert (found.apply().asnumpy() == noise().asnumpy().astype(np.float32) * 2 - 1).all()


@pytest.mark.parametrize("name", MAKERS)
def test_colours_of_other_images(name):
    aug = MAKERS[name]()
    assert aug(noise(dtype="uint8")).dtype == np.float32
    assert aug(noise(dtype="float64")).dtype == np.float64
    gray = aug(noise(channels=1, dtype="float32"))
    assert gray.shape == (20, 30, 1) and np.isfinite(gray.asnumpy()).all()
    with pytest.raises(mx.MXNetError, match="image colours"):
        aug(mx.nd.zeros((4, 5)))


def test_distributions():
    src = mx.nd.ones((1, 1, 3)) * 100
    factors = [im.BrightnessJitterAug(0.4)(src).asnumpy()[0, 0, 0] / 100 for _ in range(300)]
    assert 0.6 <= min(factors) < 0.65 and 1.35 < max(factors) <= 1.4
    image = mx.nd.array([[[10.0, 20, 30]]])
    gray = [float(np.ptp(im.RandomGrayAug(0.3)(image).asnumpy())) < 1e-3 for _ in range(300)]
    assert 60 < sum(gray) < 125
    shifts = np.array([im.LightingAug(0.1, np.array([50.0, 5, 1]), np.eye(3))(src).asnumpy()[0, 0] - 100 for _ in range(300)])
    assert np.allclose(shifts.std(0), [5, 0.5, 0.1], rtol=0.2)


def test_normalising_by_an_image():
    src, mean = noise(4, 5, dtype="float32"), noise(4, 5, dtype="float32", seed=1)
    assert np.allclose(im.ColorNormalizeAug(mean, mx.nd.array([2]))(src).asnumpy(), (src.asnumpy() - mean.asnumpy()) / 2)


# ---- lists ----------------------------------------------------------------------------------------------------------


def test_create_augmenter_refuses():
    with pytest.raises(ValueError, match="rand_resize"):
        im.CreateAugmenter((3, 8, 8), rand_resize=True)
    with pytest.raises(ValueError, match=r"mean: expected True, None or 3 numbers, got shape \(2,\)"):
        im.CreateAugmenter((3, 8, 8), mean=[1, 2])


def test_augmenters_are_described():
    class Mine(im.Augmenter):
        pass

    aug = Mine(values=mx.nd.array([1, 2]), one=np.float32(2))
    assert json.loads(aug.dumps()) == ["mine", {"values": [1.0, 2.0], "one": 2.0}]
    with pytest.raises(NotImplementedError, match="Mine"):
        aug(noise())


def test_names_of_mxnet():
    assert mx.img is mx.image and im.det is im.detection and im.det.ImageDetIter is im.ImageDetIter
    for name in im.__all__:
        assert getattr(im, name).__doc__, name


# ---- detection ------------------------------------------------------------------------------------------------------

BOXES = np.array([[1, 0.1, 0.2, 0.45, 0.6], [0, 0.5, 0.4, 0.9, 0.95]], dtype=np.float32)


def test_flips_of_boxes_undo_each_other():
    flip = im.DetHorizontalFlipAug(1)
    image, boxes = flip(*flip(noise(), BOXES.copy()))
    assert (image.asnumpy() == noise().asnumpy()).all() and np.allclose(boxes, BOXES)


@pytest.mark.parametrize("seed", range(3))
def test_boxes_stay_on_their_pixels(seed):
    """A bright rectangle is found in its box after crops and canvases."""
    random.seed(seed)
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[20:40, 20:60] = 255
    label = np.array([[4, 0.25, 1 / 3, 0.75, 2 / 3]], np.float32)
    for _ in range(10):
        image, boxes = mx.nd.array(pixels, dtype="uint8"), label.copy()
        for aug in (im.DetRandomPadAug(pad_val=(9, 9, 9)), im.DetRandomCropAug(min_object_covered=0.5), im.DetHorizontalFlipAug(0.5)):
            image, boxes = aug(image, boxes)
        found = image.asnumpy()[:, :, 0] == 255
        height, width = found.shape
        rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
        place = [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]
        assert np.allclose(boxes[0, 1:5], place, atol=1e-4)


def test_impossible_windows_are_off():
    with pytest.warns(UserWarning, match="DetRandomCropAug. is off"):
        crop = im.DetRandomCropAug(area_range=(0.5, 0.2))
    assert not crop.enabled
    image, boxes = crop(noise(), BOXES)
    assert image.shape == (20, 30, 3) and boxes is BOXES


def test_detection_augmenters_refuse():
    with pytest.raises(TypeError, match="DetBorrowAug"):
        im.DetBorrowAug(3)
    with pytest.raises(ValueError, match="DetRandomSelectAug"):
        im.DetRandomSelectAug([im.CastAug()])
    with pytest.raises(ValueError, match="min_object_covered: expected 1 or 3 values, got 2"):
        im.CreateMultiRandCropAugmenter([0.1, 0.2], max_attempts=[1, 2, 3])
