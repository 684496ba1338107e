"""The library's iterators from Python: files of numbers, their mistakes, shares, waiting, closing, forks."""

import signal
import subprocess
import sys
import threading
import time

import mixnet as mx
import numpy as np
import pytest
from mixnet.base import check, ffi, lib


def write(path, text):
    path.write_text(text)
    return str(path)


@pytest.fixture
def numbers(tmp_path):
    return write(tmp_path / "numbers.csv", "".join(f"{i},{i + 0.5}\n" for i in range(7)))


@pytest.fixture
def sparse(tmp_path):
    return write(tmp_path / "data.svm", "1.0 0:0.5 2:1.2\n-2.0\n-3.0 0:0.6 1:2.4 2:1.2  # a comment\n4 qid:3 2:-1.2\n")


def handles():
    count = ffi.new("int64_t *")
    check(lib.mxn_handle_count(count))
    return count[0]


def peak():
    info = ffi.new("mxn_storage_info_t *", {"struct_size": ffi.sizeof("mxn_storage_info_t")})
    check(lib.mxn_storage_info(1, 0, info))
    return info.peak


def first_columns(it):
    return [(b.data[0].asnumpy()[:, 0].astype(int).tolist(), b.pad, b.index.tolist()) for b in it]


def test_every_iterator_is_described_with_its_parameters():
    for name in ("CSVIter", "LibSVMIter", "MNISTIter"):
        text = getattr(mx.io, name).__doc__
        assert "batch_size : int, default 128" in text and "Returns" in text
    assert "data_csv : string, required" in mx.io.CSVIter.__doc__


def test_names_shapes_and_types_are_those_asked_for(numbers):
    it = mx.io.CSVIter(data_csv=numbers, data_shape=(1, 2), batch_size=3, dtype="float64", data_name="x", label_name="y")
    assert isinstance(it, mx.io.MXDataIter) and it.batch_size == 3
    assert it.provide_data == [("x", (3, 1, 2))] and it.provide_label == [("y", (3,))]
    assert it.provide_data[0].dtype is np.float64 and it.provide_data[0].layout == "NCHW"
    batch = it.next()
    assert batch.data[0].dtype == np.float64 and batch.label[0].dtype == np.float64
    assert it.getdata().shape == (3, 1, 2) and it.getlabel().shape == (3,) and it.getpad() == 0 and it.getindex().tolist() == [0, 1, 2]


def test_whole_numbers(numbers, tmp_path):
    whole = write(tmp_path / "whole.csv", "1,-2\n9007199254740993,4\n")
    it = mx.io.CSVIter(data_csv=whole, data_shape=2, batch_size=2, dtype="int64")
    assert it.next().data[0].asnumpy().tolist() == [[1, -2], [9007199254740993, 4]]
    with pytest.raises(mx.MXNetError, match=r"numbers.csv:1: expected a whole number in place 2, got '0.5'"):
        mx.io.CSVIter(data_csv=numbers, data_shape=2, dtype="int32")


def test_a_batch_may_be_longer_than_the_file(numbers):
    it = mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=16)
    assert first_columns(it) == [([*range(7), *range(7), 0, 1], 9, [*range(7), *range(7), 0, 1])]
    it.reset()
    assert first_columns(it) == [([2, 3, 4, 5, 6, *range(7), 0, 1, 2, 3], 11, [2, 3, 4, 5, 6, *range(7), 0, 1, 2, 3])]
    exact = mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=14)
    for _ in range(3):
        assert first_columns(exact) == [([*range(7)] * 2, 7, [*range(7)] * 2)]
        exact.reset()


@pytest.mark.parametrize("ahead", [0, 1, 4])
def test_an_epoch_that_is_left_early_does_not_move_the_next(numbers, ahead):
    it = mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=3, prefetch_buffer=ahead)
    for taken in (0, 1, 2):
        for _ in range(taken):
            it.next()
        time.sleep(0.01)
        it.reset()
        assert it.next().index.tolist() == [0, 1, 2]
        it.reset()
    assert [next(it).pad for _ in range(3)] == [0, 0, 2]  # the last one is taken, the end is not asked for
    it.reset()
    assert it.next().index.tolist() == [2, 3, 4]


