"""The local store from Python: keys, push and pull in one call, codes, rows, consistency, states of optimizers."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import mixnet as mx


def ones(value=1.0, shape=(3,), ctx=None):
    return mx.nd.ones(shape, ctx=ctx) * value


def pulled(store, key, shape=(3,)):
    out = mx.nd.zeros(shape)
    store.pull(key, out)
    return out.asnumpy()


def test_pushpull_takes_any_number_of_arrays_and_outputs():
    store = mx.kv.create("device")
    store.init(["a", 7], [ones(), ones()])
    value = [ones(2), ones(3)]
    store.pushpull("a", value)  # without outputs into the values
    assert [v.asnumpy().tolist() for v in value] == [[5.0] * 3] * 2
    outs = [mx.nd.zeros((3,)) for _ in range(3)]
    store.pushpull(["a", 7], [ones(4), [ones(1), ones(2)]], out=[outs[:2], outs[2]])
    assert [o.asnumpy()[0] for o in outs] == [4, 4, 3]
    store.pushpull("a", ones(9), out=outs[0], priority=-3)
    assert outs[0].asnumpy()[0] == 9


def test_keys_keep_their_type_for_updaters_and_mistakes_are_named():
    store = mx.kv.create("local")
    seen = []
    store.set_updater(lambda key, received, stored: seen.append(key))
    store.init([3, "three"], [ones(), ones()])
    store.push([3, "three"], [ones(), ones()])
    mx.nd.waitall()
    assert sorted(map(repr, seen)) == ["'three'", "3"]
    assert 3 in store and "three" in store and "3" not in store
    with pytest.raises(TypeError, match="expected an NDArray, got float"):
        store.push(3, 1.5)
    with pytest.raises(TypeError, match="expected a text or an integer, got tuple"):
        store.push([(1, 2)], [ones()])
    with pytest.raises(mx.MXNetError, match="2 keys and 1 values"):
        store.push([3, "three"], [ones()])
    with pytest.raises(mx.MXNetError, match="key x was not initialised"):
        store.pushpull("x", ones())


def test_init_by_force_begins_anew():
    store = mx.kv.create("local")
    store.init("a", ones())
    with pytest.raises(mx.MXNetError, match="key a exists already"):
        store.init("a", ones(2))
    store.init(["a", "b"], [ones(2, (2, 2)), ones(4)], force=True)
    assert pulled(store, "a", (2, 2)).tolist() == [[2, 2], [2, 2]]
    assert pulled(store, "b").tolist() == [4, 4, 4]
    with pytest.raises(mx.MXNetError, match="given twice"):
        store.init(["a", "a"], [ones(), ones()], force=True)


GRADIENT = [0.2, 0.6, -0.7, 0.5, -0.5, 1.3, -2.0, 0.0, float("nan"), float("inf")]


@pytest.mark.parametrize("devices", [1, 2])
def test_two_bits_as_mxnet_sends_them(devices):
    """The numbers are those of MXNet 1.9.1."""
    store = mx.kv.create("device")
    store.set_gradient_compression({"type": "2bit", "threshold": 0.5})
    store.init("a", ones(0, (10,)))
    for first in (0, 0, 1):
        store.push("a", [mx.nd.array(GRADIENT, ctx=mx.cpu(i)) for i in range(devices)])
        expected = np.array([first, 1, -1, 1, -1, 1, -1, 0, 0, 1]) * 0.5 * devices
        np.testing.assert_array_equal(pulled(store, "a", (10,)), expected)


@pytest.mark.parametrize("kind, expected", [("1bit", [0.5, 0.5, -0.5]), ("fp16", [0.25, 0.25, -1.0]), ("none", [0.25, 0.25, -1.0])])
def test_other_codes(kind, expected):
    store = mx.kv.create("device")
    store.init("a", ones())
    store.set_gradient_compression({"type": kind})
    store.push("a", mx.nd.array([0.25, 0.25, -1.0]))
    np.testing.assert_array_equal(pulled(store, "a"), expected)


def test_compressed_training_arrives():
    store = mx.kv.create("device")
    store.set_gradient_compression({"type": "2bit", "threshold": 1})
    target = np.random.default_rng(0).uniform(-1, 1, 20).astype("float32")
    store.init("w", mx.nd.zeros((20,)))
    store.set_optimizer(mx.optimizer.SGD(learning_rate=0.02))
    weight = mx.nd.zeros((20,))
    for _ in range(400):
        store.pushpull("w", [weight - mx.nd.array(target)] * 2, out=weight)
    assert np.abs(weight.asnumpy() - target).max() < 0.1


def test_compression_mistakes():
    store = mx.kv.create("device")
    for params, message in [
        ({}, "nothing"),
        ({"type": "3bit"}, "'3bit'"),
        ({"type": "2bit", "threshold": 0}, "above 0"),
        ({"type": "2bit", "size": 1}, "size"),
    ]:
        with pytest.raises(mx.MXNetError, match=message):
            store.set_gradient_compression(params)
    with pytest.raises(TypeError):
        store.set_gradient_compression("2bit")
    with pytest.raises(mx.MXNetError, match="expected device or one between machines, got local"):
        mx.kv.create("local").set_gradient_compression({"type": "2bit"})


def test_rows():
    store = mx.kv.create("local")
    table = mx.nd.array(np.arange(8, dtype="float32").reshape(4, 2) + 1)
    store.init("w", table)
    outs = [ones(9, (4, 2)) for _ in range(2)]
    store.row_sparse_pull("w", out=outs, row_ids=[mx.nd.array([2, 0, 2], dtype="int64"), mx.nd.array([3])])
    assert [o.asnumpy().tolist() for o in outs] == [[[1, 2], [0, 0], [5, 6], [0, 0]], [[0, 0], [0, 0], [0, 0], [7, 8]]]
    store.row_sparse_pull(["w"], out=[outs], row_ids=mx.nd.array([1], dtype="int32"))
    assert all(o.asnumpy().tolist() == [[0, 0], [3, 4], [0, 0], [0, 0]] for o in outs)
    store.push_rows("w", mx.nd.array([1, 3, 1]), ones(1, (3, 2)))
    assert pulled(store, "w", (4, 2)).tolist() == [[0, 0], [2, 2], [0, 0], [1, 1]]
    store.row_sparse_pull("w", out=outs[0], row_ids=mx.nd.array([4]))
    for read in (outs[0].asnumpy, mx.nd.waitall):
        with pytest.raises(mx.MXNetError, match="from 0 to 3, got 4"):
            read()
    with pytest.raises(mx.MXNetError, match="expected 1 or 2 arrays, got 3"):
        store.row_sparse_pull("w", out=outs, row_ids=[mx.nd.array([1])] * 3)
    with pytest.raises(TypeError, match="row_ids: expected NDArrays, got int"):
        store.push_rows("w", [1], ones(1, (1, 2)))
    with pytest.raises(mx.MXNetError, match="row_ids"):
        store.row_sparse_pull("w", out=outs[0])


def test_gradients_without_rows_are_part_of_the_same_update():
    store, seen = mx.kv.create("local"), []
    store.init("w", ones(1, (4, 2)))
    store.set_updater(lambda key, received, stored: seen.append(received.asnumpy().sum()))
    none = mx.nd.sparse.zeros("row_sparse", (4, 2))
    one = mx.nd.sparse.row_sparse_array((np.ones((1, 2), "f"), [1]), shape=(4, 2))
    store.push("w", [none, one])
    store.push("w", [none, none])
    store.barrier()
    assert seen == [2.0, 0.0]


@pytest.mark.parametrize("lazy", [True, False])
def test_rows_of_an_optimizer(lazy):
    """MXNet's lazy update: weight decay only where a row was pushed; with states, or in Python, everywhere."""
    store = mx.kv.create("local")
    store.init("w_weight", ones(1, (4, 2)))
    store.set_optimizer(mx.optimizer.Native("sgd", learning_rate=1.0, wd=0.1) if lazy else mx.optimizer.SGD(learning_rate=1.0, wd=0.1))
    rows = mx.nd.array([1, 3])
    store.push_rows(["w_weight"], [rows, rows], [[ones(1, (2, 2)), ones(1, (2, 2))]])
    rest = 1.0 if lazy else 0.9
    np.testing.assert_allclose(pulled(store, "w_weight", (4, 2)), [[rest] * 2, [-1.1] * 2, [rest] * 2, [-1.1] * 2], rtol=1e-6)


