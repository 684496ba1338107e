"""mx.jit: tracing, plans, gradients, what is refused; the same numbers as imperative code and as a Module."""

import threading

import mixnet as mx
import numpy as np
import pytest
from mixnet import autograd as ag
from mixnet import nd


def same(a, b, tolerance=1e-5):
    a, b = (v.asnumpy() if isinstance(v, nd.NDArray) else np.asarray(v) for v in (a, b))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_one_fused_step():
    f = mx.jit(lambda a, b: a * b + 1)
    a, b = nd.array([1.0, 2.0]), nd.array([3.0, 4.0])
    for _ in range(3):
        same(f(a, b), [4, 9])
    assert f.num_traces == 1
    assert len(f.describe().strip().splitlines()) == 1
    same(f(b, b), [10, 17])
    same(f(nd.ones((2, 2)), nd.ones((2, 2))), np.full((2, 2), 2))
    assert f.num_traces == 2


def test_structures_and_other_arguments():
    calls = []

    @mx.jit
    def f(pair, scale, flag=True):
        calls.append(1)
        return {"sum": pair[0] + pair[1], "rest": (pair[0] * scale, [pair[1] if flag else pair[0]])}

    a, b = nd.array([1.0]), nd.array([2.0])
    for _ in range(2):
        out = f([a, b], 3)
        same(out["sum"], [3])
        same(out["rest"][0], [3])
        same(out["rest"][1][0], [2])
    assert len(calls) == 1
    same(f([a, b], 4)["rest"][0], [4])
    same(f([a, b], 4, flag=False)["rest"][1][0], [1])
    assert len(calls) == 3


def test_parameters_are_read_anew_and_get_gradients():
    w, x = nd.array([2.0, 3.0]), nd.array([1.0, 10.0])
    f = mx.jit(lambda x: (w * x).sum())
    same(f(x), [32])
    w[:] = 1
    same(f(x), [11])
    w.attach_grad()  # after the trace
    with ag.record():
        y = f(x) * 2
    y.backward()
    same(w.grad, [2, 20])
    x.attach_grad()
    with ag.record():
        y = f(x * 3) + f(x)
    y.backward()
    same(w.grad, [4, 40])
    same(x.grad, [4, 4])


def test_a_detached_parameter_is_another_one():
    w = nd.array([3.0])
    w.attach_grad()
    cut = w.detach()
    f = mx.jit(lambda x: cut * x + w * w * x)
    with ag.record():
        y = f(nd.array([2.0]))
    y.backward()
    same(y, [24])
    same(w.grad, [12])


def test_views_and_indexing_inside():
    def f(x):
        head, tail = x[0], x[1:]
        return head.reshape((2, 1)) * 2 + tail[-1][0:2].reshape((2, 1)) + x[:, 1][0], x.copy(), x.detach() * 2, nd.zeros((2,)) + x[1]

    x = nd.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for mine, plain in zip(mx.jit(f)(x), f(x)):
        same(mine, plain)


def test_values_are_refused_while_tracing():
    x = nd.array([1.0, 2.0])
    outside = nd.zeros(2)

    def keep(a):
        keep.array = a * 2
        return a + 1

    bodies = {
        "values are not known": [
            lambda a: a * float(a[0].asscalar()),
            lambda a: a * a.asnumpy().sum(),
            lambda a: a if (a.sum() > 0) else -a,
            lambda a: print(a),
        ],
        "cannot write": [lambda a: a.__iadd__(1), lambda a: nd.square(a, out=outside), lambda a: a.copyto(outside), lambda a: outside.__setitem__(0, a[0])],
        "while tracing": [lambda a: (a * 2).backward(), lambda a: a.attach_grad()],
        "returns arrays": [lambda a: 3],
    }
    for message, functions in bodies.items():
        for function in functions:
            with pytest.raises(mx.MXNetError, match=message):
                mx.jit(function)(x)
            assert not ag.is_tracing()
    mx.jit(keep)(x)
    with pytest.raises(mx.MXNetError, match="traced function"):
        keep.array.asnumpy()
    with pytest.raises(mx.MXNetError, match="traced function"):
        (keep.array + 1).asnumpy()
    same(outside, [0, 0])


def test_an_error_inside_ends_the_trace():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mx.jit(f)(nd.ones(2))
    same(nd.ones(2) + 1, [2, 2])
    with pytest.raises(mx.MXNetError, match="cannot multiply"):
        mx.jit(lambda a: nd.dot(a, nd.ones((3, 3))))(nd.ones((2, 2)))
    assert not ag.is_tracing()


def test_functions_in_functions_and_methods():
    inner = mx.jit(lambda x: x * 2)
    outer = mx.jit(lambda x: inner(x) + inner(x + 1))
    same(outer(nd.ones(2)), [6, 6])
    assert len(outer.describe().strip().splitlines()) == 1

    class Net:
        def __init__(self, scale):
            self.scale = nd.array([scale])

        @mx.jit
        def forward(self, x):
            return x * self.scale

    first, second = Net(2.0), Net(3.0)
    for _ in range(2):
        same(first.forward(nd.ones(1)), [2])
        same(second.forward(nd.ones(1)), [3])


