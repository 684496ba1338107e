"""The C ABI's optimizers, as other languages use them, beside Python's rule by rule."""

import json

import numpy as np
import pytest

import mixnet as mx
from mixnet.base import check, ffi, lib, text

CASES = [
    ("sgd", {"learning_rate": 0.1, "wd": 0.01}),
    ("sgd", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01, "clip_gradient": 0.3, "rescale_grad": 0.5}),
    ("nag", {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01}),
    ("adam", {"wd": 0.01}),
    ("adagrad", {"wd": 0.01, "clip_gradient": 0.4}),
    ("rmsprop", {"wd": 0.01}),
    ("rmsprop", {"centered": True, "clip_weights": 0.9}),
    ("adadelta", {"wd": 0.01}),
    ("ftrl", {"wd": 0.01}),
    ("adamax", {"wd": 0.01}),
    ("signum", {"wd": 0.01, "wd_lh": 0.01}),
    ("signsgd", {"wd": 0.01}),
    ("ftml", {"wd": 0.01}),
    ("lamb", {"wd": 0.01, "upper_bound": 10.0}),
]


class COptimizer:
    def __init__(self, name, **options):
        keys = [ffi.new("char[]", k.encode()) for k in options]
        values = [ffi.new("char[]", str(v).encode()) for v in options.values()]
        out = ffi.new("mxn_optimizer_t **")
        check(lib.mxn_optimizer_create(name.encode(), ffi.new("const char *[]", keys), ffi.new("const char *[]", values), len(keys), out))
        self.handle = ffi.gc(out[0], lib.mxn_optimizer_free)

    def update(self, key, weight, grad):
        name = ffi.new("char[]", key.encode())
        arrays = [ffi.new("mxn_ndarray_t *[]", [a.handle]) for a in (weight, grad)]
        check(lib.mxn_optimizer_update(self.handle, ffi.new("const char *[]", [name]), *arrays, 1))


def arrays(seed):
    rng = np.random.default_rng(seed)
    return mx.nd.array(rng.normal(size=(3, 4))), [mx.nd.array(rng.normal(size=(3, 4))) for _ in range(5)]


@pytest.mark.parametrize("name, options", CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_same_steps_as_python(name, options):
    ours, grads = arrays(1)
    theirs = ours.copy()
    c = COptimizer(name, **options)
    updater = mx.optimizer.get_updater(mx.optimizer.create(name, **options))
    for grad in grads:
        c.update("fc_weight", ours, grad)
        updater(0, grad, theirs)
    np.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), rtol=1e-6, atol=1e-7)
    assert not np.array_equal(ours.asnumpy(), arrays(1)[0].asnumpy())


def test_schemas_name_the_same_defaults_as_python():
    out = ffi.new("char **")
    check(lib.mxn_optimizer_schemas(out))
    for schema in json.loads(text(out[0])):
        optimizer = mx.optimizer.create(schema["name"])
        for p in schema["params"]:
            attribute = {"learning_rate": "lr", "eps": "float_stable_eps"}.get(p["name"], p["name"])
            python, c = getattr(optimizer, attribute), p["default"]
            # Python says None where the library says below 0.
            assert (python is None and float(c) < 0) or (str(python) == c if isinstance(python, bool) else float(python) == float(c)), (schema["name"], p)


def test_saved_states_and_files_that_are_none(tmp_path):
    weight, grads = arrays(2)
    other = weight.copy()
    whole, first, second = (COptimizer("adam", learning_rate=0.1) for _ in range(3))
    for grad in grads:
        whole.update("w_weight", weight, grad)
    for grad in grads[:2]:
        first.update("w_weight", other, grad)
    path = str(tmp_path / "adam.states").encode()
    check(lib.mxn_optimizer_save(first.handle, path))
    check(lib.mxn_optimizer_load(second.handle, path))
    for grad in grads[2:]:
        second.update("w_weight", other, grad)
    np.testing.assert_array_equal(weight.asnumpy(), other.asnumpy())
    with pytest.raises(mx.MXNetError, match="expected the states of sgd"):
        check(lib.mxn_optimizer_load(COptimizer("sgd").handle, path))
    (tmp_path / "adam.states").write_bytes(b"nonsense")
    with pytest.raises(mx.MXNetError):
        check(lib.mxn_optimizer_load(second.handle, path))


def test_a_store_that_updates_with_an_optimizer():
    store = mx.kv.create("local")
    store.init("w_weight", mx.nd.ones((2, 2)))
    check(lib.mxn_kvstore_set_optimizer(store._h, COptimizer("sgd", learning_rate=0.5).handle))
    for _ in range(2):
        store.push("w_weight", [mx.nd.ones((2, 2)), mx.nd.ones((2, 2))])
    out = mx.nd.zeros((2, 2))
    store.pull("w_weight", out)
    np.testing.assert_allclose(out.asnumpy(), -1.0)


def test_handles_are_counted():
    count = ffi.new("int64_t *")
    check(lib.mxn_handle_count(count))
    before = count[0]
    kept = COptimizer("sgd")
    check(lib.mxn_handle_count(count))
    assert count[0] == before + 1
    del kept
    check(lib.mxn_handle_count(count))
    assert count[0] == before
