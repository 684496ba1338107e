"""The testing helpers find what is wrong and accept what is right."""

import mixnet as mx
import numpy as np
import pytest
from mixnet import test_utils as tu


def product():
    return mx.sym.Variable("x") * mx.sym.Variable("y")


XY = {"x": np.array([[1.0, 2], [3, 4]]), "y": np.array([[5.0, 6], [7, 8]])}


def test_same_and_almost_equal():
    a = mx.nd.array([1, 2, 3])
    assert tu.same(a, np.array([1, 2, 3])) and not tu.same(a, np.array([1, 2, 4]))
    assert tu.almost_equal(a, a + 1e-6) and not tu.almost_equal(a, a + 1e-2)
    assert not tu.almost_equal(np.ones(2), np.ones((1, 2)), use_broadcast=False)
    assert not tu.almost_equal(np.array([np.nan]), np.array([np.nan]))
    assert tu.almost_equal(np.array([np.nan]), np.array([np.nan]), equal_nan=True)


def test_tolerances_follow_the_type():
    one = np.ones(3)
    tu.assert_almost_equal(one.astype(np.float16), one.astype(np.float16) * np.float16(1.05))
    with pytest.raises(AssertionError):
        tu.assert_almost_equal(one, one * 1.05)
    with pytest.raises(AssertionError):
        tu.assert_almost_equal(np.array([1, 2]), np.array([1, 3]))
    tu.assert_almost_equal(one, one * 1.05, rtol=0.1)
    with pytest.raises(AssertionError):
        tu.assert_almost_equal(np.array([np.inf]), np.array([1.0]))
    tu.assert_almost_equal(np.array([np.inf]), np.array([np.inf]))


def test_the_message_tells_the_worst_place():
    with pytest.raises(AssertionError, match=r"\(1,\)") as caught:
        tu.assert_almost_equal(np.array([1.0, 2, 3]), np.array([1.0, 9, 3]), names=("left", "right"))
    assert "left" in str(caught.value) and "right" in str(caught.value)
    with pytest.raises(AssertionError):
        tu.assert_almost_equal(np.ones(2), np.ones(3))
    tu.assert_almost_equal_ignore_nan(np.array([np.nan, 1.0]), np.array([5.0, 1.0]))
    place, violation = tu.find_max_violation(np.array([1.0, 2]), np.array([1.0, 3]), 1e-3, 1e-3)
    assert place == (1,) and violation > 1


def test_random_inputs_stay_in_their_bounds():
    for _ in range(30):
        assert all(1 <= n <= 4 for n in tu.rand_shape_nd(3, 4))
        rows, columns = tu.rand_shape_2d(2, 5)
        assert 1 <= rows <= 2 and 1 <= columns <= 5
        assert len(tu.rand_shape_3d()) == 3
    array = tu.rand_ndarray((20, 3), dtype="float64")
    assert array.shape == (20, 3) and array.dtype == np.float64
    assert np.abs(array.asnumpy()).max() <= 1 and len(np.unique(array.asnumpy())) == 60
    assert [a.shape for a in tu.random_arrays((2,), (3, 1))] == [(2,), (3, 1)]
    assert sorted(tu.random_sample([1, 2, 3], 3)) == [1, 2, 3]


def test_default_context_can_be_set():
    tu.set_default_context(mx.cpu(1))
    try:
        assert tu.default_context() == mx.cpu(1)
    finally:
        tu.set_default_context(mx.cpu(0))
    assert tu.default_context() == mx.cpu(0)
    assert isinstance(tu.list_gpus(), (list, range))


