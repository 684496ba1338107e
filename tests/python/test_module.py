"""Module, SequentialModule and the Python modules: training, sharing over devices, files, errors."""

import logging

import mixnet as mx
import numpy as np
import pytest

CLASSES = 3


def mlp(prefix="", hidden=16):
    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, num_hidden=hidden, name=prefix + "fc1")
    net = mx.sym.Activation(net, act_type="relu", name=prefix + "relu1")
    net = mx.sym.FullyConnected(net, num_hidden=CLASSES, name=prefix + "fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def problem(count=120, seed=0):
    """Points around three corners: separable, so that a small net learns it in a few epochs."""
    rng = np.random.RandomState(seed)
    label = np.arange(count) % CLASSES
    data = rng.randn(count, 4).astype(np.float32) * 0.3
    data[np.arange(count), label] += 2
    return data, label.astype(np.float32)


def iterator(batch_size=12, count=120):
    data, label = problem(count)
    return mx.io.NDArrayIter(data, label, batch_size)


def fixed_params(seed=1):
    rng = np.random.RandomState(seed)
    shapes = {"fc1_weight": (16, 4), "fc1_bias": (16,), "fc2_weight": (CLASSES, 16), "fc2_bias": (CLASSES,)}
    return {name: mx.nd.array(rng.uniform(-0.5, 0.5, shape)) for name, shape in shapes.items()}


def bound(symbol=None, batch_size=12, params=True, **kwargs):
    options = {key: kwargs.pop(key) for key in ("context", "fixed_param_names", "label_names") if key in kwargs}
    module = mx.mod.Module(symbol or mlp(), **options)
    it = iterator(batch_size)
    module.bind(it.provide_data, it.provide_label, **kwargs)
    if params:
        module.init_params(arg_params=fixed_params(), aux_params={})
    return module


def as_numpy(params):
    return {name: value.asnumpy() for name, value in params.items()}


def assert_params_equal(left, right, rtol=1e-5, atol=1e-6):
    assert set(left) == set(right)
    for name in left:
        np.testing.assert_allclose(left[name], right[name], rtol=rtol, atol=atol, err_msg=name)


def train(context, kvstore="local", epochs=2, optimizer="sgd", options=None):
    module = mx.mod.Module(mlp(), context=context)
    module.fit(
        iterator(),
        num_epoch=epochs,
        kvstore=kvstore,
        optimizer=optimizer,
        optimizer_params=options or {"learning_rate": 0.2, "momentum": 0.9},
        arg_params=fixed_params(),
        initializer=None,
    )
    return module


def numpy_step(params, data, label, rate):
    """One step of plain gradient descent on the mean cross entropy, by hand."""
    p = as_numpy(params)
    pre = data @ p["fc1_weight"].T + p["fc1_bias"]
    act = np.maximum(pre, 0)
    logits = act @ p["fc2_weight"].T + p["fc2_bias"]
    prob = np.exp(logits - logits.max(1, keepdims=True))
    prob /= prob.sum(1, keepdims=True)
    delta = prob.copy()
    delta[np.arange(len(label)), label.astype(int)] -= 1
    delta /= len(label)
    back = delta @ p["fc2_weight"] * (pre > 0)
    grads = {
        "fc2_weight": delta.T @ act,
        "fc2_bias": delta.sum(0),
        "fc1_weight": back.T @ data,
        "fc1_bias": back.sum(0),
    }
    return prob, {name: p[name] - rate * grads[name] for name in p}


def test_one_step_is_what_the_formulas_say():
    module = bound()
    module.init_optimizer(optimizer_params={"learning_rate": 0.5, "wd": 0.0})
    batch = iterator().next()
    module.forward_backward(batch)
    module.update()
    prob, expected = numpy_step(fixed_params(), batch.data[0].asnumpy(), batch.label[0].asnumpy(), 0.5)
    np.testing.assert_allclose(module.get_outputs()[0].asnumpy(), prob, rtol=1e-4, atol=1e-6)
    assert_params_equal(as_numpy(module.get_params()[0]), expected, rtol=1e-4)


def test_fit_learns_scores_and_predicts():
    module = train(mx.cpu(), epochs=5)
    it = iterator()
    assert dict(module.score(it, "acc"))["accuracy"] > 0.95
    predicted = module.predict(it)
    assert predicted.shape == (120, CLASSES)
    assert (predicted.asnumpy().argmax(1) == problem()[1]).mean() > 0.95


def test_predict_drops_the_padding_and_keeps_the_order():
    module = bound(batch_size=50)
    data, _ = problem()
    it = mx.io.NDArrayIter(data, None, 50)
    joined = module.predict(it)
    whole = module.predict(data)
    assert joined.shape == (120, CLASSES)
    np.testing.assert_allclose(joined.asnumpy(), whole.asnumpy(), rtol=1e-5)
    pieces = module.predict(it, merge_batches=False)
    assert [piece[0].shape[0] for piece in pieces] == [50, 50, 20]
    assert isinstance(module.predict(it, always_output_list=True), list)
    assert module.predict(it, num_batch=1).shape == (50, CLASSES)
    steps = [(count, outputs[0].shape[0]) for outputs, count, _ in module.iter_predict(it)]
    assert steps == [(0, 50), (1, 50), (2, 20)]


@pytest.mark.parametrize("kvstore", ["local", "device"])
@pytest.mark.parametrize("devices", [2, 3])
def test_devices_share_the_work_and_reach_the_same_weights(devices, kvstore):
    alone = as_numpy(train(mx.cpu()).get_params()[0])
    shared = train([mx.cpu(i) for i in range(devices)], kvstore)
    assert_params_equal(as_numpy(shared.get_params()[0]), alone, rtol=1e-3, atol=1e-5)


def test_adam_on_two_devices_equals_one():
    options = {"learning_rate": 0.05}
    alone = train(mx.cpu(), optimizer="adam", options=options)
    shared = train([mx.cpu(0), mx.cpu(1)], optimizer="adam", options=options)
    assert_params_equal(as_numpy(shared.get_params()[0]), as_numpy(alone.get_params()[0]), rtol=1e-3, atol=1e-4)


def test_without_store_each_device_updates_itself():
    module = train(mx.cpu(), kvstore=None)
    assert_params_equal(as_numpy(module.get_params()[0]), as_numpy(train(mx.cpu()).get_params()[0]))


def test_a_store_object_updates_the_weights():
    module = train(mx.cpu(), kvstore=mx.kv.create("local"))
    assert_params_equal(as_numpy(module.get_params()[0]), as_numpy(train(mx.cpu()).get_params()[0]))


def test_work_load_decides_the_slices():
    module = mx.mod.Module(mlp(), context=[mx.cpu(0), mx.cpu(1)], work_load_list=[1, 3])
    module.bind([("data", (12, 4))], [("softmax_label", (12,))])
    module.init_params()
    module.forward(iterator().next())
    parts = module.get_outputs(merge_multi_context=False)[0]
    assert [part.shape[0] for part in parts] == [3, 9]
    assert module.get_outputs()[0].shape == (12, CLASSES)
    assert module.output_shapes == [("softmax_output", (12, CLASSES))]


def test_a_batch_of_another_size_reshapes():
    module = bound(batch_size=12)
    data, label = problem()
    whole = module.predict(data).asnumpy()
    for size in (5, 30, 12):
        module.forward(mx.io.DataBatch([mx.nd.array(data[:size])], [mx.nd.array(label[:size])]), is_train=False)
        np.testing.assert_allclose(module.get_outputs()[0].asnumpy(), whole[:size], rtol=1e-5)
    module.reshape([("data", (7, 4))], [("softmax_label", (7,))])
    assert module.data_shapes[0].shape == (7, 4)


def test_gradients_of_the_data_and_from_outside():
    data = mx.sym.Variable("data")
    module = mx.mod.Module(data * data, label_names=None)
    module.bind([("data", (2, 3))], inputs_need_grad=True)
    module.init_params()
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    module.forward(mx.io.DataBatch([mx.nd.array(x)], []), is_train=True)
    module.backward([mx.nd.ones((2, 3)) * 3])
    np.testing.assert_allclose(module.get_input_grads()[0].asnumpy(), 6 * x)
    np.testing.assert_allclose(module.get_outputs()[0].asnumpy(), x * x)


def test_outside_gradients_are_cut_for_the_devices():
    module = mx.mod.Module(mx.sym.Variable("data") * 2, label_names=None, context=[mx.cpu(0), mx.cpu(1)])
    module.bind([("data", (4, 3))], inputs_need_grad=True)
    module.init_params()
    grad = np.arange(12, dtype=np.float32).reshape(4, 3)
    module.forward(mx.io.DataBatch([mx.nd.zeros((4, 3))], []), is_train=True)
    module.backward([mx.nd.array(grad)])
    np.testing.assert_allclose(module.get_input_grads()[0].asnumpy(), 2 * grad)


def test_layout_names_the_batch_axis():
    data = mx.sym.Variable("data")
    net = mx.sym.swapaxes(data * 1, dim1=0, dim2=1)
    module = mx.mod.Module(net, label_names=None, context=[mx.cpu(0), mx.cpu(1)])
    module.bind([mx.io.DataDesc("data", (3, 4), layout="TN")], for_training=False)
    module.init_params()
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    module.forward(mx.io.DataBatch([mx.nd.array(x)], []))
    np.testing.assert_allclose(module.get_outputs()[0].asnumpy(), x.T)


def test_fixed_parameters_stay():
    module = bound(fixed_param_names=["fc1_weight"])
    module.init_optimizer(optimizer_params={"learning_rate": 0.5})
    before = as_numpy(fixed_params())
    module.forward_backward(iterator().next())
    module.update()
    after = as_numpy(module.get_params()[0])
    np.testing.assert_array_equal(after["fc1_weight"], before["fc1_weight"])
    assert np.abs(after["fc2_weight"] - before["fc2_weight"]).max() > 1e-4


def test_grad_req_add_sums_over_batches():
    batch = iterator().next()
    once, twice = bound(), bound(grad_req="add")
    once.forward_backward(batch)
    for grads in twice._exec_group.grad_arrays:
        grads[0][:] = 0
    twice.forward_backward(batch)
    twice.forward_backward(batch)
    for left, right in zip(once._exec_group.grad_arrays, twice._exec_group.grad_arrays):
        np.testing.assert_allclose(2 * left[0].asnumpy(), right[0].asnumpy(), rtol=1e-5, atol=1e-6)


def test_states_pass_from_batch_to_batch():
    data, state = mx.sym.Variable("data"), mx.sym.Variable("state")
    module = mx.mod.Module(mx.sym.Group([data + state, state * 2]), label_names=None, state_names=["state"])
    module.bind([("data", (2, 2))], for_training=False)
    module.init_params()
    module.set_states(value=3)
    assert module.get_states()[0].asnumpy().tolist() == [[3, 3], [3, 3]]
    module.forward(mx.io.DataBatch([mx.nd.ones((2, 2))], []))
    outputs = module.get_outputs(merge_multi_context=False)
    assert outputs[0][0].asnumpy().tolist() == [[4, 4], [4, 4]]
    module.set_states(states=[outputs[1]])
    assert module.get_states()[0].asnumpy().tolist() == [[6, 6], [6, 6]]


def test_set_params_missing_and_extra():
    module = bound()
    some = {"fc1_bias": mx.nd.ones((16,))}
    with pytest.raises(RuntimeError, match="fc1_weight|fc2_bias|fc2_weight"):
        module.set_params(some, {})
    module.set_params(some, {}, allow_missing=True)
    params = as_numpy(module.get_params()[0])
    assert (params["fc1_bias"] == 1).all()
    np.testing.assert_array_equal(params["fc2_weight"], as_numpy(fixed_params())["fc2_weight"])
    extra = dict(fixed_params(), other=mx.nd.ones((1,)))
    module.set_params(extra, {})
    with pytest.raises(ValueError):
        module.set_params(extra, {}, allow_missing=True)
    module.set_params(extra, {}, allow_missing=True, allow_extra=True)


def test_save_and_load_params(tmp_path):
    module = bound()
    path = str(tmp_path / "net.params")
    module.save_params(path)
    assert set(mx.nd.load(path)) == {"arg:" + name for name in fixed_params()}
    other = bound(params=False)
    other.init_params()
    other.load_params(path)
    assert_params_equal(as_numpy(other.get_params()[0]), as_numpy(fixed_params()))
    mx.nd.save(path, {"fc1_weight": mx.nd.ones((1,))})
    with pytest.raises(Exception, match="fc1_weight|[Ii]nvalid"):
        other.load_params(path)


def continue_training(module, steps):
    it = iterator()
    for _ in range(steps):
        module.forward_backward(it.next())
        module.update()
    return as_numpy(module.get_params()[0])


@pytest.mark.parametrize("context", [mx.cpu(), [mx.cpu(0), mx.cpu(1)]])
def test_checkpoint_goes_on_where_it_stopped(tmp_path, context):
    prefix = str(tmp_path / "net")
    options = {"learning_rate": 0.2, "momentum": 0.9}
    module = bound(context=context)
    module.init_optimizer(optimizer_params=options)
    continue_training(module, 3)
    module.save_checkpoint(prefix, 3, save_optimizer_states=True)
    expected = continue_training(module, 2)

    loaded = mx.mod.Module.load(prefix, 3, load_optimizer_states=True, context=context)
    it = iterator()
    loaded.bind(it.provide_data, it.provide_label)
    loaded.init_optimizer(optimizer_params=options)
    assert_params_equal(continue_training(loaded, 2), expected)

    forgetful = mx.mod.Module.load(prefix, 3, context=context)
    forgetful.bind(it.provide_data, it.provide_label)
    forgetful.init_optimizer(optimizer_params=options)
    result = continue_training(forgetful, 2)
    assert max(np.abs(result[name] - expected[name]).max() for name in result) > 1e-4


def test_borrowed_optimizer_shares_the_momentum():
    first, second = bound(), bound()
    first.init_optimizer(optimizer_params={"learning_rate": 0.2, "momentum": 0.9})
    continue_training(first, 1)
    second.borrow_optimizer(first)
    fresh = bound()
    fresh.init_optimizer(optimizer_params={"learning_rate": 0.2, "momentum": 0.9})
    left, right = continue_training(second, 1), continue_training(fresh, 1)
    assert max(np.abs(left[name] - right[name]).max() for name in left) > 1e-4


def test_shared_module_shares_arrays():
    module = bound()
    other = mx.mod.Module(mlp())
    other.bind([("data", (3, 4))], [("softmax_label", (3,))], shared_module=module)
    module.set_params(dict(fixed_params(seed=5)), {})
    data, _ = problem()
    np.testing.assert_allclose(other.predict(data[:3]).asnumpy(), module.predict(data).asnumpy()[:3], rtol=1e-5)


def test_auxiliary_states_move_in_training_only():
    net = mx.sym.BatchNorm(mx.sym.Variable("data"), name="bn", fix_gamma=False)
    module = mx.mod.Module(mx.sym.SoftmaxOutput(net, name="softmax"))
    it = iterator()
    module.bind(it.provide_data, it.provide_label)
    module.init_params()
    batch = it.next()
    module.forward(batch, is_train=False)
    assert (module.get_params()[1]["bn_moving_mean"].asnumpy() == 0).all()
    module.forward_backward(batch)
    mx.nd.waitall()
    moved = module.get_params()[1]["bn_moving_mean"].asnumpy()
    np.testing.assert_allclose(moved, 0.1 * batch.data[0].asnumpy().mean(0), rtol=1e-4, atol=1e-6)


def test_callbacks_metric_and_log(caplog):
    seen = {"batch": [], "epoch": [], "eval": [], "eval_batch": []}
    module = mx.mod.Module(mlp(), logger=logging.getLogger("test_module"))
    with caplog.at_level(logging.INFO, logger="test_module"):
        module.fit(
            iterator(),
            eval_data=iterator(),
            eval_metric=["acc", "ce"],
            num_epoch=5,
            begin_epoch=3,
            batch_end_callback=[lambda p: seen["batch"].append((p.epoch, p.nbatch)), lambda p: p.eval_metric.get()],
            epoch_end_callback=lambda epoch, symbol, args, auxs: seen["epoch"].append((epoch, sorted(args))),
            eval_end_callback=lambda p: seen["eval"].append((p.epoch, p.nbatch)),
            eval_batch_end_callback=lambda p: seen["eval_batch"].append(p.nbatch),
        )
    assert seen["batch"] == [(epoch, n) for epoch in (3, 4) for n in range(10)]
    assert seen["epoch"] == [(epoch, sorted(fixed_params())) for epoch in (3, 4)]
    assert [epoch for epoch, _ in seen["eval"]] == [3, 4] and seen["eval_batch"] == list(range(10)) * 2
    for line in (
        "Epoch[3] Train-accuracy=",
        "Epoch[4] Train-cross-entropy=",
        "Epoch[4] Validation-accuracy=",
        "Time cost=",
    ):
        assert line in caplog.text


def test_score_calls_back_and_limits_the_batches():
    module = bound()
    count = []
    result = module.score(iterator(), mx.metric.Accuracy(), num_batch=3, batch_end_callback=lambda p: count.append(p.nbatch))
    assert count == [0, 1, 2]
    expected = (module.predict(iterator(), num_batch=3).asnumpy().argmax(1) == problem()[1][:36]).mean()
    assert result == [("accuracy", pytest.approx(expected))]


def test_multiplier_attributes_reach_the_optimizer():
    data = mx.sym.Variable("data")
    frozen = mx.sym.Variable("fc_weight", lr_mult=0.0)
    net = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(data, weight=frozen, num_hidden=3, name="fc"), name="softmax")
    for context in (mx.cpu(), [mx.cpu(0), mx.cpu(1)]):
        module = mx.mod.Module(net, context=context)
        module.bind([("data", (12, 4))], [("softmax_label", (12,))])
        module.init_params(mx.init.One())
        module.init_optimizer(optimizer_params={"learning_rate": 1.0})
        module.forward_backward(mx.io.DataBatch([mx.nd.ones((12, 4))], [mx.nd.zeros((12,))]))
        module.update()
        params = as_numpy(module.get_params()[0])
        assert (params["fc_weight"] == 1).all() and np.abs(params["fc_bias"]).max() > 1e-3


