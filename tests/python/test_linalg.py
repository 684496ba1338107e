"""Matrix operators against numpy, and their gradients where differences of single elements would leave the operator's domain."""

import numpy as np
import pytest

import mixnet as mx


def positive_definite(seed=0, shape=(2, 3, 3)):
    m = np.random.RandomState(seed).uniform(-1, 1, shape)
    return m @ np.swapaxes(m, -1, -2) + np.eye(shape[-1])


def run(name, *arrays, **params):
    out = getattr(mx.nd, name)(*[mx.nd.array(a, dtype="float64") for a in arrays], **params)
    return [o.asnumpy() for o in out] if isinstance(out, list) else out.asnumpy()


def expect_failure(match, name, array):
    """The error meets whoever reads the result, and once whoever waits for everything."""
    with pytest.raises(mx.MXNetError, match=match):
        run(name, array)
    with pytest.raises(mx.MXNetError, match=match):
        mx.nd.waitall()


def test_cholesky():
    a = positive_definite()
    factor = run("linalg_potrf", a)
    np.testing.assert_allclose(factor, np.linalg.cholesky(a), rtol=1e-12)
    np.testing.assert_allclose(run("linalg_potri", factor), np.linalg.inv(a), rtol=1e-10)
    expect_failure("positive definite", "linalg_potrf", -a)


def test_solving():
    a = positive_definite(1)
    np.testing.assert_allclose(run("linalg_inverse", a) @ a, np.broadcast_to(np.eye(3), a.shape), atol=1e-12)
    np.testing.assert_allclose(run("linalg_det", -a), np.linalg.det(-a), rtol=1e-12)
    sign, logarithm = run("linalg_slogdet", -a)
    expected = np.linalg.slogdet(-a)
    np.testing.assert_allclose(sign, expected[0])
    np.testing.assert_allclose(logarithm, expected[1], rtol=1e-12)
    assert run("linalg_det", np.ones((2, 2))).tolist() == [0]
    expect_failure("singular", "linalg_inverse", np.ones((2, 2)))


def test_factorisations():
    a = np.random.RandomState(2).uniform(-1, 1, (2, 3, 5))
    q, lower = run("linalg_gelqf", a)
    np.testing.assert_allclose(lower @ q, a, atol=1e-12)
    np.testing.assert_allclose(q @ np.swapaxes(q, -1, -2), np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-12)
    assert np.all(np.triu(lower, 1) == 0)
    s = positive_definite(3, (2, 6, 6))
    vectors, values = run("linalg_syevd", s)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(s), rtol=1e-10)
    np.testing.assert_allclose(np.swapaxes(vectors, -1, -2) @ (values[..., None] * vectors), s, atol=1e-10)
    # The sign is fixed: the largest element of every eigenvector is positive.
    assert np.all(np.take_along_axis(vectors, np.abs(vectors).argmax(-1)[..., None], -1) > 0)


def symmetric_gradient(symbol, a, heads):
    executor = symbol.bind(mx.cpu(), args=[mx.nd.array(a, dtype="float64")], args_grad=[mx.nd.zeros(a.shape, dtype="float64")])
    outputs = executor.forward(is_train=True)
    executor.backward([mx.nd.array(h, dtype="float64") for h in heads[: len(outputs)]])
    return sum((o.asnumpy() * h).sum() for o, h in zip(outputs, heads)), executor.grad_arrays[0].asnumpy()


@pytest.mark.parametrize("name", ["linalg_potrf", "linalg_syevd"])
def test_gradients_over_symmetric_matrices(name):
    """Symmetric directions keep the matrix in the domain; the gradient is symmetric itself."""
    a = positive_definite(4, (3, 3)) * np.array([[1, 0.5, 0.2], [0.5, 2, 0.3], [0.2, 0.3, 3]])
    random = np.random.RandomState(5)
    heads = [random.uniform(-1, 1, (3, 3)), random.uniform(-1, 1, 3)]
    symbol = getattr(mx.sym, name)(mx.sym.Variable("a"))
    _, gradient = symmetric_gradient(symbol, a, heads)
    np.testing.assert_allclose(gradient, gradient.T, atol=1e-12)
    for _ in range(3):
        d = random.uniform(-1, 1, (3, 3))
        d = (d + d.T) * 1e-6
        above, below = symmetric_gradient(symbol, a + d, heads)[0], symmetric_gradient(symbol, a - d, heads)[0]
        np.testing.assert_allclose((above - below) / 2, (gradient * d).sum(), rtol=1e-4, atol=1e-13)
