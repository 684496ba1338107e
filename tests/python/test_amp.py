"""mx.amp: casts by lists, models, modules that train in mixed precision, loss scaling."""

import json

import numpy as np
import pytest

import mixnet as mx
from mixnet import amp

DTYPES = ["bfloat16", "float16"]


@pytest.fixture(autouse=True)
def _off():
    yield
    amp.stop()


def net():
    x = mx.sym.Convolution(mx.sym.var("data"), num_filter=4, kernel=(3, 3), name="c1")
    x = mx.sym.Activation(mx.sym.BatchNorm(x, name="bn"), act_type="relu", name="r")
    y = mx.sym.Convolution(x, num_filter=4, kernel=(3, 3), pad=(1, 1), no_bias=True, name="c2")
    total = mx.sym.elemwise_add(x, y, name="add")
    both = mx.sym.Concat(total, mx.sym.exp(total, name="ex"), name="cc")
    x = mx.sym.Pooling(both, pool_type="max", kernel=(2, 2), name="p")
    x = mx.sym.FullyConnected(mx.sym.Activation(x, act_type="softrelu", name="sr"), num_hidden=3, name="fc")
    return mx.sym.SoftmaxOutput(x, name="softmax")


def nodes(symbol):
    graph = json.loads(symbol.tojson(remove_amp_cast=False))["nodes"]
    return {n["name"]: [graph[i]["name"] for i, *_ in n["inputs"]] for n in graph}


@pytest.mark.parametrize("dtype", DTYPES)
def test_casts_stand_where_the_lists_say(dtype):
    converted = amp.convert_symbol(net(), dtype)
    found = nodes(converted)
    assert found["c1"] == [f"data_amp_cast_{dtype}", f"c1_weight_amp_cast_{dtype}", f"c1_bias_amp_cast_{dtype}"]
    assert found["bn"][0] == "c1" and found["bn"][1:] == ["bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var"]
    assert found["add"] == ["r", "c2"]  # both are narrow already
    assert found["ex"] == ["add_output_amp_cast_float32"]
    assert found["cc"] == ["add_output_amp_cast_float32", "ex"]  # the widest of the two
    assert found["fc"][0] == f"sr_output_amp_cast_{dtype}"
    assert found["softmax"] == ["fc_output_amp_cast_float32", "softmax_label"]
    assert converted.list_arguments() == net().list_arguments()
    assert converted.list_outputs() == net().list_outputs()


def test_files_are_without_casts(tmp_path):
    converted = amp.convert_symbol(net())
    converted.save(str(tmp_path / "plain.json"))
    assert nodes(mx.sym.load(str(tmp_path / "plain.json"))) == nodes(net())
    converted.save(str(tmp_path / "cast.json"), remove_amp_cast=False)
    assert nodes(mx.sym.load(str(tmp_path / "cast.json"))) == nodes(converted)


def test_excluded_and_moved_operators():
    found = nodes(amp.convert_symbol(net(), excluded_sym_names=["c2"], fp32_ops=["FullyConnected"]))
    assert found["c2"] == ["r_output_amp_cast_float32", "c2_weight"]
    assert found["fc"] == ["sr", "fc_weight", "fc_bias"]
    with pytest.raises(mx.MXNetError, match="common operators"):
        amp.convert_symbol(net(), target_dtype_ops=["Convolution"], fp32_ops=["Convolution"])
    with pytest.raises(mx.MXNetError, match="expected names of operators, got 'Nope'"):
        amp.convert_symbol(net(), target_dtype_ops=["Nope"])
    with pytest.raises(mx.MXNetError, match="expected float16 or bfloat16, got int8"):
        amp.convert_symbol(net(), "int8")
    with pytest.raises(TypeError, match="expected a Symbol"):
        amp.convert_symbol(3)


def test_every_operator_is_in_exactly_one_list():
    for dtype in DTYPES:
        four = [f(dtype) for f in (amp.list_lp16_ops, amp.list_fp32_ops, amp.list_widest_type_cast, amp.list_lp16_fp32_ops)]
        names = [name for names in four for name in names]
        assert len(names) == len(set(names)) > 300
    assert "square" in amp.list_fp32_ops("float16") and "square" not in amp.list_fp32_ops("bfloat16")
    assert ("Activation", "act_type", ["softrelu"]) in amp.list_conditional_fp32_ops("float16")
    assert "SoftmaxOutput" in amp.list_loss_output_functions("bfloat16")


