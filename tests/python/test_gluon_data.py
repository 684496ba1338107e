"""mx.gluon.data: datasets, samplers, how batches are joined, and the loader: order, errors, time limits, threads."""

import gc
import pickle
import subprocess
import sys
import threading
import time

import mixnet as mx
import numpy as np
import pytest
from mixnet.gluon import data as gd


def pairs(count=10):
    return gd.ArrayDataset(np.arange(count, dtype="float32"), list(range(count)))


def values(loader):
    return [batch.asnumpy().ravel().tolist() for batch in loader]


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("mixnet-loader")]


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def test_contrib_has_the_sampler_too():
    assert mx.gluon.contrib.data.IntervalSampler is gd.IntervalSampler


def test_datasets_give_examples_as_mxnet_does():
    dataset = pairs()
    assert dataset[3] == (3.0, 3) and len(dataset) == 10 and list(dataset)[-1] == (9.0, 9)
    assert gd.ArrayDataset(mx.nd.arange(6))[2] == 2 and gd.SimpleDataset([1, 2, 3])[1] == 2
    shards = [dataset.shard(3, i) for i in range(3)]
    assert [len(s) for s in shards] == [4, 3, 3] and [s[0][1] for s in shards] == [0, 4, 7]
    assert [len(dataset.take(n)) for n in (3, None, 100)] == [3, 10, 10]
    assert dataset.filter(lambda pair: pair[1] % 2 == 0)[1] == (2.0, 2)
    assert dataset.sample(gd.SequentialSampler(3, 4))[2] == (6.0, 6)
    assert dataset.transform(lambda a, b: (a + 1, b))[2] == (3.0, 2)
    assert dataset.transform_first(lambda a: a * 100, lazy=False)[2] == (200.0, 2)
    assert gd.SimpleDataset([1, 2]).transform_first(lambda x: x + 1)[1] == 3


def test_lazy_transforms_run_when_asked_for():
    seen = []
    dataset = gd.SimpleDataset([1, 2, 3]).transform(lambda x: seen.append(x) or x)
    assert seen == [] and dataset[1] == 2 and seen == [2]
    gd.SimpleDataset([1, 2, 3]).transform(lambda x: seen.append(x) or x, lazy=False)
    assert seen == [2, 1, 2, 3]


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: gd.ArrayDataset(), "expected at least one array"),
        (lambda: gd.ArrayDataset([1, 2], [1]), "array 1: expected 2 examples like the first, got 1"),
        (lambda: pairs().shard(3, 3), "expected 0 <= index < num_shards, got 3 of 3"),
        (lambda: pairs().take(-1), "count: expected at least 0"),
        (lambda: pairs().sample([1]), "sampler: expected a Sampler, got list"),
        (lambda: gd.Dataset()[0], "expected the subclass to define it"),
        (lambda: gd.IntervalSampler(3, 4), "expected 1 to 3"),
        (lambda: gd.BatchSampler([1], 0), "batch_size: expected a whole number"),
        (lambda: gd.BatchSampler([1], 1, "drop"), "last_batch: expected one of"),
        (lambda: gd.DataLoader(pairs()), "batch_size: expected a number"),
        (lambda: gd.DataLoader(pairs(), 2, shuffle=True, sampler=[1]), "shuffle: expected none beside a sampler"),
        (lambda: gd.DataLoader(pairs(), 2, batch_sampler=[[1]]), "batch_sampler: expected none of"),
        (lambda: gd.DataLoader(pairs(), 2, timeout=0), "timeout: expected more than 0"),
        (lambda: gd.DataLoader(pairs(), 2, prefetch=-1), "prefetch: expected at least 0"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=message):
        make()


def test_record_file_dataset_reads_from_threads(tmp_path):
    path = str(tmp_path / "x.rec")
    with mx.recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), path, "w") as file:
        for key in range(50):
            file.write_idx(key, bytes([key]) * (key + 1))
    dataset = gd.RecordFileDataset(path)
    assert len(dataset) == 50 and dataset[7] == bytes([7]) * 8 and pickle.loads(pickle.dumps(dataset))[3] == bytes([3]) * 4
    lengths = gd.DataLoader(dataset.transform(len), 5, num_workers=3)
    assert sum(values(lengths), []) == list(range(1, 51))
    mx.io.register_scheme("tests", lambda uri: open(tmp_path / uri.rpartition("/")[2], "rb"))
    try:
        assert [len(record) for record in gd.RecordFileDataset("tests://x.rec")] == list(range(1, 51))
    finally:
        mx.io.register_scheme("tests", None)
    with pytest.raises(mx.MXNetError, match="expected .*y.rec with .*y.idx beside it"):
        gd.RecordFileDataset(str(tmp_path / "y.rec"))


