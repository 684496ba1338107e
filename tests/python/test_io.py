"""Iterators: order, padding, files and their damage, prefetching."""

import gc
import gzip
import struct
import threading

import mixnet as mx
import numpy as np
import pytest


def batches(iterator):
    return [(b.data[0].asnumpy(), b.label[0].asnumpy() if b.label else None, b.pad) for b in iterator]


def rows(iterator):
    return [data.ravel().astype(int).tolist() for data, _, _ in batches(iterator)]


def write_idx(path, array):
    opener = gzip.open if str(path).endswith(".gz") else open
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    with opener(path, "wb") as file:
        file.write(header + array.astype(np.uint8).tobytes())
    return str(path)


@pytest.fixture
def mnist(tmp_path):
    images = (np.arange(10 * 3 * 2) * 4).reshape(10, 3, 2)
    return {
        "image": write_idx(tmp_path / "images", images),
        "label": write_idx(tmp_path / "labels", np.arange(10)),
    }


def test_data_desc_is_a_pair_with_type_and_layout():
    desc = mx.io.DataDesc("x", (2, 3), np.int32, "TN")
    name, shape = desc
    assert (name, shape) == ("x", (2, 3)) == desc
    assert desc.dtype is np.int32 and desc.layout == "TN"
    assert mx.io.DataDesc.get_batch_axis("TNC") == 1
    assert mx.io.DataDesc.get_batch_axis(None) == 0
    assert mx.io.DataDesc.get_batch_axis("C") == -1
    assert mx.io.DataDesc.get_list([("a", (1,))], [("a", "float16")])[0].dtype == "float16"


def test_data_batch_refuses_a_bare_array():
    with pytest.raises((TypeError, AssertionError)):
        mx.io.DataBatch(mx.nd.ones((2, 3)))


def test_ndarray_iter_pads_from_the_beginning():
    x = np.arange(10, dtype=np.float32)
    it = mx.io.NDArrayIter(x, x * 10, batch_size=4)
    assert it.provide_data == [("data", (4,))] and it.provide_label == [("softmax_label", (4,))]
    for _ in range(2):
        got = batches(it)
        assert [b[0].tolist() for b in got] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]
        assert all((label == data * 10).all() for data, label, _ in got)
        assert [pad for _, _, pad in got] == [0, 0, 2]
        it.reset()


def test_ndarray_iter_wraps_several_times_when_the_batch_is_larger():
    it = mx.io.NDArrayIter(np.arange(3.0), batch_size=8)
    (only,) = batches(it)
    assert only[0].tolist() == [0, 1, 2, 0, 1, 2, 0, 1] and only[2] == 5


