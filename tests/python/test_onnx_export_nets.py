"""mx.onnx.export_model: whole nets, opsets, free extents, files, and what is refused."""

import json

import numpy as np
import onnx
import pytest

import mixnet as mx
from export_nets import NETS, lenet, resnet, ssd_head
from onnx_running import compare, random_parameters, run_ours, run_theirs


def inputs_of(shapes, indices, seed=0):
    rng = np.random.RandomState(seed)
    return {k: (rng.randint(0, 12, s) if k in indices else rng.uniform(-1, 1, s)).astype("float32") for k, s in shapes.items()}


def arrays(values):
    return {name: mx.nd.array(value) for name, value in values.items()}


@pytest.mark.parametrize("net", NETS, ids=[net.__name__ for net in NETS])
def test_net(net, tmp_path):
    symbol, shapes, indices = net()
    compare(symbol, tmp_path / "net.onnx", inputs_of(shapes, indices))


@pytest.mark.parametrize("opset", range(13, 22))
def test_every_opset(opset, tmp_path):
    for net in NETS[opset % 3 :: 3]:
        symbol, shapes, indices = net()
        compare(symbol, tmp_path / "net.onnx", inputs_of(shapes, indices), opset_version=opset)
    assert onnx.load(tmp_path / "net.onnx").opset_import[0].version == opset


@pytest.mark.parametrize("net", NETS, ids=[net.__name__ for net in NETS])
def test_batch_is_free(net, tmp_path):
    symbol, shapes, indices = net()
    params = random_parameters(symbol, **shapes)
    mx.onnx.export_model(symbol, arrays(params), list(shapes.values()), np.float32, tmp_path / "net.onnx", dynamic=True)
    for batch in (1, 5):
        inputs = inputs_of({k: (batch, *s[1:]) for k, s in shapes.items()}, indices, batch)
        for one, other in zip(run_ours(symbol, {**inputs, **params}), run_theirs(tmp_path / "net.onnx", inputs)):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("net", NETS, ids=[net.__name__ for net in NETS])
def test_what_is_exported_is_imported_again(net, tmp_path):
    symbol, shapes, indices = net()
    params, inputs = random_parameters(symbol, **shapes), inputs_of(shapes, indices)
    path = mx.onnx.export_model(symbol, arrays(params), list(shapes.values()), onnx_file_path=tmp_path / "net.onnx")
    again, args, aux = mx.onnx.import_model(str(path))
    values = {name: value.asnumpy() for name, value in {**args, **aux}.items()}
    for one, other in zip(run_ours(symbol, {**inputs, **params}), run_ours(again, {**inputs, **values})):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


def test_detection_with_anchors(tmp_path):
    (scores, places, kept), shapes, _ = ssd_head()
    anchors = [mx.sym._contrib_MultiBoxPrior(mx.sym.zeros((1, 1, e, e)), sizes=(0.2, 0.4), ratios=(1, 2)) for e in (8, 4)]
    found = mx.sym._contrib_MultiBoxDetection(scores, places, mx.sym.Concat(*anchors, dim=1, num_args=2), nms_threshold=0.4)
    params = random_parameters(found, **shapes)
    path = mx.onnx.export_model(found, arrays(params), list(shapes.values()), onnx_file_path=tmp_path / "ssd.onnx", dynamic=True)
    inputs = inputs_of({"data": (3, 3, 32, 32)}, ())
    ours = run_ours(found, {**inputs, **params})[0]
    assert (ours[..., 0] >= 0).any() and (ours[..., 0] < 0).any()
    np.testing.assert_allclose(run_theirs(path, inputs)[0], ours, rtol=1e-4, atol=1e-4)


def test_random_numbers(tmp_path):
    data = mx.sym.Variable("data")
    net = mx.sym.Group([mx.sym.random_normal(loc=2, scale=3, shape=(4000,)), mx.sym.random_uniform(low=-1, high=5, shape=(40, 100)), data * 2])
    path = mx.onnx.export_model(net, {}, [(2, 3)], onnx_file_path=tmp_path / "n.onnx")
    normal, uniform, _ = run_theirs(path, inputs_of({"data": (2, 3)}, ()))
    assert normal.shape == (4000,) and abs(normal.mean() - 2) < 0.3 and abs(normal.std() - 3) < 0.3
    assert uniform.shape == (40, 100) and -1 <= uniform.min() < -0.8 and 4.8 < uniform.max() <= 5


def test_spatial_extents_are_free(tmp_path):
    data = mx.sym.Variable("data")
    net = mx.sym.Pooling(mx.sym.Convolution(data, kernel=(3, 3), num_filter=4, name="c"), global_pool=True, pool_type="avg")
    net = mx.sym.Flatten(net)
    params = random_parameters(net, data=(1, 3, 8, 8))
    path = mx.onnx.export_model(
        net, arrays(params), [(1, 3, 8, 8)], onnx_file_path=tmp_path / "n.onnx", dynamic=True, dynamic_input_shapes=[(None, 3, "h", "w")]
    )
    extents = [d.dim_param or d.dim_value for d in onnx.load(path).graph.input[0].type.tensor_type.shape.dim]
    assert extents == ["batch", 3, "h", "w"]
    inputs = inputs_of({"data": (2, 3, 12, 9)}, ())
    np.testing.assert_allclose(run_theirs(path, inputs)[0], run_ours(net, {**inputs, **params})[0], rtol=1e-4, atol=1e-5)