def test_random_numbers_are_drawn_anew():
    f = mx.jit(lambda x: nd.Dropout(x, p=0.5) + nd.random.uniform(shape=(100,)))
    x = nd.ones(100)
    with ag.train_mode():
        mx.random.seed(1)
        first, second = f(x).asnumpy(), f(x).asnumpy()
        mx.random.seed(1)
        again = f(x).asnumpy()
    assert (first != second).any()
    np.testing.assert_array_equal(first, again)
    assert (f(x).asnumpy() < 2).all() and f.num_traces == 2  # prediction is another trace


def test_retained_graphs_and_second_orders():
    x = nd.array([0.5])
    x.attach_grad("add")
    f = mx.jit(lambda x: nd.tanh(x) * nd.exp(x))
    with ag.record():
        y = f(x)
    y.backward(retain_graph=True)
    once = x.grad.asnumpy()
    y.backward()
    same(x.grad, 2 * once)
    with ag.record():
        y = f(x)
        with pytest.raises(mx.MXNetError, match="replayed"):
            ag.grad(y, x, create_graph=True)


def parameters(seed=0):
    rng = np.random.RandomState(seed)
    shapes = {
        "c_weight": (8, 1, 3, 3),
        "c_bias": (8,),
        "bn_gamma": (8,),
        "bn_beta": (8,),
        "f_weight": (16, 8 * 36),
        "f_bias": (16,),
        "g_weight": (4, 16),
        "g_bias": (4,),
    }
    values = {k: (rng.randn(*s) * 0.1).astype("float32") for k, s in shapes.items()}
    values["bn_gamma"][:] = 1
    return values


def convnet(f, data, label, p, mean, variance):
    x = f.Convolution(data, p["c_weight"], p["c_bias"], kernel=(3, 3), num_filter=8, name="c")
    x = f.BatchNorm(x, p["bn_gamma"], p["bn_beta"], mean, variance, fix_gamma=False, name="bn")
    x = f.Pooling(f.Activation(x, act_type="relu"), kernel=(2, 2), stride=(2, 2), pool_type="max")
    x = f.Activation(f.FullyConnected(f.Flatten(x), p["f_weight"], p["f_bias"], num_hidden=16, name="f"), act_type="tanh")
    return f.SoftmaxOutput(f.FullyConnected(x, p["g_weight"], p["g_bias"], num_hidden=4, name="g"), label, normalization="batch")


def batches():
    rng = np.random.RandomState(5)
    return [(rng.randn(10, 1, 14, 14).astype("float32"), rng.randint(0, 4, 10).astype("float32")) for _ in range(4)]


def train_imperative(wrap):
    p = {k: nd.array(v) for k, v in parameters().items()}
    for v in p.values():
        v.attach_grad()
    mean, variance = nd.zeros(8), nd.ones(8)
    net = wrap(lambda x, y: convnet(nd, x, y, p, mean, variance))
    outputs = []
    for x, y in batches():
        with ag.record():
            out = net(nd.array(x), nd.array(y))
        out.backward()
        for v in p.values():
            nd.sgd_update(v, v.grad, out=v, lr=0.1)
        outputs.append(out.asnumpy())
    outputs.append(net(nd.array(batches()[0][0]), nd.array(batches()[0][1])).asnumpy())
    return outputs, {k: v.asnumpy() for k, v in p.items()}, mean.asnumpy(), variance.asnumpy()


def train_module():
    s = mx.sym
    net = convnet(s, s.Variable("data"), s.Variable("label"), {k: s.Variable(k) for k in parameters()}, s.Variable("mean"), s.Variable("variance"))
    module = mx.mod.Module(net, data_names=["data"], label_names=["label"])
    module.bind(data_shapes=[("data", (10, 1, 14, 14))], label_shapes=[("label", (10,))])
    module.init_params(arg_params={k: nd.array(v) for k, v in parameters().items()}, aux_params={"mean": nd.zeros(8), "variance": nd.ones(8)})
    module.init_optimizer(optimizer="sgd", optimizer_params={"learning_rate": 0.1, "rescale_grad": 1.0})
    outputs = []
    made = [mx.io.DataBatch(data=[nd.array(x)], label=[nd.array(y)]) for x, y in batches()]
    for batch in made:
        module.forward_backward(batch)
        module.update()
        outputs.append(module.get_outputs()[0].asnumpy())
    module.forward(made[0], is_train=False)
    outputs.append(module.get_outputs()[0].asnumpy())
    arguments, states = module.get_params()
    return outputs, {k: v.asnumpy() for k, v in arguments.items()}, states["mean"].asnumpy(), states["variance"].asnumpy()


def test_a_convnet_trains_alike_imperative_replayed_and_as_a_module():
    plain, replayed, module = train_imperative(lambda f: f), train_imperative(mx.jit), train_module()
    for other in (replayed, module):
        for a, b in zip(plain[0], other[0]):
            same(a, b, 2e-4)
        for k in plain[1]:
            same(plain[1][k], other[1][k], 2e-4)
        same(plain[2], other[2], 2e-4)
        same(plain[3], other[3], 2e-4)


