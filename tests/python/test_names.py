"""Where scripts for MXNet look for things: namespaces of operators, functions over them, and the small modules beside."""

import logging
import sys

import numpy as np
import pytest

import mixnet as mx

X = mx.nd.array(np.arange(12).reshape(6, 2))


def shapes(arrays):
    return [array.shape for array in arrays]


def test_namespaces_of_operators():
    assert mx.nd._internal._plus_scalar(X, scalar=1).asnumpy()[0, 0] == 1
    assert mx.sym._internal._plus_scalar(mx.sym.var("x"), scalar=1).eval(x=X)[0].asnumpy()[0, 0] == 1
    np.testing.assert_array_equal(mx.nd.op.relu(-X).asnumpy(), 0)
    np.testing.assert_array_equal(mx.sym.op.relu(mx.sym.var("x")).eval(x=-X)[0].asnumpy(), 0)
    sparse = mx.nd.sparse.csr_matrix(np.eye(2, dtype="float32"))
    np.testing.assert_array_equal(mx.nd.sparse.dot(sparse, X.T).asnumpy(), X.asnumpy().T)
    np.testing.assert_array_equal(mx.sym.sparse.elemwise_add(mx.sym.var("x"), mx.sym.var("x")).eval(x=X)[0].asnumpy(), 2 * X.asnumpy())
    assert mx.contrib.nd is mx.nd.contrib and mx.contrib.sym is mx.sym.contrib and mx.contrib.autograd is mx.autograd
    assert not any(name.startswith("__") and callable(value) for name, value in vars(mx.nd._internal).items() if name in mx.nd.gen_op.__all__)


def test_parts_along_an_axis():
    for split, run in ((mx.nd.split_v2, lambda parts: parts), (mx.sym.split_v2, lambda parts: parts.eval(x=X))):
        x = X if split is mx.nd.split_v2 else mx.sym.var("x")
        assert shapes(run(split(x, 3))) == [(2, 2)] * 3
        assert shapes(run(split(x, (1, 3)))) == [(1, 2), (2, 2), (3, 2)]
        assert shapes(run(split(x, 2, axis=1, squeeze_axis=True))) == [(6,), (6,)]
    assert shapes(X.split_v2((2,))) == [(2, 2), (4, 2)]
    assert shapes(mx.sym.split_v2(mx.sym.var("x"), 4).eval(x=X)) == [(2, 2), (2, 2), (1, 2), (1, 2)]
    for sections in (4, 0, -2):
        with pytest.raises(ValueError, match=rf"\[split_v2\] indices_or_sections: expected a divisor of 6, got {sections}"):
            mx.nd.split_v2(X, sections)
    with pytest.raises(mx.base.MXNetError, match=r"\[_split_v2\] indices: expected at most 6"):
        mx.nd.split_v2(X, (3, 9))


def test_histograms():
    values = mx.nd.array([0.0, 1, 2, 2, 5])
    counts, edges = mx.nd.histogram(values, bins=5)
    np.testing.assert_array_equal(counts.asnumpy(), [1, 1, 2, 0, 1])
    np.testing.assert_array_equal(edges.asnumpy(), np.arange(6))
    np.testing.assert_array_equal(mx.nd.histogram(values, bins=mx.nd.array([0, 2, 4, 6]))[0].asnumpy(), [2, 2, 1])
    np.testing.assert_array_equal(mx.nd.histogram(values, bins=2, range=(0, 4))[0].asnumpy(), [2, 2])
    np.testing.assert_array_equal(mx.nd.histogram(mx.nd.ones((4,)), bins=2)[0].asnumpy(), np.histogram(np.ones(4), bins=2)[0])
    np.testing.assert_array_equal(mx.sym.histogram(mx.sym.var("x"), bins=2, range=(0, 4)).eval(x=values)[0].asnumpy(), [2, 2])
    with pytest.raises(mx.base.MXNetError, match=r"\[histogram\] range: expected \(low, high\)"):
        mx.sym.histogram(mx.sym.var("x"))


def test_one_hot_into_an_array():
    out = mx.nd.zeros((3, 4))
    assert mx.nd.onehot_encode(mx.nd.array([0, 2, 1]), out) is out
    np.testing.assert_array_equal(out.asnumpy(), np.eye(4)[[0, 2, 1]])


def test_symbols_without_inputs():
    np.testing.assert_array_equal(mx.sym.linspace(0, 1, 5).eval()[0].asnumpy(), np.linspace(0, 1, 5))
    np.testing.assert_array_equal(mx.sym.eye(2, 3, 1).eval()[0].asnumpy(), np.eye(2, 3, 1))