def test_ndarray_iter_discards():
    it = mx.io.NDArrayIter(np.arange(10.0), batch_size=4, last_batch_handle="discard")
    assert rows(it) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_ndarray_iter_rolls_over():
    it = mx.io.NDArrayIter(np.arange(10.0), batch_size=4, last_batch_handle="roll_over")
    short, rolled = [[0, 1, 2, 3], [4, 5, 6, 7]], [[8, 9, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]
    for expected in (short, rolled, short):
        assert rows(it) == expected
        it.reset()
    rows(it)
    it.hard_reset()
    assert rows(it) == short


def test_ndarray_iter_rolled_batches_are_not_padding():
    it = mx.io.NDArrayIter(np.arange(10.0), batch_size=4, last_batch_handle="roll_over")
    rows(it)
    it.reset()
    assert [pad for _, _, pad in batches(it)] == [0, 0, 0]


def test_ndarray_iter_shuffles_anew_every_epoch_and_keeps_pairs():
    np.random.seed(0)
    x = np.arange(10, dtype=np.float32)
    it = mx.io.NDArrayIter(x, x + 100, batch_size=5, shuffle=True)
    orders = []
    for _ in range(3):
        got = batches(it)
        assert all((label == data + 100).all() for data, label, _ in got)
        orders.append(np.concatenate([b[0] for b in got]).tolist())
        it.reset()
    assert orders[0] == [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]
    assert orders[1] == [5, 7, 0, 1, 6, 2, 4, 3, 9, 8]
    assert sorted(orders[2]) == list(range(10)) and orders[2] != orders[1]


def test_ndarray_iter_takes_dicts_lists_and_ndarrays():
    x = np.zeros((6, 2, 3), np.float64)
    it = mx.io.NDArrayIter({"b": x, "a": mx.nd.ones((6, 4), dtype="int32")}, {"y": np.arange(6)}, batch_size=2)
    assert [(d.name, d.shape, np.dtype(d.dtype)) for d in it.provide_data] == [
        ("a", (2, 4), np.int32),
        ("b", (2, 2, 3), np.float32),
    ]
    assert [d.name for d in it.provide_label] == ["y"]
    pair = mx.io.NDArrayIter([x, x], batch_size=2)
    assert [d.name for d in pair.provide_data] == ["_0_data", "_1_data"]
    assert pair.provide_label == [] and pair.next().label == []


def test_ndarray_iter_batches_are_copies():
    source = mx.nd.arange(0, 8)
    it = mx.io.NDArrayIter(source, batch_size=4)
    it.next().data[0][:] = -1
    assert source.asnumpy().tolist() == list(range(8))


def test_ndarray_iter_reports_the_rows():
    it = mx.io.NDArrayIter(np.arange(5.0), batch_size=3)
    assert [list(b.index) for b in it] == [[0, 1, 2], [3, 4, 0]]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"data": np.zeros(4), "label": np.zeros(3)}, "softmax_label: expected 4 examples like data, got 3"),
        ({"data": np.zeros(4), "last_batch_handle": "drop"}, "last_batch_handle: expected one of"),
        ({"data": np.zeros(4), "batch_size": 0}, "batch_size: expected a whole number of at least 1, got 0"),
        ({"data": []}, "data: expected"),
        ({"data": "text"}, "data: expected an NDArray"),
        ({"data": np.zeros((0, 3))}, "data: expected at least one example"),
    ],
)
def test_ndarray_iter_errors_are_one_line(arguments, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        mx.io.NDArrayIter(**arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_mnist_iter_scales_and_drops_the_rest(mnist):
    it = mx.io.MNISTIter(**mnist, batch_size=3, shuffle=False, silent=True)
    assert it.provide_data == [("data", (3, 1, 3, 2))] and it.provide_label == [("softmax_label", (3,))]
    for _ in range(2):
        got = batches(it)
        assert [label.tolist() for _, label, _ in got] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
        assert got[0][0].ravel()[:3].tolist() == [0.0, 4 / 256, 8 / 256]
        it.reset()


def test_mnist_iter_flat_and_parts(mnist):
    it = mx.io.MNISTIter(**mnist, batch_size=2, flat=True, shuffle=False, num_parts=3, part_index=2, silent=True)
    got = batches(it)
    assert got[0][0].shape == (2, 6)
    assert [label.tolist() for _, label, _ in got] == [[6, 7], [8, 9]]


def test_mnist_iter_parts_cover_everything_once(mnist):
    seen = []
    for part in range(3):
        it = mx.io.MNISTIter(**mnist, batch_size=1, shuffle=False, num_parts=3, part_index=part, silent=True)
        seen += [int(label[0]) for _, label, _ in batches(it)]
    assert seen == list(range(10))


def test_mnist_iter_seed_decides_the_order(mnist):
    def order(seed):
        it = mx.io.MNISTIter(**mnist, batch_size=10, seed=seed, silent=True)
        return batches(it)[0][1].tolist()

    assert order(1) == order(1) != order(2)
    assert sorted(order(3)) == list(range(10))


def test_mnist_iter_reads_gzip_and_input_shape(tmp_path):
    images = write_idx(tmp_path / "i.gz", np.arange(24).reshape(4, 3, 2))
    labels = write_idx(tmp_path / "l.gz", np.arange(4))
    it = mx.io.MNISTIter(images, labels, batch_size=4, shuffle=False, input_shape=(1, 2, 3), silent=True)
    data = it.next().data[0].asnumpy()
    assert data.shape == (4, 1, 2, 3)
    np.testing.assert_allclose(data.ravel() * 256, np.arange(24))


def test_mnist_iter_reports_damaged_files(mnist, tmp_path):
    good = open(mnist["image"], "rb").read()
    packed = gzip.compress(good)
    damage = {
        "short header": good[:7],
        "short": good[:-1],
        "long": good + b"x",
        "magic": b"\x00\x00\x09\x03" + good[4:],
        "labels": open(mnist["label"], "rb").read(),
        "gzip end": packed[:-9],
        "gzip middle": packed[:14] + b"\xff\xff\xff" + packed[17:],
        "empty": b"",
        "huge": good[:4] + b"\xff" * 12 + good[16:],
    }
    for name, content in damage.items():
        path = tmp_path / "damaged"
        path.write_bytes(content)
        with pytest.raises(mx.base.MXNetError) as caught:
            mx.io.MNISTIter(str(path), mnist["label"], batch_size=2, silent=True)
        assert "[MNISTIter" in str(caught.value) and "\n" not in str(caught.value), name


def test_mnist_iter_reports_missing_and_unequal_files(mnist, tmp_path):
    with pytest.raises(mx.base.MXNetError, match="expected a readable file"):
        mx.io.MNISTIter(str(tmp_path / "none"), mnist["label"], silent=True)
    fewer = write_idx(tmp_path / "fewer", np.arange(9))
    with pytest.raises(mx.base.MXNetError, match="expected 10 .* got 9"):
        mx.io.MNISTIter(mnist["image"], fewer, silent=True)
    with pytest.raises(mx.base.MXNetError, match="part_index"):
        mx.io.MNISTIter(**mnist, num_parts=2, part_index=2, silent=True)
    with pytest.raises(mx.base.MXNetError, match="input_shape: expected 6 pixels"):
        mx.io.MNISTIter(**mnist, input_shape=(7,), silent=True)


@pytest.fixture
def csv(tmp_path):
    np.savetxt(tmp_path / "data.csv", np.arange(14).reshape(7, 2), delimiter=",")
    np.savetxt(tmp_path / "label.csv", np.arange(7), delimiter=",")
    return {"data_csv": str(tmp_path / "data.csv"), "label_csv": str(tmp_path / "label.csv")}


def test_csv_iter_rounds_the_last_batch_into_the_next_epoch(csv):
    it = mx.io.CSVIter(**csv, data_shape=(2,), batch_size=3)
    expected = [
        [([0, 1, 2], 0), ([3, 4, 5], 0), ([6, 0, 1], 2)],
        [([2, 3, 4], 0), ([5, 6, 0], 1)],
        [([1, 2, 3], 0), ([4, 5, 6], 0)],
    ]
    for epoch in expected:
        got = batches(it)
        assert [(label.astype(int).tolist(), pad) for _, label, pad in got] == epoch
        assert all((data[:, 0] == 2 * label).all() for data, label, _ in got)
        it.reset()


def test_csv_iter_without_rounding_starts_over(csv):
    it = mx.io.CSVIter(**csv, data_shape=(1, 2), batch_size=4, round_batch=False)
    for _ in range(2):
        got = batches(it)
        assert [pad for _, _, pad in got] == [0, 1] and got[0][0].shape == (4, 1, 2)
        assert got[1][1].tolist()[:3] == [4, 5, 6]
        it.reset()


def test_csv_iter_types_and_missing_labels(csv):
    it = mx.io.CSVIter(data_csv=csv["data_csv"], data_shape=(2,), batch_size=7, dtype="float32")
    batch = it.next()
    assert batch.label[0].asnumpy().tolist() == [0] * 7
    assert batch.data[0].dtype == np.float32


def test_csv_iter_errors(csv, tmp_path):
    with pytest.raises(mx.base.MXNetError, match="expected 3 numbers"):
        mx.io.CSVIter(data_csv=csv["data_csv"], data_shape=(3,))
    for content in ("1,2\n3,x\n", "1,2\n3\n", ""):
        path = tmp_path / "bad.csv"
        path.write_text(content)
        with pytest.raises(mx.base.MXNetError) as caught:
            mx.io.CSVIter(data_csv=str(path), data_shape=(2,))
        assert "\n" not in str(caught.value)
    with pytest.raises(mx.base.MXNetError, match="expected a readable file"):
        mx.io.CSVIter(data_csv=str(tmp_path / "none.csv"), data_shape=(2,))


def test_resize_iter_starts_over_inside_an_epoch():
    it = mx.io.ResizeIter(mx.io.NDArrayIter(np.arange(6.0), batch_size=2), 5)
    for _ in range(2):
        assert rows(it) == [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3]]
        it.reset()
    kept = mx.io.ResizeIter(mx.io.NDArrayIter(np.arange(6.0), batch_size=2), 2, reset_internal=False)
    assert rows(kept) == [[0, 1], [2, 3]]
    kept.reset()
    assert rows(kept) == [[4, 5], [0, 1]]


def test_prefetching_iter_joins_and_renames():
    x = np.arange(10.0)
    it = mx.io.PrefetchingIter(
        [mx.io.NDArrayIter(x, x, batch_size=4), mx.io.NDArrayIter({"q": -x}, {"w": x}, batch_size=4)],
        rename_data=[{"data": "left"}, {"q": "right"}],
    )
    assert [d.name for d in it.provide_data] == ["left", "right"]
    assert [d.name for d in it.provide_label] == ["softmax_label", "w"]
    for _ in range(3):
        got = list(it)
        assert len(got) == 3 and got[-1].pad == 2
        assert all((b.data[0].asnumpy() == -b.data[1].asnumpy()).all() for b in got)
        it.reset()
    it.next()
    it.reset()
    assert rows(it)[0] == [0, 1, 2, 3]


class Failing(mx.io.DataIter):
    provide_data = [mx.io.DataDesc("data", (1,))]
    provide_label = []

    def __init__(self, good):
        super().__init__(1)
        self.good = good

    def next(self):
        self.good -= 1
        if self.good < 0:
            raise KeyError("torn tape")
        return mx.io.DataBatch([mx.nd.zeros((1,))], [], pad=0)


def test_prefetching_iter_raises_the_error_of_its_thread_in_next():
    it = mx.io.PrefetchingIter(Failing(2))
    it.next()
    it.next()
    with pytest.raises(KeyError, match="torn tape"):
        it.next()


def test_prefetching_iter_closes_its_threads():
    gc.collect()  # iterators that a caught error has kept
    before = set(threading.enumerate())
    with mx.io.PrefetchingIter(mx.io.NDArrayIter(np.arange(4.0), batch_size=2)) as it:
        it.next()
        assert len(set(threading.enumerate()) - before) == 1
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError, match="closed"):
        it.next()
    dropped = mx.io.PrefetchingIter(mx.io.NDArrayIter(np.arange(4.0), batch_size=2))
    del dropped
    assert set(threading.enumerate()) <= before


def test_prefetching_iter_refuses_iterators_of_unequal_length():
    it = mx.io.PrefetchingIter([mx.io.NDArrayIter(np.zeros(4), batch_size=2), mx.io.NDArrayIter({"b": np.zeros(6)}, batch_size=2)])
    it.next()
    it.next()
    with pytest.raises(ValueError, match="same number of batches"):
        it.next()
