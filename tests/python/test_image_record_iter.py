"""ImageRecordIter and its forms through Python: what batches hold, in which order, and what happens to what is broken."""

import threading

import numpy as np
import pytest
from image_records import picture, png

import mixnet as mx


def write(folder, count, labels=float, broken=()):
    """Records i = 0, 1, ... with picture i, label labels(i) and id 1000 + i; returns the paths of file and index."""
    path, index = str(folder / "a.rec"), str(folder / "a.idx")
    with mx.recordio.MXIndexedRecordIO(index, path, "w") as writer:
        for i in range(count):
            file = png(picture(i))
            file = file[: len(file) // 2] if i in broken else file
            writer.write_idx(i, mx.recordio.pack(mx.recordio.IRHeader(0, labels(i), 1000 + i, 0), file))
    return path, index


def epoch(iterator):
    """Labels of an epoch's batches, without what only fills them; and all their images."""
    labels, images = [], []
    for batch in iterator:
        keep = batch.data[0].shape[0] - batch.pad
        labels.append(batch.label[0].asnumpy()[:keep].tolist())
        images.append(batch.data[0].asnumpy()[:keep])
    return labels, np.concatenate(images)


def make(path, **params):
    return mx.io.ImageRecordIter(path_imgrec=path, data_shape=(3, 8, 8), **params)


def test_batches(tmp_path):
    path, _ = write(tmp_path, 10)
    iterator = make(path, batch_size=4)
    assert iterator.provide_data[0].shape == (4, 3, 8, 8)
    assert iterator.provide_label[0].shape == (4,)
    labels, images = epoch(iterator)
    assert labels == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    np.testing.assert_array_equal(images, [picture(i).transpose(2, 0, 1) for i in range(10)])
    iterator.reset()
    # The last batch was filled with 0 and 1.
    assert epoch(iterator)[0] == [[2, 3, 4, 5], [6, 7, 8, 9]]
    assert iterator.report == {"examples": 18, "skipped": 0, "faults": []}


def test_ids_and_padding(tmp_path):
    path, _ = write(tmp_path, 3)
    batch = make(path, batch_size=5, round_batch=False).next()
    assert batch.pad == 2
    assert batch.index.tolist() == [1000, 1001, 1002, 1000, 1000]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float16", "float32"])
def test_dtypes(tmp_path, dtype):
    path, _ = write(tmp_path, 4)
    images = epoch(make(path, batch_size=2, dtype=dtype))[1]
    assert images.dtype == dtype
    expected = np.stack([picture(i).transpose(2, 0, 1) for i in range(4)])
    np.testing.assert_array_equal(images, expected.clip(0, 127) if dtype == "int8" else expected)


def test_uint8_and_int8_iterators(tmp_path):
    path, _ = write(tmp_path, 4)
    for name, dtype in [("ImageRecordUInt8Iter", "uint8"), ("ImageRecordInt8Iter", "int8")]:
        iterator = getattr(mx.io, name)(path_imgrec=path, data_shape=(3, 8, 8), batch_size=4)
        assert iterator.next().data[0].asnumpy().dtype == dtype


def test_same_on_any_number_of_threads(tmp_path):
    path, _ = write(tmp_path, 50, broken=(7, 8, 31))
    seen = []
    for threads in (1, 2, 3, 7):
        iterator = make(path, batch_size=6, preprocess_threads=threads, shuffle=True, rand_mirror=True, seed=3)
        first = epoch(iterator)
        iterator.reset()
        second = epoch(iterator)
        assert first[0] != second[0]
        seen.append((first, second))
    for other in seen[1:]:
        for (labels, images), (other_labels, other_images) in zip(seen[0], other):
            assert labels == other_labels
            np.testing.assert_array_equal(images, other_images)


def test_shuffle_with_an_index_is_the_same(tmp_path):
    path, index = write(tmp_path, 30)
    for chunk in (0, 1):
        params = dict(batch_size=5, shuffle=True, seed=9, shuffle_chunk_size=chunk)
        assert epoch(make(path, **params))[0] == epoch(make(path, path_imgidx=index, **params))[0]
    assert epoch(make(path, batch_size=5, shuffle=True, seed=9))[0] != epoch(make(path, batch_size=5, shuffle=True, seed=8))[0]


def test_shares_are_the_whole(tmp_path):
    path, index = write(tmp_path, 23)
    for more in ({}, {"path_imgidx": index}, {"shuffle": True}):
        for parts in (2, 5, 30):
            found = []
            for part in range(parts):
                iterator = make(path, batch_size=4, round_batch=False, num_parts=parts, part_index=part, **more)
                found += [label for batch in iterator for label in batch.label[0].asnumpy()[: 4 - batch.pad]]
            assert sorted(found) == list(range(23))


def test_several_labels_and_lists(tmp_path):
    path, _ = write(tmp_path, 4, labels=lambda i: np.array([i, 2 * i], np.float32))
    iterator = make(path, batch_size=4, label_width=2)
    assert iterator.provide_label[0].shape == (4, 2)
    assert iterator.next().label[0].asnumpy().tolist() == [[0, 0], [1, 2], [2, 4], [3, 6]]
    listed = tmp_path / "a.lst"
    listed.write_text("".join(f"{1000 + i}\t{10 * i}\tx.jpg\n" for i in range(4)))
    assert make(path, batch_size=4, path_imglist=str(listed)).next().label[0].asnumpy().tolist() == [0, 10, 20, 30]
    listed.write_text("1000\t1\tx.jpg\n")
    with pytest.raises(mx.MXNetError, match="expected labels for id 1001 of record 1"):
        make(path, batch_size=4, path_imglist=str(listed)).next()


def test_broken_images_are_skipped_and_told(tmp_path):
    path, _ = write(tmp_path, 8, broken=(1, 5, 6))
    iterator = make(path, batch_size=4)
    assert epoch(iterator)[0] == [[0, 2, 3], [4, 7]]
    report = iterator.report
    assert (report["examples"], report["skipped"]) == (5, 3)
    assert [fault.split(" at byte")[0] for fault in report["faults"]] == ["record 1", "record 5", "record 6"]


def test_broken_images_are_errors_where_asked(tmp_path):
    path, _ = write(tmp_path, 12, broken=(5,))
    iterator = make(path, batch_size=4, on_fault="raise")
    assert iterator.next().pad == 0
    with pytest.raises(mx.MXNetError, match="record 5 at byte"):
        iterator.next()
    iterator.reset()
    assert iterator.next().label[0].asnumpy().tolist() == [0, 1, 2, 3]


def test_nothing_readable_is_an_error(tmp_path):
    path, _ = write(tmp_path, 4, labels=lambda i: np.array([i, 2 * i], np.float32))
    with pytest.raises(mx.MXNetError, match=r"none of the first 4 .* expected 3 labels \(label_width\), got 2"):
        make(path, batch_size=2, label_width=3).next()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"data_shape": (8, 8)}, "data_shape"),
        ({"data_shape": (2, 8, 8)}, "data_shape"),
        ({"batch_size": 0}, "batch_size"),
        ({"label_width": 0}, "label_width"),
        ({"preprocess_threads": 0}, "preprocess_threads"),
        ({"num_parts": 2, "part_index": 2}, "part_index"),
        ({"dtype": "int32"}, "dtype"),
        ({"path_imgrec": "/nowhere.rec"}, "/nowhere.rec"),
        ({"path_imgidx": "/nowhere.idx"}, "/nowhere.idx"),
        ({"path_imglist": "/nowhere.lst"}, "/nowhere.lst"),
        ({"on_fault": "ignore"}, "on_fault"),
    ],
)
def test_wrong_parameters(tmp_path, params, message):
    path, _ = write(tmp_path, 2)
    params = {"path_imgrec": path, "data_shape": (3, 8, 8), "batch_size": 2, **params}
    with pytest.raises(mx.MXNetError, match=message):
        mx.io.ImageRecordIter(**params)