def test_files_and_names(tmp_path):
    symbol, shapes, _ = resnet()
    params = random_parameters(symbol, **shapes)
    aux = symbol.list_auxiliary_states()
    symbol.save(str(tmp_path / "r-symbol.json"))
    mx.nd.save(str(tmp_path / "r-0000.params"), {("aux:" if k in aux else "arg:") + k: mx.nd.array(v) for k, v in params.items()})
    path = mx.contrib.onnx.export_model(
        str(tmp_path / "r-symbol.json"), str(tmp_path / "r-0000.params"), [(2, 3, 32, 32)], np.float32, str(tmp_path / "r.onnx")
    )
    model = onnx.load(path)
    assert [o.name for o in model.graph.output] == ["softmax_output"] and [i.name for i in model.graph.input] == ["data"]
    assert "stem_conv_weight" in {t.name for t in model.graph.initializer}
    inputs = inputs_of(shapes, ())
    np.testing.assert_allclose(run_theirs(path, inputs)[0], run_ours(symbol, {**inputs, **params})[0], rtol=1e-4, atol=1e-5)


def test_large_model_keeps_its_weights_beside(tmp_path):
    symbol, shapes, _ = lenet()
    params = random_parameters(symbol, **shapes)
    path = mx.onnx.export_model(symbol, arrays(params), [(2, 1, 28, 28)], onnx_file_path=tmp_path / "l.onnx", large_model=True, run_shape_inference=True)
    assert (tmp_path / "l.onnx.data").stat().st_size > (tmp_path / "l.onnx").stat().st_size
    inputs = inputs_of(shapes, ())
    np.testing.assert_allclose(run_theirs(path, inputs)[0], run_ours(symbol, {**inputs, **params})[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_floats(dtype, tmp_path):
    data = mx.sym.Variable("data")
    net = mx.sym.softmax(mx.sym.FullyConnected(mx.sym.Activation(data * 2.5, act_type="tanh"), num_hidden=4, name="fc"))
    rng = np.random.RandomState(0)
    params = {"fc_weight": rng.randn(4, 6).astype(dtype), "fc_bias": rng.randn(4).astype(dtype)}
    compare(net, tmp_path / "n.onnx", {"data": rng.randn(3, 6).astype(dtype)}, params, 1e-2 if dtype == "float16" else 1e-7)


def test_output_that_is_an_input_or_twice_the_same(tmp_path):
    data = mx.sym.Variable("data")
    net = mx.sym.relu(data, name="r")
    compare(mx.sym.Group([net, data, net * 1.0, mx.sym.Variable("w")]), tmp_path / "n.onnx", inputs_of({"data": (2, 3)}, ()), {"w": np.ones(3, "float32")})


def refusal(symbol, params=None, shapes=((2, 3),), **settings):
    with pytest.raises(mx.MXNetError) as error:
        mx.onnx.export_model(symbol, params or {}, list(shapes), onnx_file_path="/nowhere/model.onnx", **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_refusals_name_what_is_wrong():
    data = mx.sym.Variable("data")
    net = mx.sym.relu(data)
    assert refusal(mx.sym.gammaln(data, name="g")) == "[export_model] gammaln g: this operator cannot be exported to ONNX"
    assert "opset_version: expected 13 to 21, got 9" in refusal(net, opset_version=9)
    assert "in_shapes: expected 1 for data, got 2" in refusal(net, shapes=((2, 3), (4, 5)))
    assert "in_shapes" in refusal(net + mx.sym.Variable("w"))
    assert "params: expected a dict or a file with names" in refusal(net, params=[1])
    assert "/nowhere/model.onnx" in refusal(net)
    assert "mode: expected training, got always" in refusal(mx.sym.Dropout(data, mode="always"))
    assert "expected 2 extents, got 1" in refusal(net, dynamic=True, dynamic_input_shapes=[(None,)])
    with pytest.raises(TypeError):
        mx.onnx.export_model(3, {})


def test_batch_that_the_graph_fixes_is_refused():
    net = mx.sym.Reshape(mx.sym.Variable("data"), shape=(2, 3))
    assert refusal(net, shapes=[(2, 3)], dynamic=True).startswith("[Reshape reshape")


def test_supported_operators_exist():
    names = mx.onnx.get_operator_support()
    from mixnet.base import ffi, lib, text

    out = ffi.new("char **")
    assert lib.mxn_op_schemas(out) == 0
    known = {schema["name"] for schema in json.loads(text(out[0]))}
    assert len(names) >= 200 and not set(names) - known
