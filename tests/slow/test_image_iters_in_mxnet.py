"""Iterators over records with images give what MXNet 1.9.1's give where nothing is drawn: images, labels, pad and what the next epoch begins with."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import mixnet as mx

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import oracle  # noqa: E402

# MXNet may end with a segmentation fault once an iterator was used: the process leaves before its destructors.
PROGRAM = """
import json, os, sys
import numpy as np
import mxnet as mx

found = {}
for i, (name, options, epochs) in enumerate(json.load(open(sys.argv[1]))):
    it = getattr(mx.io, name)(verbose=False, **options)
    for epoch in range(epochs):
        for k, batch in enumerate(it):
            found[f"{i} {epoch} {k} data"] = batch.data[0].asnumpy()
            found[f"{i} {epoch} {k} label"] = batch.label[0].asnumpy()
            found[f"{i} {epoch} {k} pad"] = np.array(batch.pad)
        it.reset()
np.savez(sys.argv[2], **found)
os._exit(0)
"""
COUNT = 10


def picture(i, height, width):
    """Smooth, so that two ways of decoding differ little, with edges."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [128 + 80 * np.sin(x / (7 + i + c)) * np.cos(y / (9 + c)) for c in range(3)]
    pixels = np.stack(waves, axis=2)
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (255, 40, 90)
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    for name, extension in (("lossless", ".png"), ("lossy", ".jpg")):
        with mx.recordio.MXIndexedRecordIO(str(folder / f"{name}.idx"), str(folder / f"{name}.rec"), "w") as writer:
            for i in range(COUNT):
                pixels = picture(i, 60 + 3 * i, 100 - 4 * i)
                header = mx.recordio.IRHeader(0, float(i), 100 + i, 0)
                writer.write_idx(i, mx.recordio.pack_img(header, pixels, quality=95, img_fmt=extension))
    with mx.recordio.MXRecordIO(str(folder / "boxes.rec"), "w") as writer:
        for i in range(COUNT):
            boxes = [[k, 0.1 * k, 0.2, 0.1 * k + 0.3, 0.6 + 0.01 * i] for k in range(1 + i % 3)]
            header = mx.recordio.IRHeader(0, np.array([2, 5, *sum(boxes, [])], np.float32), i, 0)
            writer.write(mx.recordio.pack_img(header, picture(i, 60, 80), img_fmt=".png"))
    (folder / "a.lst").write_text("".join(f"{100 + i}\t{i * 2}\t{i * 3}\tx.jpg\n" for i in range(COUNT)))
    return folder


def cases_of(folder):
    def images(epochs=1, name="lossless", shape=(3, 40, 40), kind="ImageRecordIter", **options):
        return (kind, {"path_imgrec": str(folder / f"{name}.rec"), "data_shape": shape, "batch_size": 4, **options}, epochs)

    def boxes(**options):
        return images(name="boxes", kind="ImageDetRecordIter", **options)

    index, listed = str(folder / "lossless.idx"), str(folder / "a.lst")
    normal = {"mean_r": 120, "mean_g": 110.5, "mean_b": 90, "std_r": 60, "std_g": 50, "std_b": 40, "scale": 0.5}
    return {
        "order": images(epochs=4),
        "index": images(epochs=2, path_imgidx=index),
        "list": images(path_imglist=listed, label_width=2),
        "shares": images(epochs=2, path_imgidx=index, num_parts=2, part_index=1, batch_size=5),
        "batch of three": images(epochs=4, batch_size=3),
        "grey": images(shape=(1, 40, 40)),
        "jpeg": images(name="lossy"),
        "jpeg resized": images(name="lossy", resize=50),
        "resize": images(resize=50),
        "resize up": images(resize=120),
        "resize area": images(resize=45, inter_method=3),
        "resize cubic": images(resize=50, inter_method=2),
        "not square": images(shape=(3, 30, 52)),
        # Where both sides are too small MXNet resizes twice.
        "too small": images(shape=(3, 80, 60)),
        "pad": images(pad=5, fill_value=10),
        "normal": images(**normal),
        "mirror": images(mirror=True, **normal),
        "uint8": images(dtype="uint8", kind="ImageRecordIter"),
        "int8": images(kind="ImageRecordInt8Iter"),
        "uint8 iterator": images(kind="ImageRecordUInt8Iter"),
        "boxes": boxes(epochs=2),
        "boxes padded": boxes(label_pad_width=30, label_pad_value=-2),
        "boxes normal": boxes(mean_r=100, mean_g=50, mean_b=20, std_r=2, std_g=3, std_b=4, scale=0.5),
        "boxes mirrored": boxes(rand_mirror_prob=1),
        "boxes fitted": boxes(resize_mode="fit", shape=(3, 70, 50)),
        "boxes shrunk": boxes(resize_mode="shrink", shape=(3, 70, 50)),
    }


@pytest.fixture(scope="module")
def theirs(files):
    cases = files / "cases.json"
    cases.write_text(json.dumps(list(cases_of(files).values())))
    command, environment = oracle.command()
    subprocess.run([*command, "-c", PROGRAM, str(cases), str(files / "theirs.npz")], env=environment, check=True, timeout=300)
    return np.load(files / "theirs.npz")


CASES = list(cases_of(pathlib.Path()))


@pytest.mark.parametrize("case", CASES)
def test_same_batches(files, theirs, case):
    kind, options, epochs = cases_of(files)[case]
    number = CASES.index(case)
    iterator = getattr(mx.io, kind)(**options)
    # A step of the 8 bits that images have, in what is made of them; JPEG's decoders may differ by one more.
    unit = options.get("scale", 1) / min(options.get(f"std_{c}", 1) for c in "rgb")
    tolerance = unit * (2.01 if "jpeg" in case else 1.01)
    batches = 0
    for epoch in range(epochs):
        for k, batch in enumerate(iterator):
            place = f"{number} {epoch} {k}"
            np.testing.assert_array_equal(batch.label[0].asnumpy(), theirs[f"{place} label"], err_msg=place)
            # MXNet may tell the padding of an earlier batch where a batch has none.
            assert batch.pad in (0, theirs[f"{place} pad"])
            ours, expected = batch.data[0].asnumpy(), theirs[f"{place} data"]
            assert ours.shape == expected.shape and ours.dtype == expected.dtype
            difference = np.abs(ours.astype(np.float64) - expected.astype(np.float64))
            assert difference.max() <= tolerance, (place, difference.max())
            batches += 1
        iterator.reset()
    assert batches == sum(name.startswith(f"{number} ") and name.endswith("pad") for name in theirs.files)