def test_closes_with_work_in_flight_on_any_thread(tmp_path):
    path, _ = write(tmp_path, 40)
    before = threading.active_count()
    for i in range(20):
        iterator = make(path, batch_size=4, preprocess_threads=3)
        for _ in range(i % 4):
            iterator.next()
        if i % 2:
            iterator.reset()
        thread = threading.Thread(target=iterator.close)
        thread.start()
        thread.join()
    assert threading.active_count() == before


def test_training_reads_images(tmp_path):
    """A module learns to tell dark images from bright ones."""
    path = str(tmp_path / "a.rec")
    with mx.recordio.MXRecordIO(path, "w") as writer:
        for i in range(64):
            file = png((picture(i) // 4 + (i % 2) * 128).astype(np.uint8))
            writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, float(i % 2), i, 0), file))
    iterator = make(path, batch_size=16, shuffle=True, mean_r=128, mean_g=128, mean_b=128, scale=1 / 64)
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2), name="softmax")
    module = mx.mod.Module(net)
    module.fit(iterator, num_epoch=4, optimizer_params={"learning_rate": 0.01})
    iterator.reset()
    assert module.score(iterator, "acc")[0][1] > 0.95


def test_a_mean_image_that_is_not_there_is_made(tmp_path):
    path, _ = write(tmp_path, 5, broken=(2,))
    file = str(tmp_path / "mean.nd")
    plain = epoch(make(path, batch_size=2, round_batch=False))[1]
    made = make(path, batch_size=2, round_batch=False, mean_img=file, num_parts=2, part_index=1, mirror=True, scale=0.5, shuffle=True)
    mean = mx.nd.load(file)["mean_img"].asnumpy()
    np.testing.assert_allclose(mean, plain.mean(0), rtol=1e-6)
    assert made.next().data[0].shape == (2, 3, 8, 8)
    again = epoch(make(path, batch_size=2, round_batch=False, mean_img=file))[1]
    np.testing.assert_allclose(again, plain - mean, rtol=1e-5, atol=1e-5)
    with pytest.raises(mx.MXNetError, match="mean.nd"):
        make(path, batch_size=2, mean_img=str(tmp_path / "nowhere" / "mean.nd"))
