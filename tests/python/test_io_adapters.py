"""mx.io.from_numpy, from_pandas, from_arrow and the datasets of these names: columns, order, the last batch, memory, faults."""

import io
import sys

import mixnet as mx
import numpy as np
import pandas
import pyarrow
import pytest
from mixnet.gluon import data as gd
from pyarrow import parquet


def rows(iterator):
    return [batch.data[0].asnumpy().ravel().tolist() for batch in iterator]


def table(count=10):
    return {"a": np.arange(count), "b": np.arange(count) * 0.5, "y": np.arange(count) % 3}


@pytest.fixture
def file(tmp_path):
    path = str(tmp_path / "t.parquet")
    lists = pyarrow.array([[float(i), float(-i)] for i in range(10)], pyarrow.list_(pyarrow.float64(), 2))
    columns = {**{name: pyarrow.array(values) for name, values in table().items()}, "pair": lists, "text": pyarrow.array(["x"] * 10)}
    parquet.write_table(pyarrow.table(columns), path, row_group_size=4)
    return path


def test_numpy_batches_are_copies_with_their_dtype(tmp_path):
    stored = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "uint8", (10, 3))
    stored[:] = np.arange(30).reshape(10, 3)
    it = mx.io.from_numpy(stored, np.arange(10.0), batch_size=4)
    assert it.provide_data == [("data", (4, 3))] and it.provide_data[0].dtype == np.uint8 and it.provide_label[0].dtype == np.float32
    for _ in range(2):
        batches = list(it)
        assert [b.pad for b in batches] == [0, 0, 2] and batches[0].data[0].dtype == np.uint8
        assert batches[2].label[0].asnumpy().tolist() == [8, 9, 0, 1] and batches[2].index.tolist() == [8, 9, 0, 1]
        assert (batches[2].data[0].asnumpy() == stored[[8, 9, 0, 1]]).all()
        it.reset()
    named = mx.io.from_numpy({"u": np.ones((4, 2)), "v": np.zeros(4)}, batch_size=2)
    assert named.provide_data == [("u", (2, 2)), ("v", (2,))] and named.provide_label == []


def test_last_batches():
    def epochs(handle, count, size=4):
        it = mx.io.from_numpy(np.arange(float(count)), batch_size=size, last_batch_handle=handle)
        out = []
        for _ in range(3):
            out.append(rows(it))
            it.reset()
        return out

    assert epochs("discard", 10)[1] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert epochs("roll_over", 10) == [[[0, 1, 2, 3], [4, 5, 6, 7]], [[8, 9, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]], [[0, 1, 2, 3], [4, 5, 6, 7]]]
    assert epochs("pad", 3, 8)[0] == [[0, 1, 2, 0, 1, 2, 0, 1]]


def test_shuffled_epochs_have_every_row_once(file):
    for make in (lambda: mx.io.from_numpy(np.arange(10.0), batch_size=5, shuffle=True), lambda: mx.io.from_arrow(file, "a", batch_size=5, shuffle=True)):
        np.random.seed(1)
        it = make()
        first = sum(rows(it), [])
        it.reset()
        second = sum(rows(it), [])
        assert sorted(first) == sorted(second) == list(range(10)) and first != second
        np.random.seed(1)
        assert sum(rows(make()), []) == first


def test_pandas_columns():
    frame = pandas.DataFrame(table())
    it = mx.io.from_pandas(frame, label="y", batch_size=5)
    assert it.provide_data == [("data", (5, 2))] and it.provide_label == [("softmax_label", (5,))]
    batch = next(it)
    assert batch.data[0].dtype == np.float32 and batch.data[0].asnumpy()[3].tolist() == [3, 1.5]
    several = mx.io.from_pandas(frame, {"left": "a", "right": ["b"]}, "y", batch_size=5)
    assert several.provide_data == [("left", (5,)), ("right", (5, 1))]
    assert gd.from_pandas(frame, "a", "y")[-1] == (9, 0) and len(gd.from_pandas(frame)) == 10
    missing = pandas.DataFrame({"a": pandas.array([1, None, 3], "Int64")})
    assert np.isnan(next(mx.io.from_pandas(missing, batch_size=3)).data[0].asnumpy()).ravel().tolist() == [False, True, False]


@pytest.mark.parametrize("size", [3, 4, 10])
def test_parquet_batches_go_across_row_groups(file, size):
    it = mx.io.from_arrow(file, ["a", "b"], "y", batch_size=size, last_batch_handle="roll_over")
    assert it.num_data == 10 and it.provide_data == [("data", (size, 2))]
    batches = list(it)
    assert len(batches) == 10 // size
    for number, batch in enumerate(batches):
        expected = np.arange(number * size, (number + 1) * size)
        assert (batch.data[0].asnumpy() == np.stack([expected, expected * 0.5], 1)).all() and (batch.label[0].asnumpy() == expected % 3).all()
    lists = mx.io.from_arrow(file, ["pair", "a"], batch_size=10)
    assert next(lists).data[0].asnumpy()[3].tolist() == [3, -3, 3]


