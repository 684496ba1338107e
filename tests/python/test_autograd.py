"""mx.autograd: flags, gradients, what is refused, functions by hand, memory."""

import gc
import threading

import mixnet as mx
import numpy as np
import pytest
from mixnet import autograd as ag
from mixnet import nd


def variable(values=(1.0, 2.0, 3.0), grad_req="write"):
    x = nd.array(np.array(values, "float32"))
    x.attach_grad(grad_req)
    return x


def same(array, expected, tolerance=1e-5):
    np.testing.assert_allclose(array.asnumpy(), np.array(expected, "float32"), rtol=tolerance, atol=tolerance)


def test_flags():
    assert (ag.is_recording(), ag.is_training()) == (False, False)
    assert ag.set_recording(True) is False and ag.set_recording(False) is True
    assert ag.set_training(True) is False and ag.set_training(False) is True
    with ag.record():
        assert (ag.is_recording(), ag.is_training()) == (True, True)
        with ag.pause():
            assert (ag.is_recording(), ag.is_training()) == (False, False)
        with ag.predict_mode():
            assert (ag.is_recording(), ag.is_training()) == (True, False)
        seen = []
        thread = threading.Thread(target=lambda: seen.append(ag.is_recording()))
        thread.start()
        thread.join()
        assert seen == [False]
    with ag.train_mode():
        assert (ag.is_recording(), ag.is_training()) == (False, True)
    with ag.record(train_mode=False):
        assert (ag.is_recording(), ag.is_training()) == (True, False)
    assert (ag.is_recording(), ag.is_training()) == (False, False)


def test_backward_requests_and_head_gradients():
    x = variable()
    with ag.record():
        y = x * x
    y.backward(nd.array([1, 10, 100]))
    same(x.grad, [2, 40, 600])
    x = variable(grad_req="add")
    with ag.record():
        y = x * x
    y.backward(retain_graph=True)
    y.backward()
    same(x.grad, [4, 8, 12])
    x = variable()
    with ag.record():
        y, z = x * x, x * 3
    ag.backward([y, z], [None, nd.array([1, 2, 3])])
    same(x.grad, [5, 10, 15])
    with ag.record():
        pass
    x.backward(nd.array([5, 6, 7]))
    same(x.grad, [5, 6, 7])
    with pytest.raises(mx.MXNetError, match="head gradient 0: expected"):
        x.backward(nd.array([[1, 2, 3]]))


def test_what_is_not_recorded_is_refused():
    x = variable()
    y = x * 2
    with pytest.raises(mx.MXNetError, match="was not computed from a variable while recording"):
        y.backward()
    with ag.record():
        z = nd.ones(3) * 2
    with pytest.raises(mx.MXNetError, match="was not computed"):
        z.backward()
    null = variable(grad_req="null")
    with ag.record():
        z = null * null
    with pytest.raises(mx.MXNetError):
        z.backward()


def test_a_graph_is_given_up():
    x = variable()
    with ag.record():
        y = x * x
        first, second = y * 2, y * 3
    first.backward()
    with pytest.raises(mx.MXNetError, match="retain_graph=True"):
        first.backward()
    with pytest.raises(mx.MXNetError, match="retain_graph=True"):
        second.backward()
    y += 1  # it is an array like any other again
    with ag.record():
        assert not ag.is_tracing()
        y += 1
    same(y, [3, 6, 11])


def test_gradients_that_are_zero_or_not_asked_for():
    x, w = variable(), variable()
    x.grad[:] = 7
    w.grad[:] = 7
    with ag.record():
        y = nd.BlockGrad(x) * 2
    y.backward()
    same(x.grad, [0, 0, 0])
    same(w.grad, [7, 7, 7])
    assert nd.ones(2).grad is None
    assert variable(((1, 2), (3, 4)))[0].grad is None


def test_variables_in_the_middle_and_marked_again():
    x = variable()
    with ag.record():
        y = x * x
        y.attach_grad()
        z = y * 3
    z.backward()
    same(y.grad, [3, 3, 3])
    same(x.grad, [0, 0, 0])
    with ag.record():
        y = x * x
    x.attach_grad()  # the record knows the old gradient array
    y.backward()
    same(x.grad, [0, 0, 0])