def test_eventual_updates_take_each_device_on_its_own():
    store = mx.kv.create("local")
    store.set_consistency("eventual")
    store.init("a", ones(0))
    seen = []

    def updater(key, received, stored):
        seen.append(received.asnumpy()[0])
        stored += received

    store.set_updater(updater)
    store.push("a", [ones(1), ones(2), ones(4)])
    mx.nd.waitall()
    assert pulled(store, "a").tolist() == [7, 7, 7]
    assert sorted(seen) == [1, 2, 4]
    with pytest.raises(mx.MXNetError, match="expected sequential or eventual, got 'never'"):
        store.set_consistency("never")


@pytest.mark.parametrize("native", [True, False])
def test_states_of_an_optimizer_are_saved_and_read(tmp_path, native):
    def new_store(value):
        store = mx.kv.create("local")
        store.init("a", value)
        make = mx.optimizer.Native if native else mx.optimizer.create
        store.set_optimizer(make("adam", learning_rate=0.1))
        return store

    store = new_store(ones())
    for _ in range(3):
        store.push("a", ones(0.5))
    path = str(tmp_path / "states")
    store.save_optimizer_states(path)
    second = new_store(mx.nd.array(pulled(store, "a")))
    second.load_optimizer_states(path)
    for each in (store, second):
        each.push("a", ones(-0.25))
    np.testing.assert_array_equal(pulled(store, "a"), pulled(second, "a"))
    fresh = new_store(mx.nd.array(pulled(store, "a")))
    fresh.push("a", ones(-0.25))
    store.push("a", ones(-0.25))
    assert np.abs(pulled(store, "a") - pulled(fresh, "a")).max() > 1e-3
    path = tmp_path / "other"
    path.write_bytes(b"no states")
    with pytest.raises(mx.MXNetError):
        store.load_optimizer_states(str(path))
    with pytest.raises(mx.MXNetError, match="expected an optimizer before its states are saved"):
        mx.kv.create("local").save_optimizer_states(str(path))


