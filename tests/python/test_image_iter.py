"""ImageIter and ImageDetIter: what is in which batch, faults, shares, the end of an epoch. tests/python/test_image_golden.py compares with MXNet."""

import collections
import os
import pathlib
import random
import threading

import numpy as np
import pytest

import mixnet as mx
from mixnet import recordio

im = mx.image
FILES = pathlib.Path(__file__).resolve().parents[1] / "data" / "images"
NAMES = ("rgb.png", "420.jpg", "444.jpg", "grey.jpg", "interlaced.png", "422.jpg", "440.jpg", "palette.png", "411.jpg", "restart.jpg")
SHAPE = (3, 8, 9)


def write(folder, payloads, labels=None):
    """A record file with index of `payloads`, labelled by their numbers; the arguments that open it."""
    paths = {"path_imgrec": str(folder / "a.rec"), "path_imgidx": str(folder / "a.idx")}
    with recordio.MXIndexedRecordIO(paths["path_imgidx"], paths["path_imgrec"], "w") as file:
        for key, data in enumerate(payloads):
            file.write_idx(key, recordio.pack(recordio.IRHeader(0, labels[key] if labels else float(key), key, 0), data))
    return paths


def decoders():
    return {thread for thread in threading.enumerate() if thread.name.startswith("image-decode")}


def payloads():
    return [(FILES / name).read_bytes() for name in NAMES]


@pytest.fixture
def records(tmp_path):
    return write(tmp_path, payloads())


def labels(it):
    """Labels of an epoch without padding, batch by batch."""
    found = [batch.label[0].asnumpy()[: it.batch_size - batch.pad].tolist() for batch in it]
    it.reset()
    return found


def pixels(it):
    return np.concatenate([batch.data[0].asnumpy() for batch in it])


# ---- batches --------------------------------------------------------------------------------------------------------


def test_what_it_promises(records):
    it = im.ImageIter(4, SHAPE, data_name="x", label_name="y", **records)
    assert it.provide_data == [("x", (4, *SHAPE))] and it.provide_label == [("y", (4,))]
    batch = next(it)
    assert batch.data[0].shape == (4, *SHAPE) and batch.data[0].dtype == np.float32 and batch.label[0].shape == (4,)
    assert batch.provide_data == it.provide_data


def test_pixels_are_those_of_the_files(records):
    found = pixels(im.ImageIter(5, (3, 53, 75), **records))
    for name, image in zip(NAMES, found):
        assert (image.transpose(1, 2, 0) == im.imread(FILES / name).asnumpy()).all()


@pytest.mark.parametrize("handle, first, second", [("pad", [4, 4, 2], [4, 4, 2]), ("discard", [4, 4], [4, 4]), ("roll_over", [4, 4], [4, 4, 4])])
def test_the_last_batch(records, handle, first, second):
    it = im.ImageIter(4, SHAPE, last_batch_handle=handle, **records)
    assert [len(batch) for batch in labels(it)] == first
    found = labels(it)
    assert [len(batch) for batch in found] == second
    assert found[0] == ([8, 9, 0, 1] if handle == "roll_over" else [0, 1, 2, 3])
    it.hard_reset()
    assert labels(it)[0] == [0, 1, 2, 3]


def test_padding_goes_around(records):
    batch = next(im.ImageIter(23, SHAPE, **records))
    assert batch.pad == 13 and batch.label[0].asnumpy().tolist() == [i % 10 for i in range(23)]


def test_the_end_stays_the_end(records):
    it = im.ImageIter(4, SHAPE, **records)
    list(it)
    for _ in range(3):
        with pytest.raises(StopIteration):
            it.next()


def test_shuffle_follows_the_seed(records):
    random.seed(3)
    it = im.ImageIter(5, SHAPE, shuffle=True, **records)
    epochs = [sum(labels(it), []) for _ in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs) and epochs[0] != epochs[1]
    random.seed(3)
    assert sum(labels(im.ImageIter(5, SHAPE, shuffle=True, **records)), []) == epochs[0]