def test_gradient_arrays_of_the_program():
    x, y = nd.array([1.0, 2.0]), nd.array([3.0, 4.0])
    gx, gy = nd.zeros(2), nd.ones(2)
    ag.mark_variables([x, y], [gx, gy], ["write", "add"])
    with ag.record():
        z = x * y
    z.backward()
    same(gx, [3, 4])
    same(gy, [2, 3])
    with pytest.raises(mx.MXNetError, match="gradient: expected"):
        ag.mark_variables([x], [nd.zeros(3)])
    with pytest.raises(mx.MXNetError, match="grad_req"):
        x.attach_grad("sometimes")


def test_views():
    x = variable()
    with ag.record():
        z = x[1:3] * x[1:3]
    z.backward()
    same(x.grad, [0, 4, 6])
    x = variable(((1, 2), (3, 4)))
    with ag.record():
        z = x[1] * 3 + x.reshape((4,))[0:2] + x[-1]
    z.backward()
    same(x.grad, [[1, 1], [4, 4]])
    x = variable(((1, 2), (3, 4)))
    with ag.record():
        z = x[:, 1] * 5 + x[0, 0]
    z.backward()
    same(x.grad, [[2, 5], [0, 5]])
    x = variable()
    with ag.record():
        z = x[nd.array([2, 2, 0], dtype="int32")] * 2
    z.backward()
    same(x.grad, [2, 0, 4])
    x = variable(((1, 2), (3, 4)))
    row = x[0]
    with ag.record():
        z = row * 2
    with pytest.raises(mx.MXNetError, match="was not computed"):
        z.backward()


def refused(action, match="cannot"):
    with pytest.raises(mx.MXNetError, match=match):
        action()


def test_writes_while_recording():
    x, buffer = variable(), nd.zeros(3)

    def in_place(array, value):
        array += value

    def assign(array, key, value):
        array[key] = value

    with ag.record():
        y = x * 2
        for array in (x, y):
            refused(lambda a=array: in_place(a, 1))
            refused(lambda a=array: assign(a, 0, 5))
            refused(lambda a=array: assign(a, slice(None), 5))
            refused(lambda a=array: assign(a, slice(None), np.ones(3)))
            refused(lambda a=array: nd.sgd_update(a, nd.ones(3), out=a, lr=0.1))
        refused(lambda: assign(buffer, 0, y[1]))
        refused(lambda: assign(buffer, slice(0, 2), y[0:2]))
        matrix = nd.zeros((1, 3))
        refused(lambda: assign(matrix, 0, y))
        refused(lambda: assign(nd.zeros((2, 2)), (0, 1), y[1]))
        refused(lambda: in_place(buffer, y))
        refused(lambda: nd.sgd_mom_update(nd.ones(3), nd.ones(3), y, out=nd.ones(3), lr=0.1))
        buffer[0] = 4  # nothing recorded is near
        w, momentum = nd.ones(3), nd.zeros(3)
        nd.sgd_mom_update(w, nd.ones(3), momentum, out=w, lr=0.1)
        target = nd.zeros(3)
        nd.square(y, out=target)
        copied = (y * 1).copyto(nd.zeros(3))
        z = target + copied
    z.backward()
    same(x.grad, [8 * v + 2 for v in (1, 2, 3)])
    same(w, [0.9] * 3)
    x[:] = 1
    x += 1
    same(x, [2, 2, 2])


def test_indexing_through_numpy_is_refused():
    x = variable(((1, 2), (3, 4)))
    with ag.record():
        refused(lambda: x[np.array([True, False])], "while recording")
        refused(lambda: x[[0, 1], [1, 0]], "while recording")
        labels = nd.array([[1, 2], [3, 4]])
        same(labels[[0, 1], [1, 0]], [2, 3])


def test_detach():
    x = variable()
    with ag.record():
        y = x * x
        z = y.detach() * x
    z.backward()
    same(x.grad, [1, 4, 9])
    d = y.detach()
    d[:] = 0
    same(y, [0, 0, 0])


def test_grad_of_grad():
    x = variable((1.0, 2.0))
    with ag.record():
        y = x * x * x * x
        first = ag.grad(y, x, create_graph=True)
        second = ag.grad(first, [x], create_graph=True)[0]
        third = ag.grad(second, x)
    same(first, [4, 32])
    same(second, [12, 48])
    same(third, [24, 48])
    same(x.grad, [0, 0])


def test_hessian_vector_product():
    rng = np.random.RandomState(0)
    a = rng.randn(5, 5).astype("float32")
    a = a + a.T
    x, v = variable(rng.randn(5, 1)), nd.array(rng.randn(5, 1))
    with ag.record():
        y = 0.5 * nd.dot(nd.dot(x, nd.array(a), transpose_a=True), x) + nd.sum(x * x * x)
        gradient = ag.grad(y, x, create_graph=True)
        product = nd.sum(gradient * v)
    product.backward()
    expected = a @ v.asnumpy() + 6 * x.asnumpy() * v.asnumpy()
    np.testing.assert_allclose(x.grad.asnumpy(), expected, rtol=1e-4, atol=1e-4)