def parameters(symbol, shape):
    random = np.random.RandomState(0)
    shapes, _, states = symbol.infer_shape(data=shape)
    names = [n for n in symbol.list_arguments() if n not in ("data", "softmax_label")]
    sizes = dict(zip(symbol.list_arguments(), shapes))
    arguments = {n: mx.nd.array(random.randn(*sizes[n]) * 0.3) for n in names}
    aux = {n: mx.nd.ones(s) for n, s in zip(symbol.list_auxiliary_states(), states)}
    return arguments, aux


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("narrow", [False, True])
def test_converted_model_predicts_the_same(dtype, narrow):
    shape = (4, 3, 8, 8)
    arguments, aux = parameters(net(), shape)
    data = np.random.RandomState(1).randn(*shape).astype("float32")
    expected = predict(net(), arguments, aux, data)
    symbol, args, states = amp.convert_model(net(), arguments, aux, dtype, cast_optional_params=narrow)
    assert args["c1_weight"]._dtype == (dtype if narrow else "float32")
    assert args["bn_gamma"]._dtype == states["bn_moving_mean"]._dtype == "float32"
    assert ("c1_weight_amp_cast_" + dtype in nodes(symbol)) is not narrow
    np.testing.assert_allclose(predict(symbol, args, states, data), expected, atol=0.05 if dtype == "bfloat16" else 0.01)


def predict(symbol, arguments, aux, data):
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", data=data.shape)
    executor.copy_params_from(arguments, aux)
    return executor.forward(data=data)[0].asnumpy()


def test_prediction_casts_a_weight_when_it_changes():
    symbol, shape = amp.convert_symbol(net()), (4, 3, 8, 8)
    arguments, aux = parameters(net(), shape)
    data = np.random.RandomState(1).randn(*shape).astype("float32")
    executor = symbol.simple_bind(mx.cpu(), grad_req="null", data=shape)
    executor.copy_params_from(arguments, aux)
    executor.forward(data=data)
    assert "weight_amp_cast" not in executor.debug_str()
    arguments["c2_weight"] = arguments["c2_weight"] * 2
    executor.arg_dict["c2_weight"][:] = arguments["c2_weight"]
    np.testing.assert_array_equal(executor.forward()[0].asnumpy(), predict(symbol, arguments, aux, data))


def test_gradients_come_back_in_float32():
    symbol = amp.convert_symbol(net())
    arguments, aux = parameters(net(), (4, 3, 8, 8))
    executor = symbol.simple_bind(mx.cpu(), data=(4, 3, 8, 8))
    executor.copy_params_from(arguments, aux)
    executor.forward(is_train=True, data=np.random.RandomState(1).randn(4, 3, 8, 8).astype("float32"))
    executor.backward()
    for name in ("c1_weight", "fc_bias", "bn_gamma"):
        assert executor.grad_dict[name]._dtype == "float32"
    assert np.abs(executor.grad_dict["c1_weight"].asnumpy()).sum() > 0


def test_integers_and_mixed_operators():
    ids = mx.sym.var("data", dtype="int32")
    x = mx.sym.FullyConnected(mx.sym.Embedding(ids, input_dim=5, output_dim=4, name="e"), num_hidden=2, name="fc")
    pair = mx.sym.broadcast_add(x, mx.sym.var("offset"), name="sum")
    picked = mx.sym.sort(pair, name="sorted")
    found = nodes(amp.convert_symbol(picked))
    assert found["e"] == ["data", "e_weight"] and found["fc"][0] == "e_output_amp_cast_bfloat16"
    assert found["sum"] == ["fc_output_amp_cast_float32", "offset"]


def task(count=600):
    """Points in the plane, three classes by angle."""
    random = np.random.RandomState(7)
    points = random.randn(count, 2).astype("float32")
    labels = np.floor((np.arctan2(points[:, 1], points[:, 0]) + np.pi) / (2 * np.pi) * 2.999)
    return mx.io.NDArrayIter(points, labels.astype("float32"), 50, shuffle=False)


def mlp():
    x = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=32, name="f1"), act_type="relu", name="a1")
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(x, num_hidden=3, name="f2"), name="softmax")