def test_threads_change_nothing(records):
    found = []
    for threads in (0, 1, 2, 5):
        random.seed(1)
        it = im.ImageIter(3, SHAPE, shuffle=True, decode_threads=threads, rand_crop=True, rand_mirror=True, brightness=0.2, hue=0.1, **records)
        found.append(np.concatenate([pixels(it), (it.reset(), pixels(it))[1]]))
    assert all((other == found[0]).all() for other in found[1:])


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 13])
@pytest.mark.parametrize("index", [False, True])
def test_shares_are_the_file(records, parts, index):
    paths = records if index else {"path_imgrec": records["path_imgrec"]}
    found = [label for part in range(parts) for batch in labels(im.ImageIter(2, SHAPE, num_parts=parts, part_index=part, **paths)) for label in batch]
    assert collections.Counter(found) == collections.Counter(range(10))


def test_lists(tmp_path, records):
    items = [[float(i), name] for i, name in enumerate(NAMES)]
    plain = pixels(im.ImageIter(5, SHAPE, **records))
    (tmp_path / "a.lst").write_text("".join(f"{i}\t{i + 0.5}\t{name}\n" for i, name in enumerate(NAMES)))
    assert (pixels(im.ImageIter(5, SHAPE, imglist=items, path_root=FILES)) == plain).all()
    it = im.ImageIter(5, SHAPE, path_imglist=str(tmp_path / "a.lst"), path_root=str(FILES))
    assert sum(labels(it), []) == [i + 0.5 for i in range(10)]
    (tmp_path / "b.lst").write_text("7\t1.5\tnone\n2\t2.5\tnone\n")
    assert labels(im.ImageIter(2, SHAPE, path_imglist=str(tmp_path / "b.lst"), **records)) == [[1.5, 2.5]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_wide_labels(tmp_path, dtype):
    paths = write(tmp_path, payloads(), [[i, i + 2, i * 3] for i in range(10)])
    label = next(im.ImageIter(4, SHAPE, label_width=3, dtype=dtype, **paths)).label[0]
    assert label.dtype == np.dtype(dtype) and label.asnumpy().tolist() == [[i, i + 2, i * 3] for i in range(4)]
    with pytest.raises(mx.MXNetError, match=r"label of example 0: expected 2 numbers \(label_width\), got 3"):
        next(im.ImageIter(4, SHAPE, label_width=2, **paths))


def test_subclasses_are_asked(records):
    calls = collections.Counter()

    class Mine(im.ImageIter):
        def imdecode(self, s):
            calls["decode", threading.current_thread()] += 1
            return super().imdecode(s)

        def augmentation_transform(self, data):
            return super().augmentation_transform(data) * 0 + 3

        def postprocess_data(self, datum):
            return super().postprocess_data(datum) + 1

    assert (next(Mine(4, SHAPE, **records)).data[0].asnumpy() == 4).all()
    assert list(calls) == [("decode", threading.current_thread())]


def test_a_module_learns_from_it(tmp_path):
    """Bright pictures from dark ones, through the iterators that wrap others."""
    pictures = [mx.nd.array(np.random.RandomState(i).randint(0, 128, (12, 12, 3)) + 127 * (i % 2), dtype="uint8") for i in range(16)]
    files = [mx.nd._cvimencode(picture, ext=".png").asnumpy().tobytes() for picture in pictures]
    it = im.ImageIter(4, SHAPE, shuffle=True, rand_crop=True, mean=True, std=True, **write(tmp_path, files, [float(i % 2) for i in range(16)]))
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2), name="softmax")
    module = mx.mod.Module(net)
    module.fit(mx.io.PrefetchingIter(it), num_epoch=4, optimizer_params={"learning_rate": 0.01})
    it.reset()
    assert dict(module.score(mx.io.ResizeIter(it, 3), "acc"))["accuracy"] == 1


# ---- faults ---------------------------------------------------------------------------------------------------------


def damaged(tmp_path):
    """Of ten records, 2 is empty, 4 no image, 6 cut off."""
    data = payloads()
    data[2], data[4], data[6] = b"", b"hello world", data[6][:500]
    return write(tmp_path, data)


@pytest.mark.parametrize("index", [False, True])
def test_faults_raise_one_by_one(tmp_path, index):
    paths = damaged(tmp_path)
    it = im.ImageIter(4, SHAPE, **(paths if index else {"path_imgrec": paths["path_imgrec"]}))
    found, faults = [], []
    while True:
        try:
            found += it.next().label[0].asnumpy().tolist()
        except StopIteration:
            break
        except mx.MXNetError as error:
            faults.append(str(error)[: str(error).index(":")])
    assert faults == [f"[ImageIter] example {i}" for i in (2, 4, 6)]
    assert found == [0, 1, 3, 5, 7, 8, 9, 0]