def test_simple_forward_and_symbolic_checks():
    np.testing.assert_array_equal(tu.simple_forward(product(), **XY), XY["x"] * XY["y"])
    tu.check_symbolic_forward(product(), XY, [XY["x"] * XY["y"]])
    with pytest.raises(AssertionError):
        tu.check_symbolic_forward(product(), XY, [XY["x"] * XY["y"] + 1])
    head = np.array([[1.0, -1], [2, 0]])
    expected = {"x": XY["y"] * head, "y": XY["x"] * head}
    for request in ("write", "add"):
        tu.check_symbolic_backward(product(), XY, [head], expected, grad_req=request)
    tu.check_symbolic_backward(product(), XY, [head], {"x": expected["x"]}, grad_req={"x": "write", "y": "null"})
    with pytest.raises(AssertionError):
        tu.check_symbolic_backward(product(), XY, [head], {"x": expected["x"] * 2, "y": expected["y"]})


def test_numeric_gradient_accepts_right_gradients():
    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(mx.sym.Activation(data, act_type="tanh"), num_hidden=3, name="fc")
    location = [np.random.RandomState(0).uniform(-1, 1, shape) for shape in ((2, 4), (3, 4), (3,))]
    tu.check_numeric_gradient(net, location, rtol=1e-2, atol=1e-2)
    tu.check_numeric_gradient(net, location, grad_nodes=["fc_weight"], rtol=1e-2, atol=1e-2)
    tu.check_numeric_gradient(net, [value.astype(np.float64) for value in location], dtype=np.float64, atol=1e-6)


def test_numeric_gradient_refuses_wrong_gradients():
    stopped = mx.sym.BlockGrad(mx.sym.Variable("x")) * mx.sym.Variable("y")
    with pytest.raises(AssertionError, match="x"):
        tu.check_numeric_gradient(stopped, XY)


def test_numeric_grad_of_a_square():
    x = mx.sym.Variable("x")
    executor = (x * x).bind(mx.cpu(), {"x": mx.nd.array([1, 2, 3])})
    grads = tu.numeric_grad(executor, {"x": np.array([1, 2, 3], np.float32)}, eps=1e-2)
    np.testing.assert_allclose(grads["x"], [2, 4, 6], rtol=1e-2)


def test_consistency_over_types():
    net = mx.sym.FullyConnected(mx.sym.Variable("a"), num_hidden=2, name="fc")
    entries = [{"ctx": mx.cpu(), "a": (2, 3), "type_dict": {"a": dtype}} for dtype in (np.float32, np.float64)]
    truth = tu.check_consistency(net, entries)
    assert truth["fc_output"].dtype == np.float64 and set(truth) >= {"fc_output", "a", "fc_weight"}
    other = {name: value.asnumpy() + 1 for name, value in truth.items()}
    with pytest.raises(AssertionError):
        tu.check_consistency(net, entries, ground_truth=other)


def test_speed_is_positive_and_kinds_are_checked():
    net = mx.sym.Variable("a") * 2
    assert 0 < tu.check_speed(net, location={"a": mx.nd.ones((4, 4))}, N=2) < 5
    assert 0 < tu.check_speed(net, N=2, typ="forward", a=(4, 4)) < 5
    with pytest.raises(ValueError):
        tu.check_speed(net, N=1, typ="half", a=(1,))


def test_reductions():
    a = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(tu.np_reduce(a, (0, -1), True, np.sum), a.sum(axis=(0, 2), keepdims=True))
    np.testing.assert_array_equal(tu.np_reduce(a, None, False, np.max), a.max())
    np.testing.assert_array_equal(tu.collapse_sum_like(a, (3, 1)), a.sum(axis=0).sum(axis=1, keepdims=True))


def test_locations_are_checked():
    with pytest.raises(ValueError, match="zz"):
        tu.check_symbolic_forward(product(), {"x": XY["x"], "zz": XY["y"]}, [XY["x"]])
    with pytest.raises(ValueError):
        tu.check_symbolic_forward(product(), [XY["x"]], [XY["x"]])
    with pytest.raises(AssertionError):
        tu.assert_exception(lambda: None, ValueError)
    tu.assert_exception(int, ValueError, "x")