def test_shares_are_the_whole(tmp_path):
    path = write(tmp_path / "many.csv", "".join(f"{i}\n" for i in range(101)))
    for parts in (1, 2, 3, 7, 101):
        seen = []
        for part in range(parts):
            it = mx.io.CSVIter(data_csv=path, label_csv=path, data_shape=(1,), batch_size=4, num_parts=parts, part_index=part)
            for b in it:
                kept = 4 - b.pad
                assert (b.data[0].asnumpy()[:, 0] == b.label[0].asnumpy()).all()
                seen += b.data[0].asnumpy()[:kept, 0].astype(int).tolist()
                assert b.index[:kept].tolist() == seen[-kept:]
        assert seen == list(range(101))
    with pytest.raises(mx.MXNetError, match="part_index: expected 0 <= part_index < num_parts, got 3 of 3"):
        mx.io.CSVIter(data_csv=path, data_shape=(1,), num_parts=3, part_index=3)
    with pytest.raises(mx.MXNetError, match="expected at least one line for each part"):
        mx.io.CSVIter(data_csv=path, data_shape=(1,), num_parts=200, part_index=0)


def test_a_folder_and_a_list_of_files_are_one(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    second, first = write(folder / "b", "3\n4"), write(folder / "a", "1\n2\n")
    it = mx.io.CSVIter(data_csv=str(folder), data_shape=(1,), batch_size=4)
    assert it.next().data[0].asnumpy().ravel().tolist() == [1, 2, 3, 4]
    it = mx.io.CSVIter(data_csv=f"{second};{first}", data_shape=(1,), batch_size=4)
    assert it.next().data[0].asnumpy().ravel().tolist() == [3, 4, 1, 2]


@pytest.mark.parametrize(
    "line, said",
    [
        ("1,2,3", "expected 2 numbers, got 3"),
        ("1", "expected 2 numbers, got 1"),
        ("1,", "expected a number in place 2, got ''"),
        ("1,x", "expected a number in place 2, got 'x'"),
        ("1 2,3", "expected a number in place 1, got '1 2'"),
        ('"1",2', "expected a number in place 1, got '\"1\"'"),
    ],
)
def test_a_wrong_line_is_an_error_of_its_batch(tmp_path, line, said):
    path = write(tmp_path / "wrong.csv", "1,2\n" * 5 + line + "\n1,2\n")
    it = mx.io.CSVIter(data_csv=path, data_shape=(2,), batch_size=2)
    for _ in range(2):
        it.next()
        it.next()
        for _ in range(2):
            with pytest.raises(mx.MXNetError) as caught:
                it.next()
            assert f"[CSVIter] {path}:6: {said}" in str(caught.value) and caught.value.code == -6
        it.reset()


def test_files_that_do_not_belong_together(numbers, tmp_path):
    fewer, more = write(tmp_path / "fewer", "1\n" * 5), write(tmp_path / "more", "1\n" * 8)
    for label, said in ((fewer, "expected a line for each of .*, got 5 lines"), (more, "expected 7 lines like .*, got more")):
        it = mx.io.CSVIter(data_csv=numbers, data_shape=(2,), label_csv=label, batch_size=2)
        with pytest.raises(mx.MXNetError, match=said):
            list(it)
        with pytest.raises(mx.MXNetError, match="expected 7 lines like"):
            mx.io.CSVIter(data_csv=numbers, data_shape=(2,), label_csv=label, batch_size=2, num_parts=2)


@pytest.mark.parametrize(
    "options, said",
    [
        ({}, "data_csv: required, but not given"),
        ({"data_csv": "x"}, "data_shape: required, but not given"),
        ({"data_csv": "x", "data_shape": 1, "batch_sise": 3}, "unknown parameter 'batch_sise'"),
        ({"data_csv": "x", "data_shape": 1, "batch_size": 0}, "batch_size: expected a value in"),
        ({"data_csv": "x", "data_shape": "no"}, "data_shape: expected"),
        ({"data_csv": "/nonexistent", "data_shape": 1}, "expected a readable file"),
        ({"data_csv": "", "data_shape": 1}, "expected a file or a folder with files, got none"),
        ({"data_csv": __file__, "data_shape": 1, "dtype": "uint8"}, "dtype: expected float32, float64, int32 or int64, got uint8"),
        ({"data_csv": __file__, "data_shape": (1 << 40, 1 << 30)}, "has more bytes than"),
    ],
)
def test_wrong_parameters(options, said):
    with pytest.raises(mx.MXNetError, match=said) as caught:
        mx.io.CSVIter(**options)
    assert str(caught.value).startswith("[") and "\n" not in str(caught.value)


def test_sparse_batches(sparse, tmp_path):
    it = mx.io.LibSVMIter(data_libsvm=sparse, data_shape=(3,), batch_size=3)
    assert it.provide_data == [("data", (3, 3))] and it.provide_label == [("softmax_label", (3,))]
    expected = np.array([[0.5, 0, 1.2], [0, 0, 0], [0.6, 2.4, 1.2], [0, 0, -1.2]], np.float32)
    for rows, pad in (([0, 1, 2], 0), ([3, 0, 1], 2)):
        batch = it.next()
        data = batch.data[0]
        assert data.stype == "csr" and batch.label[0].stype == "default" and batch.pad == pad
        np.testing.assert_array_equal(data.asnumpy(), expected[rows])
        assert batch.label[0].asnumpy().tolist() == np.array([1.0, -2, -3, 4])[rows].tolist()
    assert data.indptr.asnumpy().tolist() == [0, 1, 3, 3] and data.indices.asnumpy().tolist() == [2, 0, 2]
    labels = write(tmp_path / "label.svm", "1.0\n-2.0 0:0.125\n-3.0 2:1.2\n4 1:1.0 2:-1.2\n")
    it = mx.io.LibSVMIter(data_libsvm=sparse, data_shape=(3,), label_libsvm=labels, label_shape=(3,), batch_size=2, dtype="float64")
    label = it.next().label[0]
    assert label.stype == "csr" and label.dtype == np.float64 and label.asnumpy().tolist() == [[0, 0, 0], [0.125, 0, 0]]


@pytest.mark.parametrize(
    "line, said",
    [
        ("x 0:1", "expected a label, got 'x'"),
        ("1:0.5 0:1", "expected a label, got '1:0.5'"),
        ("1 3:1", "expected indices from 0 to 2, got '3:1'"),
        ("1 -1:1", "expected indices from 0 to 2, got '-1:1'"),
        ("1 1:1 0:1", "expected an index above 1, got '0:1'"),
        ("1 1:1 1:2", "expected an index above 1, got '1:2'"),
        ("1 1", "expected index:value, got '1'"),
        ("1 1:", "expected index:value, got '1:'"),
        ("1 1:2x", "expected index:value, got '1:2x'"),
    ],
)
def test_wrong_sparse_lines(tmp_path, line, said):
    path = write(tmp_path / "wrong.svm", f"1 0:1\n{line}\n")
    with pytest.raises(mx.MXNetError) as caught:
        mx.io.LibSVMIter(data_libsvm=path, data_shape=(3,), batch_size=2)
    assert f"[LibSVMIter] {path}:2: {said}" in str(caught.value)


def test_sparse_shapes_must_fit(sparse):
    for options, said in (({"data_shape": (3, 1)}, "data_shape: expected one extent"), ({"data_shape": 3, "label_shape": 2}, "without label_libsvm")):
        with pytest.raises(mx.MXNetError, match=said):
            mx.io.LibSVMIter(data_libsvm=sparse, **options)


def test_a_net_learns_from_a_file(tmp_path):
    rng = np.random.RandomState(0)
    x = rng.randn(400, 6)
    path = write(tmp_path / "x.csv", "\n".join(",".join(f"{v:.6f}" for v in row) for row in x))
    label = write(tmp_path / "y.csv", "\n".join(str(int(row[0] > row[1])) for row in x))
    it = mx.io.CSVIter(data_csv=path, label_csv=label, data_shape=(6,), batch_size=20)
    module = mx.mod.Module(mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2), name="softmax"))
    module.fit(it, num_epoch=8, optimizer_params={"learning_rate": 0.5})
    it.reset()
    assert dict(module.score(it, "acc"))["accuracy"] > 0.9
    assert it.report == {"examples": 400 * 9, "skipped": 0, "faults": []}


