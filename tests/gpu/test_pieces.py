"""Kernels that read and write 16 bytes at a time: whole pieces, what is left behind them, and arrays that begin between two multiples of 16."""

import numpy as np
import pytest

import mixnet as mx

SIZES = (0, 1, 3, 8, 16, 37, 4099)
DTYPES = ("float32", "float64", "float16", "uint8", "int8", "int32", "int64")


def placed(values, first):
    """The values on the GPU, `first` elements behind an even address."""
    whole = mx.nd.array(np.concatenate([np.zeros(first, values.dtype), values.reshape(-1)]), ctx=mx.gpu(), dtype=values.dtype)
    return whole[first:].reshape(values.shape) if values.size else mx.nd.zeros(values.shape, ctx=mx.gpu(), dtype=values.dtype)


def numbers(n, dtype, seed=0):
    values = np.random.RandomState(seed).uniform(-100, 100, n)
    return (np.abs(values) if dtype == "uint8" else values).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("first", (0, 1))
def test_pointwise_operators(dtype, first):
    for n in SIZES:
        a, b = numbers(n, dtype), numbers(n, dtype, 1)
        x, y = placed(a, first), placed(b, 0)
        choice = placed((a > b).astype("float32"), first)
        for got, want in (
            (mx.nd.maximum(x, y), np.maximum(a, b)),
            (mx.nd.maximum(y, x), np.maximum(a, b)),
            (mx.nd.minimum(x, 7), np.minimum(a, np.array(7, dtype))),
            (mx.nd.square(x), a * a),
            (mx.nd.ones_like(x), np.ones_like(a)),
            (mx.nd.clip(x, 0, 9), np.clip(a, 0, 9)),
            (mx.nd.where(choice, x, y), np.where(a > b, a, b)),
            (mx.nd.add_n(y, x, y), b + a + b),
            (mx.nd.cast(x, "float64"), a.astype("float64")),
        ):
            assert got.dtype == want.dtype and got.shape == want.shape
            np.testing.assert_allclose(got.asnumpy(), want, rtol=1e-6, atol=0.3 if dtype == "float16" else 0)  # ours rounds a sum once


@pytest.mark.parametrize("dtype", ("float32", "float16", "uint8"))
@pytest.mark.parametrize("first", (0, 1))
@pytest.mark.parametrize("rows", ((3, 16), (5, 8, 24), (5, 7), (2, 3, 5, 16)))
def test_broadcasting_along_rows_and_across(dtype, first, rows):
    a = numbers(rows, dtype)
    ones = [1] * len(rows)
    for shape in ([*ones[:-1], rows[-1]], [*rows[:-1], 1], [rows[0], *ones[1:]], ones, [1, *rows[1:]]):
        b = numbers(shape, dtype, 1)
        for got in (mx.nd.broadcast_maximum(placed(a, first), placed(b, 0)), mx.nd.broadcast_maximum(placed(b, first), placed(a, 0))):
            assert np.array_equal(got.asnumpy(), np.maximum(a, b))


@pytest.mark.parametrize("first", (0, 1))
def test_rows_that_one_condition_chooses(first):
    for columns in (1, 5, 16):
        a, b = numbers((6, columns), "float32"), numbers((6, columns), "float32", 1)
        choice = np.array([1, 0, 0, 1, 1, 0], "float32")
        got = mx.nd.where(placed(choice, 0), placed(a, first), placed(b, first))
        assert np.array_equal(got.asnumpy(), np.where(choice[:, None] != 0, a, b))


