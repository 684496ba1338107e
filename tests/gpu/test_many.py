"""Many arrays in few launches: more of them than a launch is told of, of all lengths and dtypes, anywhere in memory."""

import numpy as np
import pytest

import mixnet as mx

LENGTHS = (0, 1, 3, 8, 16, 37, 4099, 9001)
COUNT = 100


def arrays(seed, ctx, dtypes=("float32",)):
    """COUNT arrays between -1 and 1; every third begins behind an even address."""
    random = np.random.RandomState(seed)
    made = []
    for k in range(COUNT):
        dtype, length = dtypes[k // 3 % len(dtypes)], LENGTHS[k % len(LENGTHS)]
        values = mx.nd.array(random.uniform(-1, 1, length + 1), ctx=ctx, dtype=dtype)
        made.append(values[1:] if k % 3 == 0 and length else values[:length] if length else mx.nd.zeros((0,), ctx=ctx, dtype=dtype))
    return made


def flat(*columns):
    return [array for group in zip(*columns) for array in group]


def rates(ctx):
    return [mx.nd.array(np.linspace(low, high, COUNT), ctx=ctx) for low, high in ((0.01, 0.1), (0, 0.01))]


def on_both(run):
    """What run gives on CPU and GPU."""
    return [[array.asnumpy() for array in run(ctx)] for ctx in (mx.cpu(), mx.gpu())]


def agree(run, **tolerance):
    for want, got in zip(*on_both(run)):
        np.testing.assert_allclose(got, want, **tolerance)


@pytest.mark.parametrize("dtypes", (("float32",), ("float16", "float32", "float64")))
@pytest.mark.parametrize("preloaded", (False, True))
def test_sgd(dtypes, preloaded):
    def run(ctx):
        weights, grads, moments = (arrays(seed, ctx, dtypes) for seed in range(3))
        options = {"momentum": 0.9, "rescale_grad": 0.5, "clip_gradient": 0.3, "num_weights": COUNT, "out": weights}
        lrs, wds = rates(ctx)
        if preloaded:
            mx.nd.preloaded_multi_sgd_mom_update(*flat(weights, grads, moments), lrs, wds, **options)
        else:
            mx.nd.multi_sgd_mom_update(*flat(weights, grads, moments), lrs=lrs.asnumpy().tolist(), wds=wds.asnumpy().tolist(), **options)
        return weights + moments

    agree(run, rtol=2e-3 if "float16" in dtypes else 1e-5, atol=1e-6)


def test_sgd_with_float32_copies():
    def run(ctx):
        weights, grads, copies = arrays(0, ctx, ("float16",)), arrays(1, ctx, ("float16",)), arrays(2, ctx)
        mx.nd.multi_mp_sgd_update(*flat(weights, grads, copies), out=weights, lrs=[0.1] * COUNT, wds=[0.01] * COUNT, num_weights=COUNT)
        return weights + copies

    agree(run, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("scale", (0.5, float("nan"), 0.0))
def test_adamw(scale):
    def run(ctx):
        weights, grads, means, squares = (arrays(seed, ctx) for seed in range(4))
        squares = [square * square for square in squares]
        many = {"lrs": [0.01] * COUNT, "wds": [0.01] * COUNT, "etas": [1.0] * COUNT, "num_weights": COUNT}
        mx.nd._multi_adamw_update(*flat(weights, grads, means, squares), mx.nd.array([scale], ctx=ctx), out=weights, **many)
        return weights + means + squares

    agree(run, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtypes", (("float32",), ("float16", "float64")))
def test_lamb(dtypes):
    def run(ctx):
        weights, grads, means, squares = (arrays(seed, ctx, dtypes) for seed in range(4))
        squares = [square * square for square in squares]
        many = {"learning_rates": [0.01] * COUNT, "wds": [0.01] * COUNT, "step_count": list(range(1, COUNT + 1)), "num_tensors": COUNT}
        mx.nd._multi_lamb_update(*flat(weights, grads, means, squares), out=weights, **many)
        return weights + means + squares

    agree(run, rtol=4e-3 if "float16" in dtypes else 1e-4, atol=2e-4 if "float16" in dtypes else 1e-6)


def test_lamb_with_float32_copies():
    def run(ctx):
        weights, grads = arrays(0, ctx, ("float16",)), arrays(1, ctx, ("float16",))
        means, squares, copies = (arrays(seed, ctx) for seed in (2, 3, 4))
        squares = [square * square for square in squares]
        many = {"learning_rates": [0.01] * COUNT, "wds": [0.01] * COUNT, "step_count": [3] * COUNT, "num_tensors": COUNT}
        mx.nd._multi_mp_lamb_update(*flat(weights, grads, means, squares, copies), out=weights, **many)
        return weights + copies

    agree(run, rtol=1e-3, atol=1e-5)


def test_sums_of_squares():
    agree(lambda ctx: [mx.nd.multi_sum_sq(*arrays(0, ctx, ("float32", "float16", "float64")), num_arrays=COUNT)], rtol=1e-5)


@pytest.mark.parametrize("place", (None, 1, 62, 99))
def test_an_infinite_number_anywhere_is_found(place):
    values = arrays(0, mx.gpu(), ("float32", "float16"))
    if place is not None:
        values[place][-1] = float("inf") if place % 2 else float("nan")
    assert mx.nd.multi_all_finite(*values, num_arrays=COUNT).asnumpy() == [place is None]


def test_an_optimizer_steps_the_weights_of_a_gpu_together():
    def trained(together):
        weights, grads = arrays(0, mx.gpu(), ("float32", "float16")), arrays(1, mx.gpu(), ("float32", "float16"))
        updater = mx.optimizer.get_updater(mx.optimizer.SGD(learning_rate=0.1, momentum=0.9, multi_precision=True, aggregate_num=45 if together else 1))
        for _ in range(2):
            updater(list(range(COUNT)), grads, weights)
        return [weight.asnumpy() for weight in weights]

    for got, want in zip(trained(True), trained(False)):
        np.testing.assert_array_equal(got, want)