def test_many_calls_before_one_backward():
    w = nd.array([[1.0, 0.5], [0.25, 1.0]])
    w.attach_grad()
    cell = mx.jit(lambda h, x: nd.tanh(nd.dot(h, w) + x))

    def loss(step):
        h = nd.zeros((1, 2))
        for i in range(5):
            h = step(h, nd.array([[0.1 * i, 0.2]]))
        return h.sum()

    results = []
    for step in (cell, lambda h, x: nd.tanh(nd.dot(h, w) + x)):
        with ag.record():
            y = loss(step)
        y.backward()
        results.append(w.grad.asnumpy())
    same(results[0], results[1])
    assert cell.num_traces == 1


def test_errors_of_kernels_come_with_the_value():
    x = nd.ones((3, 2))
    x.attach_grad()
    f = mx.jit(lambda x, i: nd.take(x, i, mode="raise") * 2)
    with ag.record():
        y = f(x, nd.array([7]))
    with pytest.raises(mx.MXNetError, match=r"expected values in \[0, 3\)"):
        y.asnumpy()
    with ag.record():
        y = f(x, nd.array([1]))
    y.backward()
    same(x.grad, [[0, 0], [2, 2], [0, 0]])
    with pytest.raises(mx.MXNetError):
        nd.waitall()


def test_one_function_on_many_threads():
    f = mx.jit(lambda x, w: nd.tanh(nd.dot(x, w)))
    errors = []

    def work(k):
        w = nd.ones((4, 4)) * 0.1 * k
        w.attach_grad()
        for _ in range(30):
            with ag.record():
                y = (f(nd.ones((2, 4)), w) * nd.ones((2, 4))).sum()
            y.backward()
        errors.append(float(abs(w.grad.asnumpy() - 2 * (1 - np.tanh(0.4 * k) ** 2)).max()))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 4 and max(errors) < 1e-5


def test_outputs_that_are_inputs_or_unused():
    x = nd.ones(3)
    x.attach_grad()
    f = mx.jit(lambda x: (x * 2, x, nd.exp(x)))
    with ag.record():
        doubled, itself, _ = f(x)
        y = doubled + itself * 5
    y.backward()
    same(x.grad, [7, 7, 7])
    doubled += 1  # outputs are fresh arrays
    same(f(x)[0], [2, 2, 2])


def test_an_optimizer_trains_a_replayed_loss():
    w = nd.zeros((3,))
    w.attach_grad()
    update = mx.optimizer.get_updater(mx.optimizer.create("adam", learning_rate=0.1))
    loss = mx.jit(lambda: ((w - 3) ** 2).sum())
    for _ in range(150):
        with ag.record():
            value = loss()
        value.backward()
        update(0, w.grad, w)
    assert abs(w.asnumpy() - 3).max() < 0.1 and loss.num_traces == 1


def test_an_lstm_replayed_and_not():
    size = 4 * 8 * (4 + 8 + 2)
    p, x, h, c = nd.random.normal(shape=(size,)) * 0.1, nd.random.normal(shape=(5, 2, 4)), nd.zeros((1, 2, 8)), nd.zeros((1, 2, 8))
    p.attach_grad()
    results = []
    for wrap in (lambda f: f, mx.jit):
        net = wrap(lambda x: nd.RNN(x, p, h, c, state_size=8, num_layers=1, mode="lstm"))
        with ag.record():
            y = net(x)
        y.backward()
        results.append((y.asnumpy(), p.grad.asnumpy()))
    for a, b in zip(*results):
        same(a, b)


def test_outputs_given_while_tracing_are_checked():
    def into(make):
        def f(a):
            out = make()
            nd.sqrt(a, out=out)
            return out

        return mx.jit(f)

    x = nd.array([1.0, 4.0])
    same(into(lambda: nd.empty((2,)))(x), nd.array([1, 2]))
    for make in (lambda: nd.empty((5,)), lambda: nd.empty((2,), dtype="int32")):
        with pytest.raises(mx.MXNetError, match="expected") as traced:
            into(make)(x)
        with pytest.raises(mx.MXNetError) as plain:
            nd.sqrt(x, out=make())
        assert str(traced.value) == str(plain.value)
    for count in (3, 400):
        with pytest.raises(mx.MXNetError, match=f"expected 1 outputs, got {count}"):
            into(lambda n=count: [nd.empty((2,)) for _ in range(n)])(x)


def test_a_second_backward_leaves_outputs_alone():
    w, x = nd.array([2.0, 2.0]), nd.array([1.0, 3.0])
    w.attach_grad()
    f = mx.jit(lambda x: nd.exp(x * w))
    with ag.record():
        y = f(x)
    before = y.asnumpy().copy()
    y.backward(retain_graph=True)
    w[:] = 0
    y.backward(retain_graph=True)
    np.testing.assert_array_equal(y.asnumpy(), before)
    same(w.grad, x)  # of what is there now
    y[:] = 7
    y.backward()
    same(y, nd.array([7, 7]))