def test_operators_as_methods():
    x = mx.sym.var("x")
    np.testing.assert_allclose(x.log1p().eval(x=X)[0].asnumpy(), np.log1p(X.asnumpy()), rtol=1e-6)
    assert x.topk(k=1, axis=0).eval(x=X)[0].asnumpy().tolist() == [[5, 5]]
    assert shapes(x.split_v2(2).eval(x=X)) == [(3, 2), (3, 2)]
    images = mx.nd.arange(16).reshape((1, 4, 2, 2))
    assert images.depth_to_space(2).space_to_depth(2).asnumpy().tolist() == images.asnumpy().tolist()
    whole = X.slice_assign(mx.nd.zeros((2, 2)), begin=(1, 0), end=(3, 2), step=(1, 1)).asnumpy()
    assert whole[1:3].sum() == 0 and whole[3:].sum() == X.asnumpy()[3:].sum()
    assert X.slice_assign_scalar(7, begin=(0, 0), end=(1, 2), step=(1, 1)).asnumpy()[0].tolist() == [7, 7]


def test_memory_for_other_libraries():
    for capsule in (mx.nd.to_dlpack_for_read(X), mx.nd.to_dlpack_for_write(X)):
        np.testing.assert_array_equal(mx.nd.from_dlpack(capsule).asnumpy(), X.asnumpy())


def test_steps_of_lamb_by_lists():
    def arrays(count=4):
        return [[mx.nd.ones((3,)) * (k + 1) / 8 for _ in range(2)] for k in range(count)]

    weights, *others = arrays()
    got = mx.nd.contrib.multi_lamb_update(weights, *others, [1, 2], [0.1, 0.2], [0.0, 0.0])
    assert got is weights
    copies, *others = arrays(5)
    halves = [weight.astype("float16") for weight in copies]
    grads = [grad.astype("float16") for grad in others[0]]
    mx.nd.contrib.multi_mp_lamb_update(halves, grads, *others[1:3], copies, [1, 2], [0.1, 0.2], [0.0, 0.0])
    for weight, half in zip(weights, halves):
        np.testing.assert_allclose(half.asnumpy(), weight.asnumpy(), rtol=2e-3)


def test_bulk_sizes_are_kept():
    assert mx.engine.set_bulk_size(5) == 0
    with mx.engine.bulk(7):
        assert mx.engine.set_bulk_size(7) == 7
    assert mx.engine.set_bulk_size(0) == 5


def test_a_registry_of_ones_own():
    class Base:
        pass

    register, alias, create = (make(Base, "thing") for make in (mx.registry.get_register_func, mx.registry.get_alias_func, mx.registry.get_create_func))

    @register
    @alias("bee", "cee")
    class First(Base):
        def __init__(self, x=1):
            self.x = x

    assert set(mx.registry.get_registry(Base)) == {"first", "bee", "cee"}
    made = create("First", x=3)
    assert made.x == 3 and create(made) is made and create("bee").x == 1
    assert create('["cee", {"x": 5}]').x == 5 and create({"thing": "first", "x": 9}).x == 9
    for wrong in ("zed", 3, None):
        with pytest.raises(mx.base.MXNetError, match=r"\[thing\] expected one of bee, cee, first, got"):
            create(wrong)
    with pytest.raises(mx.base.MXNetError, match="an object takes no options"):
        create(made, x=1)
    with pytest.raises(mx.base.MXNetError, match="expected a subclass of Base"):
        register(int)


def test_features():
    features = mx.runtime.Features()
    assert features.is_enabled("PROFILER") and not features.is_enabled("tvm_op")
    assert features.is_enabled("CUDA") == (mx.num_gpus() > 0) and features.is_enabled("MKLDNN") == mx.base.features()["onednn"]
    assert len(features) == 32 and "✔ PROFILER" in repr(features)
    with pytest.raises(RuntimeError, match="expected one of BLAS_APPLE, .*, got NOPE"):
        features.is_enabled("NOPE")


def test_loggers(tmp_path):
    logger = mx.log.get_logger("names", str(tmp_path / "log"), level=mx.log.INFO)
    assert mx.log.get_logger("names", level=logging.DEBUG) is logger and len(logger.handlers) == 1
    logger.info("said")
    line = (tmp_path / "log").read_text()
    assert line.startswith("I") and "test_names.py" in line and line.endswith("] said\n")
    logger.removeHandler(logger.handlers[0])


def test_settings_and_the_arrays_of_numpy(monkeypatch):
    mx.util.setenv("MIXNET_TEST_NAME", "1")
    assert mx.util.getenv("MIXNET_TEST_NAME") == "1"
    mx.util.setenv("MIXNET_TEST_NAME", None)
    assert mx.util.getenv("MIXNET_TEST_NAME") is None
    assert mx.util.get_gpu_count() == mx.num_gpus()
    assert not mx.util.is_np_array() and not mx.util.is_np_shape() and mx.util.set_np_shape(False) is False
    with mx.util.np_shape(False):
        pass
    for ask in (mx.util.set_np, lambda: mx.util.set_np_shape(True), mx.util.use_np(lambda: None)):
        with pytest.raises(mx.base.MXNetError, match=r"\[util\] numpy's arrays and shapes"):
            ask()
    if not mx.num_gpus():
        with pytest.raises(mx.base.MXNetError):
            mx.util.get_gpu_memory(0)


def test_small_modules_load_when_they_are_asked_for():
    for name in ("log", "registry", "runtime", "util"):
        assert getattr(mx, name) is sys.modules[f"mixnet.{name}"]