def test_initializer_attributes_override():
    data = mx.sym.Variable("data")
    weight = mx.sym.Variable("fc_weight", init=mx.init.Constant(7))
    module = mx.mod.Module(mx.sym.FullyConnected(data, weight=weight, num_hidden=2, name="fc"), label_names=None)
    module.bind([("data", (1, 3))])
    module.init_params(mx.init.Uniform(0.1))
    params = as_numpy(module.get_params()[0])
    assert (params["fc_weight"] == 7).all() and (params["fc_bias"] == 0).all()


def test_rebinding_keeps_the_parameters():
    module = bound()
    module.init_optimizer(optimizer_params={"learning_rate": 0.2})
    after = continue_training(module, 2)
    module.bind([("data", (6, 4))], None, for_training=False, force_rebind=True)
    assert_params_equal(as_numpy(module.get_params()[0]), after)
    assert module.predict(problem()[0][:6]).shape == (6, CLASSES)


def test_monitor_sees_the_layers():
    seen = []

    class Monitor:
        def install(self, executor):
            executor.set_monitor_callback(lambda name, array: seen.append(str(name)))

    module = bound()
    module.install_monitor(Monitor())
    module.forward(iterator().next())
    module.get_outputs()[0].asnumpy()
    assert any("fc1" in name for name in seen)