def test_faults_are_skipped_and_counted(tmp_path):
    it = im.ImageIter(4, SHAPE, on_fault="skip", **damaged(tmp_path))
    assert labels(it) == [[0, 1, 3, 5], [7, 8, 9]]
    report = it.report
    assert (report["examples"], report["skipped"]) == (7, 3) and [text[:21] for text in report["faults"]] == [f"[ImageIter] example {i}" for i in (2, 4, 6)]
    assert labels(it) == [[0, 1, 3, 5], [7, 8, 9]] and it.report["skipped"] == 6


def test_a_file_that_is_missing(tmp_path):
    items = [[1, "420.jpg"], [2, "missing.jpg"], [3, "444.jpg"]]
    with pytest.raises(mx.MXNetError, match=r"example 2 \(missing.jpg\)"):
        next(im.ImageIter(2, SHAPE, imglist=items, path_root=FILES))
    assert labels(im.ImageIter(2, SHAPE, imglist=items, path_root=FILES, on_fault="skip")) == [[1, 3]]


def test_nothing_but_faults(tmp_path):
    it = im.ImageIter(2, SHAPE, on_fault="skip", **write(tmp_path, [b"x"] * 5))
    assert labels(it) == [] and it.report["skipped"] == 5


def test_a_file_cut_off(tmp_path):
    paths = write(tmp_path, payloads())
    size = os.path.getsize(paths["path_imgrec"])
    os.truncate(paths["path_imgrec"], size - 100)
    it = im.ImageIter(3, SHAPE, path_imgrec=paths["path_imgrec"], on_fault="skip")
    assert sum(labels(it), []) == list(range(9)) and it.report["skipped"] == 1


def test_augmenters_that_give_another_shape(records):
    with pytest.raises(mx.MXNetError, match=r"example 0: expected the augmenters to give \(3, 8, 9\), got \(3, 5, 6\)"):
        next(im.ImageIter(2, SHAPE, aug_list=[im.CenterCropAug((6, 5))], **records))


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({}, ValueError, "path_imgrec, path_imglist or imglist"),
        ({"imglist": [], "data_shape": (1, 4, 4)}, ValueError, "data_shape"),
        ({"imglist": [], "dtype": "uint8"}, ValueError, "dtype"),
        ({"imglist": [], "last_batch_handle": "keep"}, ValueError, "last_batch_handle"),
        ({"imglist": [], "on_fault": "ignore"}, ValueError, "on_fault"),
        ({"imglist": [], "label_width": 0}, ValueError, "label_width"),
        ({"imglist": [], "batch_size": 0}, ValueError, "batch_size"),
        ({"imglist": [], "decode_threads": -1}, ValueError, "decode_threads"),
        ({"imglist": [], "num_parts": 2, "part_index": 2}, mx.MXNetError, "part_index: expected 0 to 1"),
        ({"imglist": [[1]]}, mx.MXNetError, "imglist"),
        ({"imglist": [], "colour": 3}, TypeError, "colour"),
        ({"path_imgrec": "/nowhere.rec"}, mx.MXNetError, "nowhere"),
    ],
)
def test_wrong_arguments(options, error, text):
    with pytest.raises(error, match=text):
        im.ImageIter(**{"batch_size": 2, "data_shape": SHAPE, **options})


def test_shuffling_needs_an_index(records):
    with pytest.raises(ValueError, match="shuffle: expected path_imgidx"):
        im.ImageIter(2, SHAPE, path_imgrec=records["path_imgrec"], shuffle=True)


def test_closing_in_the_middle(records):
    before = decoders()
    for _ in range(5):
        it = im.ImageIter(2, SHAPE, decode_threads=3, **records)
        it.next()
        it.reset()
        it.next()
        it.close()
        with pytest.raises(StopIteration):
            it.next()
        it.close()
    assert decoders() <= before


# ---- detection ------------------------------------------------------------------------------------------------------