def test_samplers():
    assert list(gd.SequentialSampler(3, 2)) == [2, 3, 4]
    np.random.seed(3)
    assert list(gd.RandomSampler(10)) == [5, 4, 1, 2, 9, 6, 7, 0, 3, 8]  # MXNet's order for this seed
    assert list(gd.FilterSampler(lambda pair: pair[1] > 6, pairs())) == [7, 8, 9]
    assert list(gd.IntervalSampler(13, 3)) == [0, 3, 6, 9, 12, 1, 4, 7, 10, 2, 5, 8, 11]
    short = gd.IntervalSampler(13, 3, rollover=False)
    assert list(short) == [0, 3, 6, 9, 12] and len(short) == 5
    rolling = gd.BatchSampler(gd.SequentialSampler(10), 3, "rollover")
    epochs = [(len(rolling), list(rolling)) for _ in range(3)]
    assert [count for count, _ in epochs] == [3, 3, 4] and epochs[2][1] == [[8, 9, 0], [1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert len(gd.BatchSampler(gd.SequentialSampler(10), 3)) == 4 and len(list(gd.BatchSampler(gd.SequentialSampler(10), 3, "discard"))) == 3


def test_default_batches_have_mxnets_types():
    def first(examples):
        return next(iter(gd.DataLoader(examples, 2)))

    assert first([1, 2]).dtype == np.int64 and first([1.5, 2]).dtype == np.float64 and first([True, False]).dtype == np.bool_
    assert first([mx.nd.ones((2,))] * 2).shape == (2, 2) and first([np.zeros(3, "uint8")] * 2).dtype == np.uint8
    nested = first([(np.zeros(2), (1, 2))] * 2)
    assert isinstance(nested, list) and [part.asnumpy().tolist() for part in nested[1]] == [[1, 1], [2, 2]]
    with pytest.raises(gd.ItemError, match="batch 0: TypeError: .*expected numbers, arrays of one shape or tuples"):
        first(["a", "b"])


def test_batchify_functions():
    words = [np.array([1, 2, 3], "int32"), np.array([4], "int32")]
    padded, lengths = gd.batchify.Pad(val=-1, ret_length=True)(words)
    assert padded.asnumpy().tolist() == [[1, 2, 3], [4, -1, -1]] and lengths.asnumpy().tolist() == [3, 1]
    assert gd.batchify.Pad(round_to=4)(words).shape == (2, 4)
    assert gd.batchify.Pad(axis=0, dtype="float32")([np.ones((2, 3)), np.ones((1, 3))]).shape == (2, 2, 3)
    assert [a.shape for a in gd.batchify.Append()(words)] == [(1, 3), (1, 1)]
    both = gd.batchify.Group(gd.batchify.Pad(), gd.batchify.Stack())([(words[0], 1.0), (words[1], 2.0)])
    assert both[0].shape == (2, 3) and both[1].asnumpy().tolist() == [1, 2]
    assert gd.batchify.AsList()(["a", "b"]) == ["a", "b"]
    with pytest.raises(ValueError, match=r"example 1: expected a shape like \(2, 3\), got \(2, 4\)"):
        gd.batchify.Pad(axis=0)([np.ones((2, 3)), np.ones((2, 4))])
    with pytest.raises(ValueError, match="expected examples of 2 parts, got 3"):
        gd.batchify.Group(len, len)([(1, 2, 3)])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_order_is_the_samplers_whatever_the_workers(workers):
    def slow_when_early(number):
        time.sleep(0.002 * (20 - number) / 20)
        return number

    dataset = gd.SimpleDataset(list(range(20))).transform(slow_when_early)
    loader = gd.DataLoader(dataset, 3, num_workers=workers)
    assert len(loader) == 7
    for _ in range(2):
        assert sum(values(loader), []) == list(range(20))
    assert len(values(gd.DataLoader(dataset, 3, last_batch="discard", num_workers=workers))) == 6
    rolling = gd.DataLoader(dataset, 8, last_batch="rollover", num_workers=workers)
    assert [len(values(rolling)) for _ in range(2)] == [2, 3]
    assert values(gd.DataLoader(dataset, batch_sampler=[[5, 1], [2]], num_workers=workers)) == [[5, 1], [2]]
    np.random.seed(7)
    shuffled = values(gd.DataLoader(dataset, 20, shuffle=True, num_workers=workers))[0]
    assert shuffled == np.random.RandomState(7).permutation(20).tolist()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_draws_do_not_depend_on_the_workers(workers):
    def draw(_):
        time.sleep(0.0005)
        return gd.item_random().uniform()

    dataset = gd.SimpleDataset(list(range(24))).transform(draw)

    def epochs(count):
        mx.random.seed(11)
        loader = gd.DataLoader(dataset, 5, num_workers=count)
        return [sum(values(loader), []) for _ in range(2)]

    direct = epochs(0)
    assert direct[0] != direct[1] and len(set(direct[0])) == 24
    assert epochs(workers) == direct


def test_draws_outside_of_a_loader_follow_the_seed():
    def three():
        mx.random.seed(5)
        return [gd.item_random().uniform() for _ in range(3)]

    first = three()
    assert three() == first and len(set(first)) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_names_batch_and_example_and_the_epoch_goes_on(workers):
    def some_fail(number):
        if number == 7:
            raise KeyError("seven")
        return number

    order = [3, 1, 7, 2, 5, 4]
    iterator = iter(gd.DataLoader(gd.SimpleDataset(list(range(10))).transform(some_fail), 2, sampler=order, num_workers=workers))
    assert next(iterator).asnumpy().tolist() == [3, 1]
    with pytest.raises(gd.ItemError, match="batch 1, example 7: KeyError: 'seven'") as caught:
        next(iterator)
    assert caught.value.index == 7 and caught.value.batch == 1 and isinstance(caught.value.__cause__, KeyError)
    assert next(iterator).asnumpy().tolist() == [5, 4]
    assert next(iterator, None) is None


@pytest.mark.parametrize("workers", [0, 2])
def test_an_example_that_ends_iteration_is_an_error(workers):
    def stop(number):
        raise StopIteration

    with pytest.raises(gd.ItemError, match="batch 0, example 0: StopIteration"):
        list(gd.DataLoader(gd.SimpleDataset([1, 2]).transform(stop), 2, num_workers=workers))


def test_batches_in_flight_are_bounded():
    made = []
    dataset = gd.SimpleDataset(list(range(100))).transform(lambda x: made.append(x) or x)
    iterator = iter(gd.DataLoader(dataset, 1, num_workers=2, prefetch=3))
    assert wait_for(lambda: len(made) == 3)
    time.sleep(0.05)
    assert len(made) == 3
    for taken in range(1, 5):
        next(iterator)
        assert wait_for(lambda: len(made) == 3 + taken)
        time.sleep(0.01)
        assert len(made) == 3 + taken
    iterator.close()
    none_ahead = iter(gd.DataLoader(dataset, 1, num_workers=2, prefetch=0))
    del made[:]
    time.sleep(0.03)
    assert made == [] and next(none_ahead).asnumpy().tolist() == [0] and made == [0]


def test_a_batch_that_takes_too_long_is_an_error():
    release = threading.Event()
    loader = gd.DataLoader(gd.SimpleDataset([1, 2, 3]).transform(lambda x: release.wait(20) and x), 1, num_workers=1, timeout=0.1)
    iterator = iter(loader)
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="batch 0: expected it within the timeout of 0.1 s"):
        next(iterator)
    assert time.monotonic() - begun < 5
    assert next(iterator, None) is None
    release.set()
    gc.collect()  # iterators that other tests' exceptions hold
    assert wait_for(lambda: not loader_threads())
    assert values(loader) == [[1], [2], [3]]


def test_iterators_end_with_work_in_flight():
    dataset = gd.SimpleDataset(list(range(1000))).transform(lambda x: time.sleep(0.001) or x)
    loader = gd.DataLoader(dataset, 50, num_workers=3)
    for batch in loader:
        assert batch.shape == (50,)
        break
    del batch
    assert wait_for(lambda: not loader_threads(), 2)
    with iter(loader) as iterator:
        next(iterator)
    assert wait_for(lambda: not loader_threads(), 2) and next(iterator, None) is None
    for _ in range(20):
        iter(loader).close()
    assert wait_for(lambda: not loader_threads(), 2)


def test_a_process_ends_with_work_in_flight():
    script = (
        "import time, mixnet as mx; from mixnet.gluon import data as gd\n"
        "data = gd.SimpleDataset([mx.nd.ones((64, 64))] * 500).transform(lambda x: time.sleep(0.001) or mx.nd.dot(x, x))\n"
        "iterator = iter(gd.DataLoader(data, 100, num_workers=3)); next(iterator); print('done')"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def test_close_from_another_thread_wakes_the_one_that_waits():
    release = threading.Event()
    iterator = iter(gd.DataLoader(gd.SimpleDataset([1, 2]).transform(lambda x: release.wait(20) and x), 1, num_workers=1))
    got = []
    waiting = threading.Thread(target=lambda: got.append(next(iterator, "end")))
    waiting.start()
    time.sleep(0.05)
    iterator.close()
    waiting.join(5)
    assert got == ["end"]
    release.set()


def test_several_epochs_at_once_and_auto_reload():
    loader = gd.DataLoader(gd.SimpleDataset(list(range(6))), 2, num_workers=2)
    assert list(zip(values(loader), values(loader)))[2] == ([4, 5], [4, 5])
    made = []
    eager = gd.DataLoader(gd.SimpleDataset([1, 2]).transform(lambda x: made.append(x) or x), 1, num_workers=1, auto_reload=True)
    assert wait_for(lambda: made == [1, 2])
    assert values(eager) == [[1], [2]] and wait_for(lambda: made == [1, 2, 1, 2])
    eager.refresh()
    assert wait_for(lambda: len(made) == 6) and values(eager) == [[1], [2]]
    eager.clean()
    assert wait_for(lambda: not loader_threads(), 2)


def test_pinned_batches():
    (batch,) = gd.DataLoader(pairs(4), 4, pin_memory=True, num_workers=1)
    assert isinstance(batch, list) and batch[0].context.device_type == "cpu_pinned" and batch[1].asnumpy().tolist() == [0, 1, 2, 3]


def test_a_subclass_with_examples_of_its_own_is_asked_for_them():
    class Doubled(gd.ArrayDataset):
        def __getitem__(self, idx):
            return super().__getitem__(idx) * 2

    assert values(gd.DataLoader(Doubled(np.arange(4)), 4)) == [[0, 2, 4, 6]]
    assert values(gd.DataLoader(gd.ArrayDataset(np.arange(4)), 2, sampler=[-1, 0])) == [[3, 0]]
    with pytest.raises(gd.ItemError, match="batch 0, example 9: IndexError"):
        list(gd.DataLoader(gd.ArrayDataset(np.arange(4)), 2, sampler=[1, 9]))


def test_an_epoch_feeds_a_module():
    rng = np.random.RandomState(0)
    x = rng.randn(200, 4).astype("float32")
    y = (x[:, 0] > x[:, 1]).astype("float32")
    loader = gd.DataLoader(gd.ArrayDataset(x, y), 20, shuffle=True, num_workers=2)
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=2), name="softmax")
    module = mx.mod.Module(net)
    train = mx.contrib.io.DataLoaderIter(loader)
    module.fit(train, num_epoch=10, optimizer_params={"learning_rate": 0.5})
    train.reset()
    assert dict(module.score(train, "acc"))["accuracy"] > 0.9


def test_data_loader_iter_fills_the_last_batch_up():
    loader = gd.DataLoader(gd.ArrayDataset(np.arange(10.0).reshape(5, 2), np.arange(5)), 2)
    it = mx.contrib.io.DataLoaderIter(loader, label_name="y")
    assert it.provide_data == [("data", (2, 2))] and it.provide_label == [("y", (2,))] and it.batch_size == 2
    for _ in range(2):
        batches = list(it)
        assert [b.pad for b in batches] == [0, 0, 1] and batches[2].data[0].shape == (2, 2)
        assert batches[2].label[0].asnumpy()[0] == 4 and batches[0].data[0].dtype == np.float32
        it.reset()
    with pytest.raises(ValueError, match="loader: expected at least one batch"):
        mx.contrib.io.DataLoaderIter(gd.DataLoader([], 2))