def test_int_data_and_half_labels_are_converted():
    net = mx.sym.Embedding(mx.sym.Variable("data"), input_dim=5, output_dim=2, name="emb")
    module = mx.mod.Module(net, label_names=None)
    module.bind([mx.io.DataDesc("data", (3,), np.float32)], for_training=False)
    module.init_params(mx.init.One())
    module.forward(mx.io.DataBatch([mx.nd.array([1, 2, 3], dtype="int32")], []))
    assert module.get_outputs()[0].asnumpy().tolist() == [[1, 1]] * 3


def test_errors_name_place_expected_and_given():
    with pytest.raises(ValueError, match="dat"):
        mx.mod.Module(mlp(), data_names=["dat"])
    with pytest.raises(ValueError):
        mx.mod.Module(mlp(), fixed_param_names=["fc9_weight"])
    with pytest.warns(UserWarning):
        mx.mod.Module(mlp(), label_names=["other"])
    module = mx.mod.Module(mlp())
    with pytest.raises((mx.base.MXNetError, AssertionError)):
        module.forward(iterator().next())
    with pytest.raises(ValueError):
        module.bind([("wrong", (12, 4))], [("softmax_label", (12,))])
    with pytest.raises((ValueError, AssertionError)):
        module.fit(iterator())
    with pytest.raises(ValueError):
        mx.mod.Module(mlp(), context=[mx.cpu(0), mx.cpu(1)]).bind([("data", (1, 4))], [("softmax_label", (1,))])


