"""Writes tests/data/mx_image with MXNet 1.9.1: what mx.image makes of pictures drawn here, and what its random functions draw. Run by make.py; the
same cases run on mixnet in tests/python/test_image_golden.py.

Every group of ALL, given mx, gives functions by name; each gives a list of arrays, or of numbers, and is called after the seeds were set.
"""

import pathlib
import random
import sys

import numpy as np


def picture(height, width, channels=3, phase=0.0):
    """A smooth picture with edges, 0 to 255."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.float64)
    value = 90 * np.sin(x / 5 + c + phase) + 80 * np.cos(y / 7 - c * 2) + 40 * ((x // 9 + y // 6) % 2)
    return np.clip(value + 110, 0, 255).astype(np.uint8)


PICTURES = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "images"
BOXES = np.array([[1, 0.1, 0.2, 0.45, 0.6], [0, 0.5, 0.4, 0.9, 0.95], [2, 0.02, 0.03, 0.2, 0.15]], dtype=np.float32)
SIZES = ((20, 12), (40, 30), (33, 31), (24, 50))  # (width, height)


def places(mx):
    """Crops: their places and, at the sizes they have, their pixels."""
    im, src = mx.image, mx.nd.array(picture(26, 38), dtype="uint8")
    yield "scale_down", lambda: [im.scale_down(a, b) for a in ((640, 480), (33, 77)) for b in ((720, 120), (7, 1000), (900, 900), (5, 6))]
    yield "fixed_crop", lambda: [im.fixed_crop(src, 3, 5, 20, 11), im.fixed_crop(src, 30, 20, 20, 20)]
    yield "center_crop", lambda: [*im.center_crop(src, (20, 12)), im.center_crop(src, (31, 33))[0]]
    yield "random_crop", lambda: [value for _ in range(5) for value in im.random_crop(src, (21, 13))]


def sizes(mx):
    """Images of other sizes."""
    im, src = mx.image, mx.nd.array(picture(26, 38), dtype="uint8")
    tall = mx.nd.array(picture(51, 34, phase=1), dtype="uint8")
    for interp in range(5):
        yield f"imresize{interp}", lambda interp=interp: [im.imresize(src, *size, interp=interp) for size in SIZES]
    real = src.astype("float32") * 1.5 - 20
    for interp in range(5):
        yield f"imresize_float{interp}", lambda interp=interp: [im.imresize(real, *size, interp=interp) for size in SIZES]
    yield "resize_short", lambda: [im.resize_short(image, side, interp) for image in (src, tall) for side in (17, 70) for interp in (1, 2, 9)]
    yield "resize_any", lambda: [im.resize_short(src, 30, 10) for _ in range(4)]
    yield "crop_resized", lambda: [im.fixed_crop(src, 3, 5, 20, 11, (30, 30)), im.center_crop(src, (80, 60), 9)[0]]
    yield "random_size_crop", lambda: [v for _ in range(5) for v in im.random_size_crop(src, (20, 20), (0.1, 0.8), (0.7, 1.4))]
    yield "random_size_crop_none", lambda: [*im.random_size_crop(src, (20, 20), (1.5, 1.8), (0.7, 1.4))]
    for kind in (0, 1, 2, 3, 4):
        yield f"border{kind}", lambda kind=kind: [im.copyMakeBorder(src, 3, 2, 5, 1, type=kind, values=(1, 2, 3)[: 3 if kind == 0 else 0])]


def colors(mx):
    """Augmenters of colours, on float32."""
    im, src = mx.image, mx.nd.array(picture(9, 12), dtype="float32")
    mean, std = mx.nd.array([120, 110, 100]), mx.nd.array([50, 60, 70])
    makers = {
        "brightness": lambda: im.BrightnessJitterAug(0.4),
        "contrast": lambda: im.ContrastJitterAug(0.4),
        "saturation": lambda: im.SaturationJitterAug(0.4),
        "hue": lambda: im.HueJitterAug(0.4),
        "jitter": lambda: im.ColorJitterAug(0.3, 0.4, 0.5),
        "lighting": lambda: im.LightingAug(0.1, np.array([55.46, 4.794, 1.148]), np.array([[-0.57, 0.72, 0.4], [-0.58, 0, -0.81], [-0.58, -0.69, 0.42]])),
        "gray": lambda: im.RandomGrayAug(0.5),
        "normalize": lambda: im.ColorNormalizeAug(mean, std),
        "normalize_std": lambda: im.ColorNormalizeAug(None, std),
        "flip": lambda: im.HorizontalFlipAug(0.5),
        "order": lambda: im.RandomOrderAug([im.BrightnessJitterAug(0.4), im.HueJitterAug(0.2), im.CastAug()]),
    }
    for name, make in makers.items():
        yield name, lambda make=make: [aug(src.copy()) for aug in [make()] for _ in range(4)]
    yield "color_normalize", lambda: [im.color_normalize(src.copy(), mean), im.color_normalize(src.copy(), mean, std)]


def turns(mx):
    im, src = mx.image, mx.nd.array(picture(12, 17).transpose(2, 0, 1), dtype="float32")
    batch = mx.nd.stack(src, src * 0.5, src + 3)
    yield "imrotate", lambda: [im.imrotate(src, angle) for angle in (0, 30, -75, 90, 200)]
    yield "imrotate_zoom", lambda: [im.imrotate(src, angle, *zoom) for angle in (10, 100, -30) for zoom in ((True, False), (False, True))]
    yield "imrotate_batch", lambda: [im.imrotate(batch, 20), im.imrotate(batch, mx.nd.array([5, 50, -120]))]
    yield "random_rotate", lambda: [im.random_rotate(src, (-30, 60)), im.random_rotate(batch, (-30, 60))]


def lists(mx):
    """Whole lists of augmenters."""
    im, src = mx.image, mx.nd.array(picture(26, 38), dtype="uint8")
    everything = dict(brightness=0.2, contrast=0.3, saturation=0.3, hue=0.1, pca_noise=0.1, rand_gray=0.3, mean=True, std=True, rand_mirror=True)

    def run(augmenters, image):
        for aug in augmenters:
            image = aug(image)
        return image

    for name, options in {"plain": {}, "crop": {"rand_crop": True}, "crop_resize": {"rand_crop": True, "rand_resize": True, "resize": 30}}.items():
        yield f"create_{name}", lambda o=options: [run(augs, src) for augs in [im.CreateAugmenter((3, 24, 20), **everything, **o)] for _ in range(4)]


def detection(mx):
    im, src = mx.image, mx.nd.array(picture(26, 38), dtype="uint8")
    makers = {
        "flip": lambda: im.DetHorizontalFlipAug(0.5),
        "crop": lambda: im.DetRandomCropAug(),
        "crop_strict": lambda: im.DetRandomCropAug(0.7, (0.5, 2.0), (0.1, 0.6), 0.5, 20),
        "pad": lambda: im.DetRandomPadAug(),
        "pad_wide": lambda: im.DetRandomPadAug((0.4, 2.5), (1.5, 6.0), 50, (1, 2, 3)),
        "select": lambda: im.CreateMultiRandCropAugmenter([0.1, 0.5, 0.9], area_range=[(0.1, 1.0), (0.3, 0.9), (0.5, 0.8)], skip_prob=0.3),
    }
    for name, make in makers.items():
        yield f"det_{name}", lambda make=make: [v for aug in [make()] for _ in range(8) for v in aug(src, BOXES.copy())]

    def run(augmenters):
        image, boxes = src, BOXES.copy()
        for aug in augmenters:
            image, boxes = aug(image, boxes)
        return image, boxes

    options = dict(rand_crop=0.7, rand_pad=0.6, rand_mirror=True, rand_gray=0.2, mean=True, std=True, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)
    yield "create_det", lambda: [v for augs in [im.CreateDetAugmenter((3, 20, 24), **options)] for _ in range(6) for v in run(augs)]


FILES = ("rgb", "interlaced", "palette", "rgb_key", "rgb_alpha", "palette_alpha", "grey", "bits", "rgb16", "grey_alpha")


def boxes_label(number):
    """A flat label of 1 to 3 boxes, with 6 numbers each."""
    label = [3, 6, 9]
    for k in range(1 + number % 3):
        label += [k, 0.1 + 0.05 * k, 0.1, 0.5 + 0.04 * k, 0.6 + 0.03 * number, 7]
    return label


def iterators(mx):
    """Epochs of iterators: data, labels."""
    im = mx.image
    plain = [[i, f"{name}.png"] for i, name in enumerate(FILES)]
    boxes = [[boxes_label(i), f"{name}.png"] for i, name in enumerate(FILES)]
    colors = dict(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.2, pca_noise=0.1, rand_gray=0.3)

    def epochs(kind, **options):
        it = kind(4, (3, 12, 14), path_root=str(PICTURES), **options)
        for _ in range(2):
            for batch in it:
                yield from (batch.data[0], batch.label[0])
            it.reset()

    options = {
        "pad": dict(imglist=plain),
        "shuffle": dict(imglist=plain, shuffle=True, last_batch_handle="discard", rand_crop=True, rand_mirror=True),
        "roll_over": dict(imglist=plain, shuffle=True, last_batch_handle="roll_over"),
        "colors": dict(imglist=plain, shuffle=True, mean=True, std=True, **colors),
        "part": dict(imglist=plain, num_parts=2, part_index=1),
        "two": dict(imglist=[[[i, i + 0.5], name] for i, name in plain], label_width=2),
    }
    for name, given in options.items():
        yield f"iter_{name}", lambda given=given: list(epochs(im.ImageIter, **given))
    yield "iter_boxes", lambda: list(epochs(im.ImageDetIter, imglist=boxes))
    yield "iter_boxes_shuffle", lambda: list(epochs(im.ImageDetIter, imglist=boxes, shuffle=True, rand_crop=0.7, rand_pad=0.7, rand_mirror=True))


def dumps(mx):
    """Text of augmenters."""
    im = mx.image
    everything = dict(brightness=0.2, contrast=0.3, saturation=0.3, hue=0.1, pca_noise=0.1, rand_gray=0.3, mean=True, std=True, rand_mirror=True)
    return [
        [aug.dumps() for aug in im.CreateAugmenter((3, 20, 20), resize=30, rand_crop=True, rand_resize=True, inter_method=10, **everything)],
        [aug.dumps() for aug in im.CreateAugmenter((3, 20, 20))],
        [aug.dumps() for aug in im.CreateDetAugmenter((3, 20, 20), resize=30, rand_crop=0.5, rand_pad=0.5, min_object_covered=[0.1, 0.5], **everything)],
        im.SequentialAug([im.CastAug("uint8"), im.ForceResizeAug((3, 4))]).dumps(),
    ]


def results(mx, groups):
    """Arrays by name of case and number; a case that fails is its error."""
    found = {}
    for group in groups:
        for name, run in group(mx):
            random.seed(7)
            np.random.seed(7)
            values = [value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value) for value in run()]
            found.update({f"{name}/{i}": value for i, value in enumerate(values)})
    return found


ALL = (places, sizes, colors, turns, lists, detection, iterators)


def main(folder):
    import json

    import mxnet

    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "mxnet.npz", **results(mxnet, ALL))
    (folder / "dumps.json").write_text(json.dumps(dumps(mxnet), indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
