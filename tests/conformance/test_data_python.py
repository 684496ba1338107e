"""The Python binding replays the conformance data of records and iterators."""

import cases
import mixnet as mx
import numpy as np
import pytest

ARRAYS = mx.nd.load(str(cases.HERE / "data.params"))
CASES = dict(cases.read("data"))
ITERATORS = [name for name, words in CASES.items() if "iterator" in words]


def test_records(tmp_path):
    words = CASES["records"]
    source = cases.HERE / words["records"][0][0]
    copy = tmp_path / "copy.rec"
    with mx.recordio.MXRecordIO(source, "r") as reader, mx.recordio.MXRecordIO(copy, "w") as writer:
        for record, content, flag, number, number2, *labels in words["record"]:
            found = reader.read()
            assert found == ARRAYS[record].asnumpy().tobytes()
            header, rest = mx.recordio.unpack(found)
            assert rest == ARRAYS[content].asnumpy().tobytes()
            assert (header.flag, header.id, header.id2) == (int(flag), int(number), int(number2))
            assert np.atleast_1d(header.label).tolist() == [float(v) for v in labels]
            again = mx.recordio.pack(header, rest)
            assert again == found
            writer.write(again)
        assert reader.read() is None
    assert copy.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", ITERATORS)
def test_iterator(name):
    words = CASES[name]
    given = dict(words["set"]) | {key: str(cases.HERE / file) for key, file in words["file"]}
    with mx.io.MXDataIter(words["iterator"][0][0], given) as batches:
        for epoch in range(1 + max(int(e) for e, *_ in words["batch"])):
            for _, pad, data, label in [b for b in words["batch"] if int(b[0]) == epoch]:
                batch = next(batches)
                assert batch.pad == int(pad)
                for found, key in ((batch.data[0], data), (batch.label[0], label)):
                    assert found.shape == ARRAYS[key].shape and found.dtype == ARRAYS[key].dtype
                    np.testing.assert_array_equal(found.asnumpy(), ARRAYS[key].asnumpy(), err_msg=key)
            with pytest.raises(StopIteration):
                next(batches)
            batches.reset()
