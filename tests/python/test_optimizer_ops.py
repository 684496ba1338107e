"""Operators that step several weights in one call, on arrays that are changed in place."""

import numpy as np
import pytest

import mixnet as mx


def test_weights_and_states_change_in_place():
    weights = [mx.nd.array([1, -2, 3], dtype="float16"), mx.nd.array([[4, 5]], dtype="float16")]
    gradients = [mx.nd.array(w.asnumpy() * 0.1, dtype="float16") for w in weights]
    momenta = [mx.nd.zeros(w.shape) for w in weights]
    copies = [mx.nd.array(w.asnumpy(), dtype="float32") for w in weights]
    groups = [array for group in zip(weights, gradients, momenta, copies) for array in group]
    expected = [(w.asnumpy().astype("float32"), np.zeros(w.shape, "float32")) for w in weights]
    for _ in range(3):
        mx.nd.multi_mp_sgd_mom_update(*groups, lrs=(0.1, 0.2), wds=(0.01, 0), momentum=0.9, num_weights=2, out=weights)
        for k, (lr, wd) in enumerate([(0.1, 0.01), (0.2, 0)]):
            weight, momentum = expected[k]
            momentum = 0.9 * momentum - lr * (wd * weight + gradients[k].asnumpy().astype("float32"))
            expected[k] = (weight + momentum, momentum)
    for k in range(2):
        np.testing.assert_allclose(copies[k].asnumpy(), expected[k][0], rtol=1e-5)
        np.testing.assert_allclose(momenta[k].asnumpy(), expected[k][1], rtol=1e-4)
        assert np.array_equal(weights[k].asnumpy(), copies[k].asnumpy().astype("float16"))


def test_rates_in_arrays_and_the_number_of_weights():
    weight, gradient = mx.nd.array([1.0, 2.0]), mx.nd.array([1.0, 1.0])
    rates, decays = mx.nd.array([0.5]), mx.nd.array([0.1])
    # num_weights follows from the number of inputs.
    mx.nd.preloaded_multi_sgd_update(weight, gradient, rates, decays, out=weight)
    np.testing.assert_allclose(weight.asnumpy(), [0.45, 1.4], rtol=1e-6)
    with pytest.raises(mx.MXNetError, match="preloaded_multi_sgd_update"):
        mx.nd.preloaded_multi_sgd_update(weight, gradient, rates, out=weight)
    net = mx.sym.multi_mp_sgd_mom_update(lrs=(1, 1), wds=(0, 0), num_weights=2, name="m")
    assert net.list_auxiliary_states() == ["m_mom_0", "m_weight32_0", "m_mom_1", "m_weight32_1"]
    assert net.list_outputs() == ["m_output0", "m_output1"]


def test_all_finite_keeps_an_earlier_zero():
    flag = mx.nd.array([0])
    mx.nd.all_finite(mx.nd.ones((3,)), init_output=False, out=flag)
    assert flag.asnumpy() == 0
    mx.nd.all_finite(mx.nd.ones((3,)), out=flag)
    assert flag.asnumpy() == 1
    mx.nd.multi_all_finite(mx.nd.ones((3,)), mx.nd.array([np.inf]), num_arrays=2, init_output=False, out=flag)
    assert flag.asnumpy() == 0


def test_amp_multicast_finds_one_dtype():
    half, single, whole = mx.nd.ones((2,), dtype="float16"), mx.nd.ones((2,)), mx.nd.ones((2,), dtype="int32")
    wide = mx.nd.amp_multicast(half, single, whole, num_outputs=3)
    narrow = mx.nd.amp_multicast(half, single, whole, num_outputs=3, cast_narrow=True)
    assert [a.dtype for a in wide] == [np.float32, np.float32, np.int32]
    assert [a.dtype for a in narrow] == [np.float16, np.float16, np.int32]