SECOND = {
    "dot": (lambda a, b: nd.dot(a, b) ** 2, (3, 2), (2, 4)),
    "dot transposed": (lambda a, b: nd.dot(a, b, transpose_a=True, transpose_b=True) ** 3, (3, 2), (4, 3)),
    "FullyConnected": (lambda a, w, b: nd.FullyConnected(a, w, b, num_hidden=4) ** 3, (3, 2, 2), (4, 4), (4,)),
    "FullyConnected without bias": (lambda a, w: nd.FullyConnected(a, w, num_hidden=4, no_bias=True) ** 3, (3, 2), (4, 2)),
    "Convolution": (lambda x, w, b: nd.Convolution(x, w, b, kernel=(2, 2), pad=(1, 1), stride=(2, 1), num_filter=2) ** 2, (1, 2, 3, 4), (2, 2, 2, 2), (2,)),
    "slice": (lambda a: a[:, 1:3] ** 3, (3, 4)),
    "slice_axis": (lambda a: a[1:] ** 3, (3, 4)),
    "Concat": (lambda a, b: nd.concat(a, b, dim=1) ** 3, (3, 2), (3, 1)),
    "take": (lambda a: nd.take(a, nd.array([2, 0, 2])) ** 3, (3, 2)),
    "softmax": (lambda a: nd.softmax(a, axis=0, temperature=0.7) * a, (3, 4)),
    "softmin": (lambda a: nd.softmin(a) * a, (3, 4)),
    "log_softmax": (lambda a: nd.log_softmax(a, axis=1) * a, (3, 4)),
    "pick": (lambda a: nd.pick(a, nd.array([1, 0, 1])) ** 3, (3, 2)),
    **{f"Activation {kind}": (lambda a, kind=kind: nd.Activation(a, act_type=kind) ** 2, (5,)) for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign")},
}


@pytest.mark.parametrize("name", SECOND)
def test_second_orders(name):
    """The gradient of the squared length of the gradient, beside differences of it."""
    function, *shapes = SECOND[name]
    rng = np.random.RandomState(len(name))
    values = [rng.uniform(0.3, 0.9, shape) for shape in shapes]

    def length(arrays, create_graph):
        for a in arrays:
            a.attach_grad()
        with ag.record():
            first = ag.grad(function(*arrays), arrays, create_graph=create_graph)
            return sum((nd.sum(g * g) for g in first[1:]), nd.sum(first[0] * first[0]))

    arrays = [nd.array(v) for v in values]
    length(arrays, True).backward()
    for i, value in enumerate(values):
        for index in (0, value.size - 1):
            sides = []
            for step in (1e-2, -1e-2):
                moved = [v.copy() for v in values]
                moved[i].flat[index] += step
                sides.append(float(length([nd.array(v) for v in moved], False).asscalar()))
            expected = (sides[0] - sides[1]) / 2e-2
            assert arrays[i].grad.asnumpy().flat[index] == pytest.approx(expected, rel=2e-2, abs=2e-2)


def test_operators_without_a_second_order_say_so():
    x = variable(((1, 2), (3, 4)))
    with ag.record():
        first = ag.grad(nd.SoftmaxActivation(x) * x, x, create_graph=True)
    with pytest.raises(mx.MXNetError, match="_backward_SoftmaxActivation.*has no gradient"):
        first.backward()


def test_grad_variables():
    x, w = variable(), variable()
    with ag.record():
        y = x * x
        z = y * y
    same(ag.grad(z, [y], retain_graph=True)[0], [2, 8, 18])
    with pytest.raises(mx.MXNetError, match="variable 1 is not behind the heads"):
        ag.grad(z, [x, w], retain_graph=True)
    with pytest.raises(mx.MXNetError, match="no place on the tape"):
        ag.grad(z, [nd.ones(3)])


def test_get_symbol():
    x = variable()
    with ag.record():
        y = nd.dot(x, x) * 2
    symbol = ag.get_symbol(y)
    assert len(symbol.list_arguments()) == 1
    assert symbol.infer_shape(**{symbol.list_arguments()[0]: (3,)})[1] == [(1,)]
    refused(lambda: ag.get_symbol(nd.ones(2)), "expected an array computed while recording")


class Sigmoid(ag.Function):
    def forward(self, x):
        y = 1 / (1 + nd.exp(-x))
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        return dy * y * (1 - y)


class Pair(ag.Function):
    def forward(self, a, b):
        return a * b, a + b

    def backward(self, first, second):
        return first * 10 + second, first * 100 + second


def test_function():
    x = variable((0.0, 1.0))
    with ag.record():
        y = Sigmoid()(x * 2) * 3
    y.backward()
    s = 1 / (1 + np.exp(-2 * x.asnumpy()))
    np.testing.assert_allclose(x.grad.asnumpy(), 6 * s * (1 - s), rtol=1e-5)
    a, b = variable((1.0,)), variable((2.0,))
    with ag.record():
        p, q = Pair()(a, b)
        z = p + 2 * q
    z.backward()
    same(a.grad, [12])
    same(b.grad, [102])
    with ag.record():
        p, q = Pair()(a, b)
    p.backward()
    same(a.grad, [10])


def test_function_mistakes():
    class Wrong(ag.Function):
        def forward(self, x):
            return x * 2

        def backward(self, dy):
            raise ValueError("no idea")

    class Few(Wrong):
        def backward(self, dy):
            return dy, dy

    class Shape(Wrong):
        def backward(self, dy):
            return nd.ones((7,))

    for kind, message in ((Wrong, "no idea"), (Few, "expected 1 gradients, got 2"), (Shape, "gradient 0: expected")):
        x = variable()
        with ag.record():
            y = kind()(x)
        with pytest.raises(mx.MXNetError, match=message):
            y.backward()
    f = Sigmoid()
    f(x)
    refused(lambda: f(x), "one call per instance")


def test_second_order_through_a_function():
    class Cube(ag.Function):
        def forward(self, x):
            self.save_for_backward(x)
            return x * x * x

        def backward(self, dy):
            (x,) = self.saved_tensors
            return 3 * x * x * dy

    x = variable((2.0,))
    with ag.record():
        first = ag.grad(Cube()(x), x, create_graph=True)
        same(ag.grad(first, x), [12])
    same(first, [12])


def test_modes_of_operators():
    x = nd.ones((64, 64))
    with ag.record():
        assert nd.Dropout(x, p=0.5).asnumpy().max() == 2
    with ag.record(train_mode=False):
        assert nd.Dropout(x, p=0.5).asnumpy().max() == 1
    assert nd.Dropout(x, p=0.5).asnumpy().max() == 1
    data, gamma, beta, mean, variance = nd.random.uniform(shape=(8, 3)), variable((1, 1, 1)), nd.zeros(3), nd.zeros(3), nd.ones(3)
    with ag.record():
        y = nd.BatchNorm(data, gamma, beta, mean, variance, fix_gamma=False)
    before = mean.asnumpy()
    assert abs(y.asnumpy().mean()) < 1e-5
    y.backward()
    np.testing.assert_allclose(mean.asnumpy(), 0.9 * before + 0.1 * data.asnumpy().mean(0), rtol=1e-5)


def test_host_values_are_constants():
    x = variable()
    with ag.record():
        y = x * float(x[0].asscalar()) if x[0].asscalar() > 0 else x
    y.backward()
    same(x.grad, [1, 1, 1])


def test_losses():
    x = variable(((1, 2, 3), (1, 2, 4)))
    with ag.record():
        y = nd.SoftmaxOutput(x, nd.array([0, 1]))
    y.backward()
    expected = y.asnumpy()
    expected[[0, 1], [0, 1]] -= 1
    np.testing.assert_allclose(x.grad.asnumpy(), expected, rtol=1e-5)


def test_memory_goes_with_the_arrays():
    x = nd.ones((256, 1024))
    x.attach_grad()

    def in_use():
        nd.waitall()
        gc.collect()
        info = mx.base.ffi.new("mxn_storage_info_t *", {"struct_size": mx.base.ffi.sizeof("mxn_storage_info_t")})
        mx.base.check(mx.base.lib.mxn_storage_info(1, 0, info))
        return info.in_use

    x.grad.wait_to_read()
    before, size = in_use(), 256 * 1024 * 4
    with ag.record():
        y = x
        for _ in range(10):
            y = y + 1  # keeps nothing
    assert in_use() - before <= 2 * size
    with ag.record():
        y = x
        for _ in range(10):
            y = nd.exp(y * 1e-3)
    held = in_use() - before
    assert 9 * size <= held <= 12 * size  # one array per exp
    y.backward()
    assert in_use() - before <= 3 * size
    del y
    assert in_use() - before <= size


def test_training_a_net_by_hand():
    rng = np.random.RandomState(1)
    x, labels = rng.randn(64, 8).astype("float32"), rng.randint(0, 3, 64)
    x[np.arange(64), labels] += 3
    w1, b1, w2, b2 = (nd.array(rng.randn(*s) * 0.3) for s in ((16, 8), (16,), (3, 16), (3,)))
    for p in (w1, b1, w2, b2):
        p.attach_grad()
    losses = []
    for _ in range(30):
        with ag.record():
            hidden = nd.relu(nd.FullyConnected(nd.array(x), w1, b1, num_hidden=16))
            scores = nd.FullyConnected(hidden, w2, b2, num_hidden=3)
            loss = -nd.mean(nd.pick(nd.log_softmax(scores), nd.array(labels)))
        loss.backward()
        for p in (w1, b1, w2, b2):
            p[:] = p - 0.5 * p.grad
        losses.append(float(loss.asscalar()))
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("tracked", [False, True])
def test_outputs_that_do_not_fit_are_refused(tracked):
    x = nd.array([1.0, 4.0])
    if tracked:
        x.attach_grad()
    wrong = {
        3: [nd.zeros((2,)) for _ in range(3)],
        400: [nd.zeros((2,)) for _ in range(400)],
    }
    with ag.record():
        for count, arrays in wrong.items():
            refused(lambda a=arrays: nd.sqrt(x, out=a), f"expected 1 outputs, got {count}")
        refused(lambda: nd.split(x, num_outputs=2, axis=0, out=[nd.zeros((1,))]), "expected 2 outputs, got 1")
        refused(lambda: nd.sqrt(x, out=nd.zeros((5,))), "expected")
        refused(lambda: nd.sqrt(x, out=nd.zeros((2,), dtype="int32")), "expected")
        halves = [nd.zeros((1,)), nd.zeros((1,))]
        nd.split(x, num_outputs=2, axis=0, out=halves)
    assert all((a.asnumpy() == 0).all() for arrays in wrong.values() for a in arrays)
    same(halves[1], [4])


def test_hidden_outputs_are_recorded_with_out():
    x = variable(((1.0, 2.0), (3.0, 5.0)))
    fresh = [nd.ones(2), nd.zeros(2), nd.zeros(2), nd.ones(2)]
    gradients = []
    for out in (None, nd.zeros((2, 2))):
        with ag.record():
            y = nd.BatchNorm(x, *[a.copy() for a in fresh], fix_gamma=False, out=out)
            z = (y * y * y).sum()
        z.backward()
        gradients.append(x.grad.asnumpy().copy())
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-5)