def test_native_optimizer_mistakes():
    with pytest.raises(mx.MXNetError, match="expected one of"):
        mx.optimizer.Native("none")
    with pytest.raises(mx.MXNetError, match="unknown option"):
        mx.optimizer.Native("sgd", speed=1)


@pytest.mark.parametrize("contexts", [1, 2])
def test_a_store_serves_a_second_training(contexts):
    data = mx.sym.Variable("data")
    net = mx.sym.LinearRegressionOutput(mx.sym.FullyConnected(data, num_hidden=1, name="fc"), mx.sym.Variable("lin_label"))
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(64, 4)).astype("float32")
    labels = inputs @ np.array([1, -2, 3, 0.5], "float32")
    store = mx.kv.create("device")
    weights = []
    for _ in range(2):
        batches = mx.io.NDArrayIter(inputs, labels, 16, label_name="lin_label")
        module = mx.mod.Module(net, label_names=["lin_label"], context=[mx.cpu(i) for i in range(contexts)])
        module.fit(
            batches, num_epoch=30, kvstore=store, optimizer="sgd", optimizer_params={"learning_rate": 0.1}, eval_metric="mse", initializer=mx.init.Zero()
        )
        weights.append(module.get_params()[0]["fc_weight"].asnumpy())
    np.testing.assert_allclose(weights[0].ravel(), [1, -2, 3, 0.5], atol=0.05)
    np.testing.assert_array_equal(weights[0], weights[1])


def test_many_threads_use_one_store():
    store = mx.kv.create("local")
    names = [f"key{i}" for i in range(8)]
    store.init(names, [ones(0)] * 8)
    store.set_optimizer(mx.optimizer.Native("sgd", learning_rate=1.0))
    errors = []

    def work(name):
        try:
            for _ in range(50):
                store.pushpull(name, ones(-1), out=mx.nd.zeros((3,)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert all(pulled(store, name).tolist() == [50] * 3 for name in names)


USES_THE_STORE = """
import mixnet as mx

store = mx.kv.create("local")
store.init(["a", "b"], [mx.nd.zeros((3,)), mx.nd.ones((3,))])


def updater(key, received, stored):
    out = mx.nd.zeros((3,))
    store.pull("b", out)
    stored += received * out


store.set_updater(updater)
gradient = mx.nd.ones((3,))
for _ in range(300):
    store.push("a", [gradient, gradient])
out = mx.nd.zeros((3,))
store.pull("a", out)
assert out.asnumpy().tolist() == [600] * 3
"""


def test_an_updater_may_use_the_store_while_pushes_wait_for_room():
    environment = {**os.environ, "MIXNET_ENGINE_MAX_OPS": "16"}
    subprocess.run([sys.executable, "-c", USES_THE_STORE], env=environment, check=True, timeout=60)