@pytest.mark.parametrize("first", (0, 1))
def test_what_is_not_finite_is_found_wherever_it_lies(first):
    for n in SIZES[1:]:
        assert mx.nd.all_finite(placed(np.ones(n, "float32"), first)).asscalar() == 1
        for at in {0, n // 2, n - 1}:
            for value in (np.nan, np.inf):
                values = np.ones(n, "float32")
                values[at] = value
                assert mx.nd.all_finite(placed(values, first)).asscalar() == 0


@pytest.mark.parametrize("first", (0, 1))
def test_the_sign_of_a_zero_is_kept_by_a_sum_of_one(first):
    got = mx.nd.add_n(placed(np.full(9, -0.0, "float32"), first)).asnumpy()
    assert np.signbit(got).all()


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize("shape, axis", [((5, 16), -1), ((3, 37), -1), ((2, 1000), -1), ((2, 6, 40), 1), ((2, 70, 40), 1), ((3, 7, 4), 1), ((4, 1), -1)])
def test_rows_of_softmax(shape, axis):
    x, dy = numbers(shape, "float32") / 20, numbers(shape, "float32", 1)
    y = softmax(x.astype("float64"), axis)
    gradient = y * (dy - (dy * y).sum(axis, keepdims=True))
    results = []
    for first in (0, 1):
        a = placed(x, first)
        a.attach_grad()
        with mx.autograd.record():
            b = mx.nd.softmax(a, axis=axis)
        b.backward(placed(dy, first))
        np.testing.assert_allclose(b.asnumpy(), y, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(a.grad.asnumpy(), gradient, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(mx.nd.log_softmax(a, axis=axis).asnumpy(), np.log(y), rtol=1e-5, atol=1e-5)
        if axis == -1:
            output = mx.nd.SoftmaxOutput(a, mx.nd.zeros(shape[:1], ctx=mx.gpu()))
            np.testing.assert_allclose(output.asnumpy(), y, rtol=1e-5, atol=1e-7)
        results.append((b.asnumpy(), a.grad.asnumpy()))
    # The order of sums is that of whole pieces wherever an array begins.
    assert all(np.array_equal(even, odd) for even, odd in zip(*results))


@pytest.mark.parametrize("shape, axis", [((6, 16), -1), ((3, 37), -1), ((700, 24), -1), ((2, 5, 33), 1), ((1, 8), -1)])
def test_rows_of_layer_norm(shape, axis):
    x, dy = numbers(shape, "float32") / 20, numbers(shape, "float32", 1) / 20
    n = shape[axis]
    gamma, beta = numbers(n, "float32", 2) / 50, numbers(n, "float32", 3) / 50
    along = [1] * len(shape)
    along[axis] = n
    others = tuple(d for d in range(len(shape)) if d != axis % len(shape))
    wide = x.astype("float64")
    std = np.sqrt(wide.var(axis, keepdims=True) + 1e-5)
    h = (wide - wide.mean(axis, keepdims=True)) / std
    g = dy * gamma.reshape(along)
    want = [h * gamma.reshape(along) + beta.reshape(along), (g - g.mean(axis, keepdims=True) - h * (g * h).mean(axis, keepdims=True)) / std]
    want += [(dy * h).sum(others), dy.astype("float64").sum(others)]
    results = []
    for first in (0, 1):
        arrays = [placed(v, first) for v in (x, gamma, beta)]
        for a in arrays:
            a.attach_grad()
        with mx.autograd.record():
            y = mx.nd.LayerNorm(*arrays, axis=axis, eps=1e-5)
        y.backward(placed(dy, first))
        results.append([y.asnumpy(), *(a.grad.asnumpy() for a in arrays)])
        for got, expected in zip(results[-1], want):
            np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-3)
    assert all(np.array_equal(even, odd) for even, odd in zip(*results))


RATES = {"lr": 0.1, "wd": 0.01}
LISTS = {"lrs": (0.1,), "wds": (0.01,), "num_weights": 1}
# Operator, dtypes of its states ("": the weight's), parameters.
STEPS = [
    ("sgd_mom_update", ("",), RATES),
    ("adam_update", ("", ""), RATES),
    ("rmspropalex_update", ("", "", ""), RATES),
    ("lamb_update_phase1", ("", ""), {"t": 3, "wd": 0.01}),
    ("mp_sgd_mom_update", ("float32", "float32"), RATES),
    ("multi_sgd_mom_update", ("",), LISTS),
    ("multi_mp_sgd_update", ("float32",), LISTS),
    ("multi_mp_sgd_mom_update", ("float32", "float32"), LISTS),
    ("_mp_adamw_update", ("float32", "float32", "float32"), {"eta": 1.0, **RATES}),
]


@pytest.mark.parametrize("first", (0, 1))
@pytest.mark.parametrize("dtype", ("float32", "float16"))
@pytest.mark.parametrize("name, states, parameters", STEPS, ids=[step[0] for step in STEPS])
def test_steps_of_optimizers_are_the_cpus(name, states, parameters, dtype, first):
    for n in (1, 8, 37):
        values = [numbers(n, dtype, 0) / 100, numbers(n, dtype, 1) / 100]
        values += [(np.abs(numbers(n, "float32", 2 + k)) / 10 + 20).astype(state or dtype) for k, state in enumerate(states)]
        results = []
        for device in (mx.gpu(), mx.cpu()):
            arrays = [placed(v, first) if device == mx.gpu() else mx.nd.array(v, dtype=v.dtype) for v in values]
            scale = [mx.nd.ones((1,), ctx=device)] if "adamw" in name else []
            out = getattr(mx.nd, name)(*arrays, *scale, **parameters)
            results.append([a.asnumpy() for a in (out[0] if isinstance(out, list) else out, *arrays[2:])])
        for got, want in zip(*results):
            tolerance = 2e-3 if dtype == "float16" else 2e-5
            np.testing.assert_allclose(got.astype("float64"), want.astype("float64"), rtol=tolerance, atol=1e-5)


@pytest.mark.parametrize("dtype", ("float32", "float64", "float16", "int32"))
@pytest.mark.parametrize("shape", ((6, 64), (5, 7), (300, 24), (9, 3, 16), (2, 9000)))
def test_reductions_give_the_same_bits_wherever_an_array_begins(dtype, shape):
    values = numbers(shape, dtype)
    for name in ("sum", "mean", "max", "norm"):
        for axis in (0, len(shape) - 1, None):
            options = {} if axis is None else {"axis": axis}
            got = [getattr(mx.nd, name)(placed(values / np.array(8, dtype), first).astype(dtype), **options).asnumpy() for first in (0, 1)]
            assert np.array_equal(got[0], got[1], equal_nan=True)
    for axes in ((0,), (len(shape) - 1,)):
        if dtype != "int32":
            first, second = (mx.nd.moments(placed(values, at), axes=axes) for at in (0, 1))
            assert all(np.array_equal(a.asnumpy(), b.asnumpy(), equal_nan=True) for a, b in zip(first, second))


@pytest.mark.parametrize("dtype", ("float32", "float64", "float16", "bfloat16"))
@pytest.mark.parametrize("axes", ((), (0,), (1,)))
def test_dropout_draws_the_numbers_of_the_cpu_wherever_an_array_begins(dtype, axes):
    for shape in ((1,), (3, 5), (4, 37), (2, 3, 16)):
        if len(shape) <= max(axes, default=0):
            continue
        values = numbers(shape, "float32").astype("float32")
        results = []
        for context, first in ((mx.cpu(), 0), (mx.gpu(), 0), (mx.gpu(), 1)):
            whole = mx.nd.array(np.concatenate([np.zeros(first, "float32"), values.reshape(-1)]), ctx=context).astype(dtype)
            mx.random.seed(3)
            with mx.autograd.record():
                y = mx.nd.Dropout(whole[first:].reshape(shape), p=0.4, axes=axes)
            results.append(y.astype("float32").asnumpy())
        assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])