def train(dtype, **options):
    if dtype:
        amp.init(dtype, **options)
    mx.random.seed(1)
    np.random.seed(1)
    module = mx.mod.Module(mlp())
    data = task()
    module.fit(data, num_epoch=12, optimizer_params={"learning_rate": 0.3, "momentum": 0.9}, initializer=mx.init.Xavier())
    return module, dict(module.score(data, "acc"))["accuracy"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_module_reaches_the_accuracy_of_float32(dtype):
    _, expected = train(None)
    module, accuracy = train(dtype)
    assert expected > 0.93 and abs(accuracy - expected) < 0.02
    arguments, _ = module.get_params()
    assert set(arguments) == {"f1_weight", "f1_bias", "f2_weight", "f2_bias"}
    assert all(a._dtype == "float32" for a in arguments.values())
    assert nodes(module.symbol) == nodes(mlp())


def test_module_for_prediction_keeps_narrow_parameters_but_not_in_files():
    module, _ = train(None)
    arguments, aux = module.get_params()
    amp.init("bfloat16")
    narrow = mx.mod.Module(mlp())
    narrow.bind([("data", (50, 2))], [("softmax_label", (50,))], for_training=False)
    narrow.set_params(arguments, aux)
    assert narrow._exec_group.param_arrays[0][0]._dtype == "bfloat16"
    np.testing.assert_allclose(narrow.predict(task()).asnumpy(), module.predict(task()).asnumpy(), atol=0.05)
    narrow.bind([("data", (25, 2))], [("softmax_label", (25,))], for_training=True, force_rebind=True)
    for name, value in narrow.get_params()[0].items():
        np.testing.assert_array_equal(value.asnumpy(), arguments[name].asnumpy())


def test_scaler_doubles_after_good_steps_and_halves_at_overflow():
    scaler = amp.LossScaler()
    scaler._scale_seq_len = 3
    good, bad = mx.nd.ones((3,)), mx.nd.array([1, np.inf, 2])
    seen = [(scaler.has_overflow([good, a]), scaler.loss_scale) for a in (good, good, bad, good, good, good)]
    assert seen == [(False, 65536), (False, 65536), (True, 32768), (False, 32768), (False, 32768), (False, 65536)]
    scaler._loss_scale, scaler._scale_seq_len = 2.0**24, 1
    assert not scaler.has_overflow([good]) and scaler.loss_scale == 2.0**24


def test_a_step_with_overflow_is_skipped():
    module, _ = train("float16")
    optimization = module._optimization
    before = {k: v.asnumpy() for k, v in module.get_params()[0].items()}
    optimization.scaler._loss_scale = 2.0**24
    batch = mx.io.DataBatch([mx.nd.ones((50, 2)) * 1e4], [mx.nd.zeros((50,))])
    module.forward_backward(batch)
    module.update()
    assert optimization.scaler.loss_scale == 2.0**23
    for name, value in module.get_params()[0].items():
        np.testing.assert_array_equal(value.asnumpy(), before[name])


def test_scale_drops_out_of_the_step():
    module, _ = train("float16")
    batch = next(task())

    def stepped(scale, unscale):
        module.set_params(arguments, {})
        module._optimization.scaler._loss_scale = scale
        for state in module._updater.states.values():
            state[:] = 0
        module.forward_backward(batch)
        if unscale:
            amp.unscale(module)
            amp.unscale(module)  # once is enough
        gradient = module._exec_group.grad_arrays[0][0].asnumpy()
        module.update()
        return {k: v.asnumpy() for k, v in module.get_params()[0].items()}, gradient

    arguments = {k: v.copy() for k, v in module.get_params()[0].items()}
    (first, small), (second, large), (third, plain) = stepped(1.0, False), stepped(1024.0, False), stepped(1024.0, True)
    np.testing.assert_allclose(large, small * 1024, rtol=0.02, atol=1)
    np.testing.assert_allclose(plain, large / 1024, rtol=1e-6)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], atol=1e-4)
        np.testing.assert_array_equal(second[name], third[name])


def test_head_gradients_are_scaled_too():
    amp.init("float16")
    module = mx.mod.Module(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="f"), label_names=None)
    module.bind([("data", (1, 2))])
    module.init_params(mx.init.One())
    module.init_optimizer(optimizer_params={"learning_rate": 1.0, "rescale_grad": 1.0})
    assert module._optimization.scaler is None  # no loss in the symbol: out_grads are the caller's
    module.forward(mx.io.DataBatch([mx.nd.ones((1, 2))], None), is_train=True)
    module.backward([mx.nd.ones((1, 2), dtype="float16")])
    module.update()
    np.testing.assert_allclose(module.get_params()[0]["f_weight"].asnumpy(), 0)