def test_a_batch_that_does_not_fit_is_told_and_changes_nothing():
    module = bound()
    good = module.data_shapes[0].shape
    for _ in range(2):
        with pytest.raises(mx.MXNetError, match=r"\[Module\] forward data: expected shapes .* got \[\(12, 7\)\]"):
            module.forward(mx.io.DataBatch([mx.nd.zeros((12, 7))], [mx.nd.zeros(12)]))
    assert module.data_shapes[0].shape == good
    module.forward(iterator().next())
    assert module.get_outputs()[0].asnumpy().shape[0] == 12


def test_sequential_equals_one_module():
    data = mx.sym.Variable("data")
    first = mx.sym.Activation(mx.sym.FullyConnected(data, num_hidden=16, name="fc1"), act_type="relu")
    second = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.Variable("hidden"), num_hidden=CLASSES, name="fc2"), name="softmax")
    chain = mx.mod.SequentialModule()
    chain.add(mx.mod.Module(first, label_names=[]))
    chain.add(mx.mod.Module(second, data_names=["hidden"]), take_labels=True, auto_wiring=True)
    chain.fit(
        iterator(),
        num_epoch=2,
        optimizer_params={"learning_rate": 0.2, "momentum": 0.9},
        arg_params=fixed_params(),
        initializer=None,
        allow_missing=True,
    )
    assert_params_equal(as_numpy(chain.get_params()[0]), as_numpy(train(mx.cpu()).get_params()[0]), rtol=1e-4)
    assert chain.data_names == ["data"] and chain.output_names == ["softmax_output"]
    assert dict(chain.score(iterator(), "acc"))["accuracy"] > 0.9
    assert chain.predict(iterator()).shape == (120, CLASSES)