def flat(count, width=5, header=2):
    boxes = [[k, 0.1, 0.1, 0.5 + 0.1 * k, 0.6] + [7] * (width - 5) for k in range(count)]
    return [header, width] + [9] * (header - 2) + sum(boxes, [])


@pytest.mark.parametrize("width, header", [(5, 2), (6, 4)])
def test_boxes(tmp_path, width, header):
    it = im.ImageDetIter(4, SHAPE, **write(tmp_path, payloads(), [flat(1 + i % 3, width, header) for i in range(10)]))
    assert it.label_shape == (3, width) and it.provide_label == [("label", (4, 3, width))]
    label = next(it).label[0].asnumpy()
    assert [(row[:, 0] >= 0).sum() for row in label] == [1, 2, 3, 1]
    assert np.allclose(label[1, 1], [1, 0.1, 0.1, 0.6, 0.6] + [7] * (width - 5)) and (label[0, 1:] == -1).all()


@pytest.mark.parametrize("bad", [[2, 5, 1], [2, 4, 0, 0, 0, 1, 1, 1], [2, 5, 0, 0.5, 0.5, 0.4, 0.6], [9, 5, 0, 0, 0, 1, 1], [2, 5, 0, 0, 0, 1, 1, 1]])
def test_boxes_of_another_form(tmp_path, bad):
    paths = write(tmp_path, payloads(), [flat(1), bad] + [flat(2)] * 8)
    with pytest.raises(mx.MXNetError, match="example 1: .*label: expected"):
        im.ImageDetIter(4, SHAPE, **paths)
    it = im.ImageDetIter(4, SHAPE, on_fault="skip", **paths)
    assert sum(len(batch) for batch in labels(it)) == 9 and it.report["skipped"] == 1


def test_boxes_of_several_widths(tmp_path):
    with pytest.raises(mx.MXNetError, match=r"one width, got \[5, 6\]"):
        im.ImageDetIter(4, SHAPE, **write(tmp_path, payloads(), [flat(1, 5 + i % 2) for i in range(10)]))


def test_images_without_boxes_are_left_out(tmp_path):
    class Drop(im.DetAugmenter):
        def __call__(self, src, label):
            return src, label[:0] if len(label) == 2 else label

    it = im.ImageDetIter(4, SHAPE, aug_list=[*im.CreateDetAugmenter(SHAPE), Drop()], **write(tmp_path, payloads(), [flat(1 + i % 2) for i in range(10)]))
    assert [len(batch) for batch in labels(it)] == [4, 1] and it.report["skipped"] == 0


def test_reshape_and_sync(tmp_path):
    paths = write(tmp_path, payloads(), [flat(1 + i % 3) for i in range(10)])
    one, two = im.ImageDetIter(4, SHAPE, **paths), im.ImageDetIter(2, SHAPE, **paths)
    one.reshape(label_shape=(7, 5))
    assert one.sync_label_shape(two) is two and two.label_shape == (7, 5)
    assert two.next().label[0].shape == (2, 7, 5)
    for shape in ((2, 5), (7, 6), (7,), (7, 4)):
        with pytest.raises(ValueError, match="label_shape"):
            one.reshape(label_shape=shape)
    with pytest.raises(ValueError, match="data_shape"):
        one.reshape(data_shape=(1, 8, 8))
    with pytest.raises(TypeError, match="sync_label_shape"):
        one.sync_label_shape(3)


def test_drawing(tmp_path):
    paths = write(tmp_path, payloads(), [flat(1)] * 10)
    it = im.ImageDetIter(4, (3, 40, 50), mean=True, std=True, **paths)
    pictures = list(it.draw_next(color=(255, 0, 0), thickness=1, mean=True, std=True))
    assert len(pictures) == 10 and pictures[0].shape == (40, 50, 3) and pictures[0].dtype == np.uint8
    red = (pictures[0] == (255, 0, 0)).all(2)
    assert red[4, 5:26].all() and red[24, 5:26].all() and red[4:25, 5].all() and red[4:25, 25].all() and not red[6:20, 8:20].all()
    it.reset()
    plain = next(it).data[0].asnumpy()[0].transpose(1, 2, 0) * [58.395, 57.12, 57.375] + [123.68, 116.28, 103.53]
    assert np.abs(plain[30:] - pictures[0][30:]).max() < 1.01
