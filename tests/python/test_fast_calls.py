"""The C extension's quick way for operators and arithmetic gives what the slow way gives, and loses nothing."""

import gc
import operator
import weakref

import numpy as np
import pytest

import mixnet as mx
from mixnet.base import fast
from mixnet.ndarray import gen_op
from mixnet.ndarray.ndarray import _slow_call, arithmetic

A = np.array([[1.5, -2.0, 3.0], [0.25, 4.0, -6.0]], "float32")
B = np.array([[2.0, 3.0, -1.0], [4.0, 0.5, 2.0]], "float32")

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.mod]
OPERATORS += [operator.eq, operator.ne, operator.gt, operator.ge, operator.lt, operator.le]


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("other", [B, B[:1], 2.5, 2, True, np.float32(2.5), np.int64(3), [1, 2, 3]], ids=str)
def test_arithmetic_is_numpys(op, other):
    ours = mx.nd.array(other) if isinstance(other, np.ndarray) else other
    plain = np.array(other, "float32") if isinstance(other, list) else other
    np.testing.assert_allclose(op(mx.nd.array(A), ours).asnumpy(), op(A, plain).astype("float32"), rtol=1e-6)
    if not isinstance(other, (list, np.generic)):
        np.testing.assert_allclose(op(ours, mx.nd.array(A)).asnumpy(), op(plain, A).astype("float32"), rtol=1e-5)


def test_power_negative_abs_and_in_place():
    x, y = mx.nd.array(np.abs(A)), mx.nd.array(B)
    np.testing.assert_allclose((x**y).asnumpy(), np.abs(A) ** B, rtol=1e-5)
    np.testing.assert_allclose((x**2).asnumpy(), np.abs(A) ** 2, rtol=1e-6)
    np.testing.assert_allclose((2**x).asnumpy(), 2 ** np.abs(A), rtol=1e-5)
    np.testing.assert_array_equal((-x).asnumpy(), -np.abs(A))
    np.testing.assert_array_equal(abs(mx.nd.array(A)).asnumpy(), np.abs(A))
    same = x
    x += 1
    x *= y
    x -= B
    x /= 2.0
    assert x is same
    np.testing.assert_allclose(x.asnumpy(), ((np.abs(A) + 1) * B - B) / 2, rtol=1e-6)
    with pytest.raises(TypeError):
        pow(x, 2, 3)


def test_operands_that_make_no_sense():
    x = mx.nd.array(A)
    with pytest.raises(TypeError):
        x + "text"
    with pytest.raises(TypeError):
        {} - x
    assert (x == None) is False  # noqa: E711
    with pytest.raises(mx.MXNetError, match="broadcast_add"):
        x + mx.nd.ones((5, 7))
    with pytest.raises(TypeError, match="expected arrays or numbers"):
        mx.nd.maximum(x, "text")
    assert arithmetic(x, object(), ("broadcast_add", "_plus_scalar", "_plus_scalar")) is NotImplemented
    with pytest.raises(OverflowError):
        x + 10**400
    assert np.isinf((x + 1e300).asnumpy()).all()


CALLS = [
    ("Activation", {"act_type": "tanh"}),
    ("sum", {"axis": (0,), "keepdims": True}),
    ("sum", {"axis": None}),
    ("transpose", {"axes": [1, 0]}),
    ("clip", {"a_min": -1, "a_max": np.float64(2.0)}),
    ("Cast", {"dtype": np.float64}),
    ("SliceChannel", {"num_outputs": 3, "axis": 1}),
    ("expand_dims", {"axis": np.int32(1)}),
]


@pytest.mark.parametrize(("name", "params"), CALLS, ids=lambda value: str(value))
def test_operators_give_what_the_slow_way_gives(name, params):
    op, x = getattr(gen_op, name + "_op"), mx.nd.array(A)
    quick, slow = fast.call(op, (x, None), dict(params), None, None), _slow_call(op, (x,), dict(params))
    for a, b in zip(quick if isinstance(quick, list) else [quick], slow if isinstance(slow, list) else [slow]):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


def test_out_and_mistakes():
    x, out = mx.nd.array(A), mx.nd.zeros((2, 3))
    assert mx.nd.relu(x, out=out) is out
    np.testing.assert_array_equal(out.asnumpy(), np.maximum(A, 0))
    with pytest.raises(mx.MXNetError, match="unknown parameter 'act_typ'"):
        mx.nd.Activation(x, act_typ="relu")
    with pytest.raises(mx.MXNetError, match="act_type"):
        mx.nd.Activation(x, act_type="reluu")
    with pytest.raises(mx.MXNetError, match="expected an array, got None"):
        mx.nd.dot(None, x)
    with pytest.raises(TypeError):
        mx.nd.relu({})
    with pytest.raises(mx.MXNetError, match="shape|expected"):
        mx.nd.relu(x, out=mx.nd.zeros((7,)))
    with pytest.raises(TypeError):
        fast.call(1, 2)
    with pytest.raises(TypeError):
        x.reshape_view([6])
    with pytest.raises(mx.MXNetError):
        x.reshape_view((7,))
    with pytest.raises(mx.MXNetError):
        mx.nd.sum(x, axis=tuple(range(100)))


def test_shapes_that_no_array_can_have():
    for make in (mx.nd.zeros, mx.nd.ones, lambda shape: mx.nd.full(shape, 3)):
        with pytest.raises(mx.MXNetError):
            make((1,) * 70)
        with pytest.raises((mx.MXNetError, OverflowError)):
            make((2**70,))


def test_nothing_leaks():
    x = mx.nd.array(A)
    mx.nd.waitall()
    gc.collect()
    before = mx.context.storage_info()["in_use"]
    for _ in range(2000):
        x + x
        -x * 2
        mx.nd.split(x, num_outputs=3, axis=1)
        x[0:1].reshape((3,))
        assert x.shape == (2, 3)
        with pytest.raises(mx.MXNetError):
            mx.nd.Activation(x, act_type="no")
    mx.nd.waitall()
    assert mx.context.storage_info()["in_use"] == before
    array = x + 1
    gone = weakref.ref(array)
    del array
    assert gone() is None
