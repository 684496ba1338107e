"""mx.recordio: records in order, by key, in shares; image headers; files as MXNet 1.9.1 wrote them."""

import os
import pickle
import pathlib

import mixnet as mx
import numpy as np
import pytest
from mixnet import recordio

MAGIC = (0xCED7230A).to_bytes(4, "little")
RECORDS = [b"", b"a", b"abcd" + MAGIC + b"efgh" + MAGIC, MAGIC, b"x" + MAGIC, bytes(3_000_000), b"end"]
GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "records"


def written(path, records=RECORDS, flag="w"):
    with recordio.MXRecordIO(path, flag) as file:
        return [file.write(record) for record in records]


def test_in_order(tmp_path):
    path = tmp_path / "a.rec"
    places = written(path)
    assert places[0] == 0 and places == sorted(places)
    written(path, [b"more"], "a")
    reader = recordio.MXRecordIO(path, "r")
    assert reader.read() == b"" and list(reader) == [*RECORDS[1:], b"more"] and reader.read() is None
    reader.reset()
    assert list(reader) == [*RECORDS, b"more"]
    reader.close()
    reader.close()
    assert not reader.is_open
    with pytest.raises(mx.MXNetError, match="expected an open file, got a closed one"):
        reader.read()


def test_shares(tmp_path):
    path = tmp_path / "a.rec"
    written(path, [bytes([i]) * (i * 7 % 50) for i in range(100)])
    for parts in (1, 3, 8, 200):
        found = [record for i in range(parts) for record in recordio.MXRecordIO(path, "r", i, parts)]
        assert found == [bytes([i]) * (i * 7 % 50) for i in range(100)]
    with pytest.raises(mx.MXNetError, match="part_index: expected 0 to 2, got 3"):
        recordio.MXRecordIO(path, "r", 3, 3)


def test_by_key(tmp_path):
    index, path = tmp_path / "a.idx", tmp_path / "a.rec"
    with recordio.MXIndexedRecordIO(index, path, "w") as file:
        for key in (3, 1, 2):
            file.write_idx(key, b"record %d" % key)
        assert file.tell() == 48
    assert index.read_text() == "3\t0\n1\t16\n2\t32\n"
    with recordio.MXIndexedRecordIO(index, path, "r") as file:
        assert file.keys == [3, 1, 2] and file.idx == {3: 0, 1: 16, 2: 32}
        assert file.read_idx(2) == b"record 2" and file.read_idx(3) == b"record 3" and file.read() == b"record 1" and file.tell() == 32
        with pytest.raises(KeyError, match="expected one of its 3 keys, got 9"):
            file.seek(9)
        with pytest.raises(mx.MXNetError, match="expected a file opened for writing, got flag 'r'"):
            file.write_idx(4, b"")
        again = pickle.loads(pickle.dumps(file))
        assert again.read_idx(1) == b"record 1"
    with recordio.MXIndexedRecordIO(index, path, "a") as file:
        file.write_idx(7, b"more")
    with recordio.MXIndexedRecordIO(index, path, "r", key_type=str) as file:
        assert file.keys == ["3", "1", "2", "7"] and file.read_idx("7") == b"more"
    index.write_text("1\t0\nnonsense\n")
    with pytest.raises(mx.MXNetError, match="line 2: expected a key, a tab and a place, got 'nonsense'"):
        recordio.MXIndexedRecordIO(index, path, "r")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_in_a_forked_child(tmp_path):
    path = tmp_path / "a.rec"
    written(path, [b"one", b"two", b"three"])
    reader = recordio.MXRecordIO(path, "r")
    assert reader.read() == b"one"
    child = os.fork()
    if child == 0:
        os._exit(0 if reader.read() == b"two" and reader.read() == b"three" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert reader.read() == b"two"


def test_mistakes(tmp_path):
    path = tmp_path / "a.rec"
    written(path, [b"one", b"two", b"three"])
    data = bytearray(path.read_bytes())
    data[12] ^= 0xFF
    path.write_bytes(data)
    reader = recordio.MXRecordIO(path, "r")
    assert reader.read() == b"one"
    with pytest.raises(mx.MXNetError, match="a.rec at byte 12: expected the beginning of a record"):
        reader.read()
    assert list(reader) == [b"three"]
    with pytest.raises(mx.MXNetError, match="No such file"):
        recordio.MXRecordIO(tmp_path / "none.rec", "r")
    with pytest.raises(ValueError, match="expected 'r', 'w' or 'a', got 'x'"):
        recordio.MXRecordIO(path, "x")
    writer = recordio.MXRecordIO(tmp_path / "b.rec", "w")
    with pytest.raises(mx.MXNetError, match="opened for reading, got flag 'w'"):
        writer.read()
    with pytest.raises(TypeError, match="only a reader can be pickled"):
        pickle.dumps(writer)
    with pytest.raises(TypeError):
        writer.write("text")


def test_image_headers():
    packed = recordio.pack(recordio.IRHeader(5, 2.5, 7, 1 << 40), b"bytes")
    assert recordio.unpack(packed) == (recordio.IRHeader(0, 2.5, 7, 1 << 40), b"bytes")
    packed = recordio.pack((0, [1, 2, 3], 7, 0), b"bytes")
    header, rest = recordio.unpack(packed)
    assert (header.flag, header.label.tolist(), header.label.dtype, header.id, rest) == (3, [1, 2, 3], np.float32, 7, b"bytes")
    for bad, text in ((packed[:20], "a header of 24 bytes, got 20"), (packed[:30], "expected 3 labels behind the header, got 6 bytes")):
        with pytest.raises(mx.MXNetError, match=text):
            recordio.unpack(bad)


def test_files_of_mxnet(tmp_path):
    """Written by MXNet 1.9.1 (tools/golden/records.py): read here, and written here to the same bytes."""
    index, path = GOLDEN / "mxnet.idx", GOLDEN / "mxnet.rec"
    reader = recordio.MXIndexedRecordIO(index, path, "r")
    found = [reader.read_idx(key) for key in reader.keys]
    assert found[:4] == [b"", b"a", b"abcd" + MAGIC + b"efgh" + MAGIC, MAGIC * 2] and len(found) == 6
    header, rest = recordio.unpack(found[4])
    assert (header.label, header.id, rest) == (2.5, 4, b"not an image")
    header, rest = recordio.unpack(found[5])
    assert (header.flag, header.label.tolist(), rest) == (3, [1, 2, 3], b"nor this")
    # All again, with our own writer.
    again = [*found[:4], recordio.pack((0, 2.5, 4, 0), b"not an image"), recordio.pack((0, [1, 2, 3], 5, 0), b"nor this")]
    with recordio.MXIndexedRecordIO(tmp_path / "own.idx", tmp_path / "own.rec", "w") as file:
        for key, record in enumerate(again):
            file.write_idx(key, record)
    for own, theirs in ((tmp_path / "own.rec", path), (tmp_path / "own.idx", index)):
        assert own.read_bytes() == theirs.read_bytes()