def test_scale_loss_with_an_optimizer():
    optimizer = mx.optimizer.SGD(learning_rate=1.0)
    updater, weight = mx.optimizer.get_updater(optimizer), mx.nd.ones((2,))
    amp.init_trainer(optimizer)
    with amp.scale_loss(mx.nd.ones((2,)), optimizer) as scaled:
        gradient = scaled * 1
    np.testing.assert_array_equal(gradient.asnumpy(), [65536, 65536])
    assert not optimizer._amp_loss_scaler.has_overflow([gradient])
    updater(0, gradient, weight)
    np.testing.assert_allclose(weight.asnumpy(), 0)
    with amp.scale_loss([mx.nd.ones((2,))], optimizer) as scaled:
        gradient = scaled[0]
    amp.unscale(optimizer, [gradient])
    np.testing.assert_array_equal(gradient.asnumpy(), 1)
    assert optimizer.rescale_grad == 1
    with pytest.raises(TypeError, match="expected an Optimizer, a Trainer or a module"):
        amp.init_trainer(3)
    with pytest.raises(mx.MXNetError, match="after amp.init_trainer"):
        amp.unscale(mx.optimizer.SGD(), [weight])


def test_bucketing_module():
    def generate(length):
        x = mx.sym.FullyConnected(mx.sym.sum(mx.sym.var("data"), axis=1), num_hidden=2, name="f")
        return mx.sym.SoftmaxOutput(x, name="softmax"), ("data",), ("softmax_label",)

    def bound():
        module = mx.mod.BucketingModule(generate, 6)
        module.bind([("data", (2, 6, 3))], [("softmax_label", (2,))])
        module.init_params(mx.init.Xavier())
        return module

    def batch(length):
        data = [("data", (2, length, 3))], [("softmax_label", (2,))]
        return mx.io.DataBatch([mx.nd.ones((2, length, 3))], [mx.nd.zeros((2,))], bucket_key=length, provide_data=data[0], provide_label=data[1])

    plain = bound()
    narrow = mx.contrib.amp.convert_bucketing_module(plain, cast_optional_params=True)
    for module in (plain, narrow):
        module.forward(batch(4), is_train=False)
    np.testing.assert_allclose(narrow.get_outputs()[0].asnumpy(), plain.get_outputs()[0].asnumpy(), atol=0.02)
    amp.init("float16")
    module = bound()
    module.init_optimizer()
    for length in (6, 4, 6):
        module.forward(batch(length), is_train=True)
        module.backward()
        module.update()
    assert np.isfinite(module.get_params()[0]["f_weight"].asnumpy()).all()
    with pytest.raises(TypeError, match="expected a BucketingModule"):
        amp.convert_bucketing_module(3)


def test_cast_operators():
    x = mx.nd.array([1, 2, 3])
    assert mx.nd.amp_cast(x, dtype="bfloat16")._dtype == "bfloat16"
    assert mx.nd.amp_cast(mx.nd.array([1, 2], dtype="int32"), dtype="float16")._dtype == "int32"
    with pytest.raises(mx.MXNetError, match="expected a float dtype"):
        mx.nd.amp_cast(x, dtype="int32")
    y = mx.nd.amp_scale_gradient(x, mx.nd.array([4.0]))
    np.testing.assert_array_equal(y.asnumpy(), x.asnumpy())


def test_checkpoints_keep_the_casts_when_asked_to(tmp_path):
    net = mx.sym.softmax(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=3, name="fc"), name="out")
    half = mx.amp.convert_symbol(net, target_dtype="bfloat16")
    weights = {"fc_weight": mx.nd.ones((3, 4)), "fc_bias": mx.nd.zeros((3,))}
    for keep in (True, False):
        mx.model.save_checkpoint(str(tmp_path / "half"), 1, half, weights, {}, remove_amp_cast=not keep)
        loaded = mx.model.load_checkpoint(str(tmp_path / "half"), 1)[0]
        assert ("amp_cast" in loaded.tojson(remove_amp_cast=False)) == keep