def test_batches_are_kept_by_who_has_them_and_all_is_given_back(numbers):
    mx.waitall()
    before = handles()
    it = mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=2, round_batch=False)
    kept = list(it)
    it.reset()
    it.next()
    it.close()
    it.close()
    assert [b.data[0].asnumpy()[0, 0] for b in kept] == [0, 2, 4, 6]
    with pytest.raises(RuntimeError, match="closed"):
        it.next()
    del kept, it
    with mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=2) as held:
        held.next()
    del held
    assert handles() == before


def test_the_same_batch_again_and_again(numbers):
    it = mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=3)
    it.debug_skip_load()
    assert [it.next().index.tolist() for _ in range(5)] == [[0, 1, 2]] * 5


def test_memory_is_bounded_over_many_batches(tmp_path):
    path = write(tmp_path / "wide.csv", (",".join(["1.5"] * 1000) + "\n") * 50)
    it = mx.io.CSVIter(data_csv=path, data_shape=(1000,), batch_size=10, prefetch_buffer=3)
    for _ in it:
        pass
    peaks = []
    for _ in range(2):
        for _ in range(200):
            it.reset()
            for _ in it:
                pass
        peaks.append(peak())
    assert peaks[1] <= peaks[0] + 4 * 10 * 1000 * 4


