"""mx.caffe: layers and nets against numbers of OpenCV's reader (tests/data/caffe_reference.json), forms of files, phases, and what is wrong."""

import json
import pathlib

import numpy as np
import pytest

import caffe_models
import mixnet as mx
from caffe_models import CASES, blob, caffemodel, field, inputs_of, outputs, run, single, weights
from mixnet.caffe import text, wire
from mutating import survives

STORED = json.loads((pathlib.Path(__file__).resolve().parents[1] / "data" / "caffe_reference.json").read_text())


@pytest.mark.parametrize("name", list(STORED))
def test_outputs_are_those_of_opencv(name):
    for ours, theirs in zip(outputs(name)[1], STORED[name]):
        flat = ours.reshape(-1)
        assert ours.size == np.prod(theirs["shape"])
        np.testing.assert_allclose(flat[:: max(1, flat.size // 24)][:24], theirs["values"], rtol=1e-4, atol=2e-6)


def test_every_case_is_compared():
    assert len(STORED) >= 38 and set(CASES) - set(STORED) == {"log", "slice_even"}


def one(kind, settings="", bottoms=1, tops=1, shape=(2, 4, 7, 6)):
    """(inputs, outputs) of a net of one layer."""
    prototxt = single(kind, settings, shape, bottoms, tops)
    symbol, args, aux = mx.caffe.import_model(prototxt, caffemodel(weights(prototxt)))
    given = inputs_of(prototxt)
    return list(given.values()), run(symbol, args, aux, given)


def test_layers_that_opencv_reads_otherwise():
    (x,), (y,) = one("Log", "log_param { base: 10 scale: 0.5 shift: 2 }")
    np.testing.assert_allclose(y, np.log10(0.5 * x + 2), rtol=1e-5)
    (x,), parts = one("Slice", tops=2)
    assert all((a == b).all() for a, b in zip(parts, np.split(x, 2, 1)))
    (x,), parts = one("Slice", "slice_param { axis: 1 slice_point: 1 slice_point: 3 }", tops=3)
    assert all((a == b).all() for a, b in zip(parts, np.split(x, [1, 3], 1)))
    (x,), (y,) = one("LRN", "lrn_param { local_size: 3 alpha: 0.6 beta: 0.5 k: 2 }")
    padded = np.pad(x**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    np.testing.assert_allclose(y, x / np.sqrt(2 + 0.2 * (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:])), rtol=1e-5)
    (x,), (y,) = one("Swish", "swish_param { beta: 2 }")
    np.testing.assert_allclose(y, x / (1 + np.exp(-2 * x)), rtol=1e-5)
    (x,), (y,) = one("Clip", "clip_param { min: -0.2 max: 0.3 }")
    np.testing.assert_allclose(y, np.clip(x, -0.2, 0.3))
    (x,), (y,) = one("Threshold", "threshold_param { threshold: 0.1 }")
    assert (y == (x > 0.1)).all()
    (x,), (y,) = one("Tile", "tile_param { axis: 2 tiles: 3 }")
    assert (y == np.tile(x, (1, 1, 3, 1))).all()
    (x,), (y,) = one("Flatten", "flatten_param { axis: 2 }")
    assert (y == x.reshape(2, 4, 42)).all()
    (x,), (y,) = one("Reshape", "reshape_param { shape { dim: 2 dim: -1 } axis: 1 num_axes: 1 }")
    assert (y == x.reshape(2, 2, 2, 7, 6)).all()
    (x,), (y,) = one("Reduction", "reduction_param { operation: SUMSQ axis: 1 coeff: 0.5 }")
    np.testing.assert_allclose(y, 0.5 * (x**2).sum((1, 2, 3)), rtol=1e-5)
    (x,), (y,) = one("ArgMax", "argmax_param { axis: 1 }")
    assert (y == x.argmax(1)[:, None]).all()
    (x, z), (y,) = one("Scale", "scale_param { axis: 0 }", bottoms=2)
    np.testing.assert_allclose(y, x * z, rtol=1e-6)
    (x,), (y,) = one("Bias")
    np.testing.assert_allclose(y, x + weights(single("Bias"))["one"][1][0].reshape(1, 4, 1, 1), rtol=1e-5)
    (x,), (y,) = one("InnerProduct", "inner_product_param { num_output: 3 axis: 3 bias_term: false }")
    np.testing.assert_allclose(
        y, x @ weights(single("InnerProduct", "inner_product_param { num_output: 3 axis: 3 bias_term: false }"))["one"][1][0].T, rtol=1e-4, atol=1e-6
    )


def test_scale_is_taken_into_batch_norm():
    symbol, args, aux = mx.caffe.import_model(caffe_models.RESNET, caffemodel(weights(caffe_models.RESNET)))
    operators = [node["op"] for node in json.loads(symbol.tojson())["nodes"]]
    assert operators.count("BatchNorm") == 3 and "broadcast_mul" not in operators
    assert {"scale1_gamma", "scaleb2_beta"} <= set(args) and "bnb1_moving_var" in aux


def test_older_arrays_and_both_forms_agree():
    new, old = (outputs("caffenet", legacy)[1][0] for legacy in (False, True))
    assert (new == old).all()


TRAIN_VAL = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } data_param { source: "a" batch_size: 8 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "acc" type: "Accuracy" bottom: "fc" bottom: "label" top: "acc" include { phase: TEST } }
layer { name: "hidden" type: "ReLU" bottom: "fc" top: "hidden" exclude { phase: TRAIN } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" loss_param { ignore_label: 2 } }
"""


def test_phases_and_losses():
    train, _, _ = mx.caffe.import_model(TRAIN_VAL, phase="TRAIN")
    assert train.list_outputs() == ["loss_output"] and train.list_arguments() == ["data", "fc_weight", "fc_bias", "label"]
    assert train.attr_dict()["loss"]["ignore_label"] == "2"
    assert mx.caffe.import_model(TRAIN_VAL)[0].list_outputs() == ["hidden_output", "loss_output"]


def test_stages():
    prototxt = single("ReLU", "include { stage: 'deploy' not_stage: 'fast' }")
    assert mx.caffe.import_model(prototxt, stages=["deploy"])[0].list_outputs() == ["one_output"]
    for stages in ((), ("deploy", "fast")):
        with pytest.raises(mx.MXNetError, match="expected layers with outputs"):
            mx.caffe.import_model(prototxt, stages=stages)


def test_an_imported_net_trains():
    symbol, _, _ = mx.caffe.import_model(TRAIN_VAL.replace("ignore_label: 2", ""), phase="TRAIN")
    rng = np.random.RandomState(0)
    x = rng.randn(120, 3).astype("float32")
    y = x.argmax(1).astype("float32")
    module = mx.mod.Module(symbol, label_names=["label"])
    module.fit(mx.io.NDArrayIter(x, y, 20, label_name="label"), num_epoch=40, optimizer_params={"learning_rate": 0.5}, initializer=mx.init.Xavier())
    assert module.score(mx.io.NDArrayIter(x, y, 20, label_name="label"), "acc")[0][1] > 0.9


def test_the_text_format():
    content = text.parse(
        r"""a: 1, b: -2.5e1; c { d: "x\n\x41\101" 'y' } c < d: 'z' > # remark
        e: [1, 2, 0x1F] f: TRUE_ish g: true h: -inf i: 1.5f k: {} """
    )
    assert content["a"] == [1] and content["b"] == [-25.0] and content["e"] == [1, 2, 31] and content["i"] == [1.5]
    assert content["c"] == [{"d": ["x\nAAy"]}, {"d": ["z"]}] and content["f"] == ["TRUE_ish"] and content["k"] == [{}]


WRONG = {
    "layer { name: 'a' ": "expected the name of a field, got the end",
    "layer { name: 'a' type: ': }": "line 1: unexpected",
    "a: \n }": "line 2: expected a value, got '}'",
    "a { " * 80: "expected at most 64 messages inside each other",
    "layer { name: 'a' type: 'Nothing' }": "[caffe a] type: expected one of AbsVal",
    "layers { name: 'a' type: NOTHING }": "[caffe a] type: expected one of the older form's types, got 'NOTHING'",
    "layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'y' }": "[caffe a] bottom: expected a blob that an earlier layer makes, got 'x'",
    "name: 'empty'": "expected layers with outputs in phase TEST, got none",
    "layer: 3": "expected a message, got 3",
    "input: 'a' input_dim: 3 layer { }": "[caffe] input_dim: expected 4 numbers, got 1",
    single("Convolution", "convolution_param { num_output: 3 }"): "[caffe one] kernel_size: expected one or two positive numbers",
    single("Pooling", "pooling_param { kernel_size: 2 stride: 0 pad: 1 }"): "[caffe one] stride: expected one or two positive numbers, got (0,)",
    single("Convolution", "convolution_param { num_output: x kernel_size: 1 }"): "[caffe one] num_output: expected whole numbers, got x",
    single("Convolution", "convolution_param { kernel_size: 3 }"): "[caffe one] num_output: expected a number, got none",
    single("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"): "[caffe one] pool: expected MAX or AVE",
    single("ReLU", "relu_param { negative_slope: 'a' }"): "[caffe one] negative_slope: expected a number, got a",
    single("ReLU", "", bottoms=1, tops=2): "[caffe one] top: expected at most 1, got 2",
    single("Dropout", "dropout_param { dropout_ratio: 2 }"): "[caffe one] dropout_ratio: expected a number from 0 to below 1, got 2.0",
    single("LRN", "lrn_param { local_size: 4 }"): "[caffe one] local_size: expected an odd number, got 4",
    single("Slice", "slice_param { slice_point: 2 slice_point: 1 }", tops=3): "[caffe one] slice_point: expected 2 increasing numbers",
    "input: 'a' layer { name: 'p' type: 'Pooling' bottom: 'a' top: 'b' pooling_param { kernel_size: 3 stride: 2 pad: 1 } }": "pass input_shapes",
}


@pytest.mark.parametrize("prototxt", list(WRONG), ids=range(len(WRONG)))
def test_wrong_descriptions(prototxt):
    with pytest.raises(mx.MXNetError) as error:
        mx.caffe.import_model(prototxt if "\n" in prototxt or "{" in prototxt else prototxt + "\n")
    assert WRONG[prototxt] in str(error.value) and "\n" not in str(error.value)


def test_wrong_parameters(tmp_path):
    prototxt = CASES["inner_product"]
    good = weights(prototxt)
    for layers, words in (
        ({}, "[caffe one] parameters: expected 1 or more arrays in the caffemodel, got 0"),
        ({"one": ("InnerProduct", good["one"][1][:1])}, "expected 2 or more arrays in the caffemodel, got 1"),
        ({"one": ("InnerProduct", [np.zeros((5, 3)), np.zeros(5)])}, "[FullyConnected one] weight: expected (5, 168), got (5, 3)"),
    ):
        with pytest.raises(mx.MXNetError) as error:
            mx.caffe.import_model(prototxt, caffemodel(layers))
        assert words in str(error.value)
    for data, words in (
        (b"\xa2\x06\xff\x01", "expected 255 bytes for a field, got 0"),
        (b"\xff" * 12, "expected a number of at most 10 bytes"),
        (field(100, field(7, blob(np.ones(3))[:-4])), "expected 12 bytes for a field, got 8"),
        (field(100, field(7, field(7, field(1, b"\x05")) + field(5, b"\0" * 8))), "expected 5 numbers for the shape (5,), got 2"),
    ):
        with pytest.raises(mx.MXNetError) as error:
            wire.parameters(data)
        assert words in str(error.value)
    with pytest.raises(mx.MXNetError, match="No such file"):
        mx.caffe.import_model(tmp_path / "none.prototxt")
    with pytest.raises(mx.MXNetError, match="phase: expected TEST or TRAIN"):
        mx.caffe.import_model(prototxt, phase="BOTH")
    with pytest.raises(TypeError):
        mx.caffe.import_model(3)


def test_mutated_files_end_in_one_line():
    prototxt = caffe_models.RESNET
    content = caffemodel(weights(prototxt))
    small = caffemodel(weights(CASES["convolution"]))
    described = sum(survives(lambda data: mx.caffe.import_model(data), prototxt.encode(), seed, mx.MXNetError) for seed in range(150))
    stored = sum(survives(wire.parameters, content, seed, mx.MXNetError) for seed in range(75))
    both = sum(survives(lambda data: mx.caffe.import_model(CASES["convolution"], data), small, seed, mx.MXNetError) for seed in range(75))
    assert 0 < described < 150 and 0 < stored < 75 and both < 75
