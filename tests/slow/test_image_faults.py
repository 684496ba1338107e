"""ImageIter on damaged record files, over many batches, in forked children, and closed while other threads use what it gave."""

import os
import pathlib
import random
import threading

import numpy as np
import pytest

import mixnet as mx
from mixnet import recordio

FILES = sorted((pathlib.Path(__file__).resolve().parents[1] / "data" / "images").glob("[0-9r]*.jpg"))
SHAPE = (3, 16, 18)


def write(folder, count, label=None):
    """A record file with an index; the arguments that open it."""
    paths = {"path_imgrec": str(folder / "a.rec"), "path_imgidx": str(folder / "a.idx")}
    with recordio.MXIndexedRecordIO(paths["path_imgidx"], paths["path_imgrec"], "w") as file:
        for key in range(count):
            header = recordio.IRHeader(0, float(key) if label is None else label, key, 0)
            file.write_idx(key, recordio.pack(header, FILES[key % len(FILES)].read_bytes()))
    return paths


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def damage(data, rng):
    data = bytearray(data)
    for _ in range(rng.randint(1, 30)):
        place = rng.randrange(len(data))
        kind = rng.randrange(4)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place : place + rng.randint(1, 60)] = rng.randbytes(rng.randint(1, 60))
        elif kind == 2:
            del data[place : place + rng.randint(1, 400)]
        else:
            data[place : place + 4] = (0xCED7230A).to_bytes(4, "little")
    return bytes(data[: rng.randrange(1, len(data))] if rng.random() < 0.2 else data)


@pytest.mark.parametrize("detection", [False, True])
@pytest.mark.parametrize("seed", range(200))
def test_damaged_files(tmp_path, seed, detection):
    """An epoch ends, with what can be read; with an index every example is given or counted."""
    rng = random.Random(seed)
    paths = write(tmp_path, 12, [2, 5, 0, 0.1, 0.1, 0.6, 0.7] if detection else None)
    whole = pathlib.Path(paths["path_imgrec"]).read_bytes()
    pathlib.Path(paths["path_imgrec"]).write_bytes(damage(whole, rng))
    kind = mx.image.ImageDetIter if detection else mx.image.ImageIter
    for given in (paths, {"path_imgrec": paths["path_imgrec"]}):
        try:
            it = kind(4, SHAPE, on_fault="skip", rand_crop=1, **given)
        except mx.MXNetError as error:
            assert detection and "one width" in str(error)
            continue
        for epoch in range(2):
            rows = 0
            for batch in it:
                assert batch.data[0].shape == (4, *SHAPE) and np.isfinite(batch.data[0].asnumpy()).all()
                rows += 4 - batch.pad
            it.reset()
            report = it.report
            assert report["examples"] >= rows * (epoch + 1) and len(report["faults"]) <= 100
            if given is paths:
                assert report["examples"] + report["skipped"] == 12 * (epoch + 1)
    mx.nd.waitall()


def test_many_batches(tmp_path):
    """Memory does not grow."""
    it = mx.image.ImageIter(4, SHAPE, rand_crop=True, rand_mirror=True, shuffle=True, brightness=0.1, **write(tmp_path, 400))
    sizes = []
    for _ in range(25):
        assert sum(1 for _ in it) == 100
        it.reset()
        sizes.append(resident())
    assert sizes[-1] - sizes[4] < 16 << 20


def test_forked_children_go_on(tmp_path):
    it = mx.image.ImageIter(4, SHAPE, decode_threads=2, **write(tmp_path, 40))
    expected = [batch.data[0].asnumpy() for batch in it]
    it.reset()
    it.next()
    child = os.fork()
    if child == 0:
        try:
            it.reset()
            ok = all((batch.data[0].asnumpy() == other).all() for batch, other in zip(it, expected))
            os._exit(0 if ok else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sum(1 for _ in it) == 9


def test_closing_from_another_thread(tmp_path):
    paths = write(tmp_path, 200)
    for delay in np.linspace(0, 0.02, 20):
        it = mx.image.ImageIter(2, SHAPE, decode_threads=3, **paths)
        closer = threading.Timer(delay, it.close)
        closer.start()
        given = sum(1 for _ in it)
        closer.join()
        assert given <= 100 and not it._ahead._pool
        with pytest.raises(StopIteration):
            it.next()
        with pytest.raises(mx.MXNetError, match="closed"):
            it.reset()