def test_iterators_end_at_any_point_on_any_thread(numbers):
    threads = threading.active_count()
    assert [b.pad for b in mx.io.PrefetchingIter(mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=4))] == [0, 1]

    def use(taken):
        it = mx.io.CSVIter(data_csv=numbers, data_shape=(2,), batch_size=2, prefetch_buffer=2)
        for _ in range(taken):
            it.next()
        threading.Thread(target=it.close).start()

    for taken in range(4):
        for _ in range(20):
            use(taken)
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == threads


def test_closing_ends_a_wait_of_another_thread(tmp_path):
    path = write(tmp_path / "few.csv", "1\n2\n3\n")
    for ahead in (1, 3):
        it = mx.io.CSVIter(data_csv=path, data_shape=(1,), batch_size=1 << 26, prefetch_buffer=ahead)  # takes many seconds
        said = []

        def wait(it=it, said=said):
            try:
                it.next()
            except (RuntimeError, mx.MXNetError) as error:
                said.append(str(error))

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.1)
        begin = time.monotonic()
        it.close()
        waiting.join()
        assert time.monotonic() - begin < 5
        assert said == ["[CSVIter] expected an open iterator, got a closed one"]


def test_a_wait_ends_early_and_is_taken_up_again(tmp_path):
    path = write(tmp_path / "few.csv", "1\n2\n3\n")
    it = mx.io.CSVIter(data_csv=path, data_shape=(1,), batch_size=3000000, prefetch_buffer=1)  # a million times the file
    more = ffi.new("int32_t *")
    wait = ffi.new("mxn_wait_t *", {"struct_size": ffi.sizeof("mxn_wait_t"), "timeout_s": 0.001})
    assert lib.mxn_data_iter_next(it._handle, wait, more) == -7
    cancel = ffi.new("mxn_cancel_t **")
    check(lib.mxn_cancel_create(cancel))
    check(lib.mxn_cancel_trigger(cancel[0]))
    wait.timeout_s, wait.cancel = 0, cancel[0]
    assert lib.mxn_data_iter_next(it._handle, wait, more) == -9
    lib.mxn_cancel_free(cancel[0])
    assert it.next().pad == 3000000 - 3


def test_ctrl_c_is_heard_while_a_batch_is_made(tmp_path):
    path = write(tmp_path / "few.csv", "1\n2\n3\n")
    program = """
import os, sys
import mixnet as mx
it = mx.io.CSVIter(data_csv=sys.argv[1], data_shape=(1,), batch_size=1 << 26, prefetch_buffer=1)
print("waits", flush=True)
try:
    it.next()
except KeyboardInterrupt:
    print("stopped", flush=True)
    os._exit(0)
"""
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    waiting = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **heed)
    try:
        assert waiting.stdout.readline() == "waits\n"
        time.sleep(0.3)
        waiting.send_signal(signal.SIGINT)
        said, complaint = waiting.communicate(timeout=20)
        assert said == "stopped\n", complaint
    finally:
        waiting.kill()


def test_a_forked_child_is_told_or_goes_on(numbers):
    program = """
import os, sys
import mixnet as mx
fresh = mx.io.CSVIter(data_csv=sys.argv[1], data_shape=(2,), batch_size=3)
used = mx.io.CSVIter(data_csv=sys.argv[1], data_shape=(2,), batch_size=3)
used.next()
pid = os.fork()
if pid == 0:
    said = [fresh.next().index.tolist()]
    try:
        used.next()
    except mx.MXNetError as error:
        said.append("make the iterator in the child" in str(error))
    print(said, flush=True)
    del fresh, used
    os._exit(0)
os.waitpid(pid, 0)
print(fresh.next().index.tolist(), used.next().index.tolist())
"""
    run = subprocess.run([sys.executable, "-c", program, numbers], capture_output=True, text=True, timeout=60)
    assert run.stdout.splitlines() == ["[[0, 1, 2], True]", "[0, 1, 2] [3, 4, 5]"], run.stderr