def test_sequential_refuses_equal_names_and_unknown_options():
    chain = mx.mod.SequentialModule()
    net = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=4, name="fc")
    for _ in range(2):
        chain.add(mx.mod.Module(net, label_names=[]), auto_wiring=True)
    chain.bind([("data", (2, 4))])
    with pytest.raises((ValueError, AssertionError)):
        chain.init_params()
    with pytest.raises((ValueError, AssertionError)):
        chain.add(mx.mod.Module(net, label_names=[]), take_label=True)


def test_python_loss_trains_the_module_before_it():
    data = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(data, num_hidden=CLASSES, name="fc")

    def gradient(scores, labels):
        scores, labels = scores.asnumpy(), labels.asnumpy().astype(int)
        prob = np.exp(scores - scores.max(1, keepdims=True))
        prob /= prob.sum(1, keepdims=True)
        prob[np.arange(len(labels)), labels] -= 1
        return prob

    chain = mx.mod.SequentialModule()
    chain.add(mx.mod.Module(net, label_names=[]))
    chain.add(mx.mod.PythonLossModule(grad_func=gradient), take_labels=True, auto_wiring=True)
    chain.fit(iterator(), num_epoch=4, optimizer_params={"learning_rate": 0.5})
    assert dict(chain.score(iterator(), "acc"))["accuracy"] > 0.9


def test_python_module_of_ones_own():
    class Doubled(mx.mod.PythonModule):
        def __init__(self):
            super().__init__(["data"], [], ["doubled"])

        def _compute_output_shapes(self):
            return [("doubled", self._data_shapes[0].shape)]

        def forward(self, data_batch, is_train=None):
            self._result = data_batch.data[0] * 2

        def get_outputs(self, merge_multi_context=True):
            return [self._result]

    module = Doubled()
    module.bind([mx.io.DataDesc("data", (4,))])
    module.init_params()
    module.init_optimizer()
    assert module.output_shapes == [("doubled", (4,))] and module.get_params() == ({}, {})
    predicted = module.predict(mx.io.NDArrayIter(np.arange(6.0), batch_size=4))
    assert predicted.asnumpy().tolist() == [0, 2, 4, 6, 8, 10]