def test_tables_and_folders(file, tmp_path):
    whole = parquet.read_table(file)
    assert rows(mx.io.from_arrow(whole, "a", batch_size=10))[0] == list(range(10))
    assert rows(mx.io.from_arrow(whole.to_batches()[0], "a", batch_size=2))[0] == [0, 1]
    parquet.write_table(whole.slice(0, 2), str(tmp_path / "z.parquet"))
    for source in (tmp_path, [file, str(tmp_path / "z.parquet")]):
        assert rows(mx.io.from_arrow(source, "a", batch_size=12))[0] == [*range(10), 0, 1]


def test_parquet_datasets_read_a_row_group_once_where_the_order_allows(file):
    dataset = gd.from_arrow(file, "a", "y", keep=1)
    assert dataset[-1] == (9, 0) and dataset[4] == (4, 1) and len(dataset) == 10 and dataset.counts == [4, 4, 2]
    with pytest.raises(IndexError, match="expected less than 10, got 10"):
        dataset[10]
    reads = []
    read = dataset._rows.read
    dataset._rows.read = lambda group: reads.append(group) or read(group)
    np.random.seed(0)
    loader = gd.DataLoader(dataset, 5, sampler=gd.GroupSampler(dataset))
    numbers = np.concatenate([data.asnumpy() for data, _ in loader])
    assert sorted(numbers) == list(range(10)) and numbers.tolist() != list(range(10)) and sorted(set(reads)) == [0, 1, 2] and len(reads) <= 4
    one_by_one = gd.DataLoader(dataset.transform(lambda a, y: (a * 2, y)), 3, num_workers=2)
    assert np.concatenate([a.asnumpy() for a, _ in one_by_one]).tolist() == [2.0 * i for i in range(10)]


def test_faults_are_named(file, tmp_path, monkeypatch):
    for make, message in (
        (lambda: mx.io.from_numpy([]), "expected at least one row"),
        (lambda: mx.io.from_numpy(None), "data: expected an array"),
        (lambda: mx.io.from_numpy(np.array(["x"])), "data: expected numbers"),
        (lambda: mx.io.from_numpy(np.ones(3), np.ones(2)), "softmax_label: expected 3 rows like data, got 2"),
        (lambda: mx.io.from_numpy(np.ones(3), batch_size=0), "batch_size: expected a whole number"),
        (lambda: mx.io.from_numpy(np.ones(3), last_batch_handle="x"), "last_batch_handle: expected one of"),
        (lambda: mx.io.from_pandas({"a": [1]}), "frame: expected a pandas.DataFrame, got dict"),
        (lambda: mx.io.from_pandas(pandas.DataFrame({"a": [1]}), label="z"), "column: expected one of a, got 'z'"),
        (lambda: mx.io.from_pandas(pandas.DataFrame({"a": [1]}), label="a"), "data: expected at least one column"),
        (lambda: mx.io.from_pandas(pandas.DataFrame({"a": ["u"]})), "column a: expected numbers for float32"),
        (lambda: mx.io.from_pandas(pandas.DataFrame({"a": [1.0, None]}), dtype="int32"), "column a: expected numbers for int32, got missing values"),
        (lambda: mx.io.from_arrow(file, "text"), "column text: expected numbers for float32"),
        (lambda: mx.io.from_arrow(file, "nope"), "column: expected one of a, b, y, pair, text, got 'nope'"),
        (lambda: mx.io.from_arrow(str(tmp_path / "no.parquet")), "no.parquet: expected a Parquet file"),
        (lambda: mx.io.from_arrow(tmp_path / "sub"), "sub: expected a Parquet file"),
        (lambda: gd.ColumnDataset(None, keep=0), "keep: expected at least 1"),
    ):
        with pytest.raises((ValueError, TypeError, mx.MXNetError), match=message):
            make()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(mx.MXNetError, match="expected the Python package pyarrow to be installed"):
        mx.io.from_arrow(file)


def test_a_damaged_row_group_is_named_and_the_iterator_begins_anew(file):
    content = bytearray(open(file, "rb").read())
    whole = parquet.ParquetFile(file)
    begin = whole.metadata.row_group(1).column(0).dictionary_page_offset
    content[begin : begin + 8] = b"\xff" * 8
    open(file, "wb").write(content)
    it = mx.io.from_arrow(file, "a", batch_size=4)
    for _ in range(2):
        assert next(it).data[0].asnumpy().tolist() == [0, 1, 2, 3]
        with pytest.raises(mx.MXNetError, match="t.parquet, row group 1: expected readable columns"):
            next(it)
        it.reset()


def test_parquet_behind_a_uri(file):
    content = open(file, "rb").read()
    broken = []

    class File(io.BytesIO):
        def read(self, count):
            if broken:
                raise OSError("the line is down")
            return super().read(count)

    mx.io.register_scheme("memory", lambda uri: {"memory://t": File}[uri](content))
    try:
        it = mx.io.from_arrow("memory://t", "a", batch_size=5)
        assert rows(it) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
        broken.append(True)
        with pytest.raises(mx.MXNetError, match="memory://t, row group 0: .*the line is down"):
            it.reset() or next(it)
        broken.clear()
        it.reset()
        assert next(it).data[0].asnumpy().tolist() == [0, 1, 2, 3, 4]
        with pytest.raises(mx.MXNetError, match="memory://u: expected a Parquet file"):
            mx.io.from_arrow(["memory://t", "memory://u"], "a")
    finally:
        mx.io.register_scheme("memory", None)