class Saved(ag.Function):
    """Its gradient is an array that it keeps."""

    def forward(self, x):
        self.kept = nd.ones(3)
        return x * 1

    def backward(self, dy):
        return self.kept


@pytest.mark.parametrize("create", [False, True])
def test_gradients_are_new_arrays(create):
    x, y, hg = variable(), variable(), nd.ones(3)
    function = Saved()
    with ag.record():
        z = nd.elemwise_add(x, y)
        u = function(x)
    gx, gy = ag.grad(z, [x, y], head_grads=hg, create_graph=create)
    (gz,) = ag.grad(z, [z], head_grads=hg, retain_graph=True) if create else (nd.ones(3),)
    (gu,) = ag.grad(u, [x], create_graph=create)
    (twice, again) = ag.grad(x, [x, x], head_grads=hg, create_graph=create)
    for array in (gx, gz, gu, twice):
        array += 1
        same(array, [2, 2, 2])
    for array in (gy, hg, function.kept, again):
        same(array, [1, 1, 1])


def test_gradients_in_new_arrays_stay_recorded():
    x, y, hg = variable(), variable(), variable((1.0, 1.0, 1.0))
    with ag.record():
        z = nd.elemwise_add(x, y)
        gx, gy = ag.grad(z, [x, y], head_grads=hg, create_graph=True, retain_graph=False)
        w = gx * 2 + gy * 3
    w.backward()
    same(hg.grad, [5, 5, 5])
    z.backward()  # create_graph has retained it
    same(x.grad, [1, 1, 1])


def test_a_function_gives_gradients_of_the_dtype():
    class Double(Saved):
        def backward(self, dy):
            return nd.ones(3, dtype="float64")

    x = variable()
    with ag.record():
        y = Double()(x)
    with pytest.raises(mx.MXNetError, match="gradient 0: expected float32, got float64"):
        y.backward()
