"""ImageDetRecordIter through Python: labels with boxes, their room in a batch, and boxes that go where the pixels go."""

import numpy as np
import pytest
from image_records import png

import mixnet as mx

HEIGHT, WIDTH = 60, 80


def boxed(i):
    """A dark image with one bright rectangle, and where that is: left, top, right, bottom as shares."""
    rng = np.random.RandomState(i)
    left, top = rng.randint(0, WIDTH // 2), rng.randint(0, HEIGHT // 2)
    right, bottom = left + rng.randint(16, WIDTH // 2), top + rng.randint(16, HEIGHT // 2)
    pixels = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    pixels[top:bottom, left:right] = 230
    return pixels, [left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT]


def write(folder, count, boxes=lambda i: 1):
    """Image i has its box boxes(i) times, of classes 0, 1, ..."""
    path = str(folder / "boxes.rec")
    with mx.recordio.MXRecordIO(path, "w") as writer:
        for i in range(count):
            pixels, box = boxed(i)
            labels = [2, 5, *(value for k in range(boxes(i)) for value in [k, *box])]
            writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, np.array(labels, np.float32), i, 0), png(pixels)))
    return path


def make(path, **params):
    params = {"data_shape": (3, HEIGHT, WIDTH), "batch_size": 4, **params}
    return mx.io.ImageDetRecordIter(path_imgrec=path, **params)


def test_labels(tmp_path):
    iterator = make(write(tmp_path, 6, boxes=lambda i: 1 + i % 3))
    # The widest has 2 + 3 * 5 labels; before them are the extents and their number.
    assert iterator.provide_label[0].shape == (4, 21)
    batch = iterator.next()
    label = batch.label[0].asnumpy()
    for i in range(4):
        count = 2 + 5 * (1 + i % 3)
        assert label[i, :6].tolist() == [3, HEIGHT, WIDTH, count, 2, 5]
        np.testing.assert_allclose(label[i, 7:11], boxed(i)[1], rtol=1e-6)
        assert (label[i, 4 + count :] == -1).all()
    np.testing.assert_array_equal(batch.data[0].asnumpy()[2], boxed(2)[0].transpose(2, 0, 1))
    assert batch.index.tolist() == [0, 1, 2, 3]


def test_room_for_labels(tmp_path):
    path = write(tmp_path, 4)
    iterator = make(path, label_pad_width=20, label_pad_value=-7)
    label = iterator.next().label[0].asnumpy()
    assert label.shape == (4, 24)
    assert (label[:, 11:] == -7).all()
    with pytest.raises(mx.MXNetError, match=r"expected at most 5 labels \(label_pad_width\), got 7"):
        make(path, label_pad_width=5, on_fault="raise").next()


def test_labels_of_another_form(tmp_path):
    path = str(tmp_path / "a.rec")
    with mx.recordio.MXRecordIO(path, "w") as writer:
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, 1.0, 0, 0), png(boxed(0)[0])))
    with pytest.raises(mx.MXNetError, match="expected records with at least 7 labels, got 1"):
        make(path)
    with pytest.raises(mx.MXNetError, match="expected at least 7 labels, got 1"):
        make(path, label_pad_width=20).next()


@pytest.mark.parametrize(
    "params",
    [
        {"rand_mirror_prob": 1},
        {"rand_pad_prob": 1, "max_pad_scale": 3, "fill_value": 20},
        {"rand_crop_prob": 1, "min_crop_scales": (0.3,), "max_crop_scales": (0.9,), "min_crop_object_coverages": (0.7,)},
    ],
)
def test_boxes_go_where_the_pixels_go(tmp_path, params):
    iterator = make(write(tmp_path, 40), data_shape=(3, 120, 160), seed=5, **params)
    checked = moved = 0
    for batch in iterator:
        for image, label, number in zip(batch.data[0].asnumpy(), batch.label[0].asnumpy(), batch.index):
            if label[3] < 7:
                continue
            rows, columns = np.where(image[0] > 125)
            if not len(rows):
                continue
            seen = [columns.min() / 160, rows.min() / 120, (columns.max() + 1) / 160, (rows.max() + 1) / 120]
            np.testing.assert_allclose(label[7:11].clip(0, 1), seen, atol=0.03)
            checked += 1
            moved += np.abs(np.array(seen) - boxed(int(number))[1]).max() > 0.03
    assert checked >= 30
    assert moved >= 20


def test_same_on_any_number_of_threads(tmp_path):
    path = write(tmp_path, 20, boxes=lambda i: 1 + i % 3)
    seen = []
    for threads in (1, 3):
        iterator = make(
            path, preprocess_threads=threads, shuffle=True, seed=2, rand_mirror_prob=0.5, rand_crop_prob=0.5, random_hue_prob=0.5, max_random_hue=20
        )
        seen.append([(batch.data[0].asnumpy(), batch.label[0].asnumpy()) for batch in iterator])
    for (data, label), (other_data, other_label) in zip(*seen):
        np.testing.assert_array_equal(data, other_data)
        np.testing.assert_array_equal(label, other_label)
