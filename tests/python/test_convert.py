"""The command `mixnet convert`, in this process."""

import numpy as np
import pytest

import mixnet as mx
from caffe_models import CASES, caffemodel, inputs_of, outputs, run, weights
from mixnet.__main__ import main
from onnx_running import run_theirs


def failed(*arguments):
    """What the command says before it exits with 1."""
    with pytest.raises(SystemExit) as end:
        main(["convert", *arguments])
    assert isinstance(end.value.code, str) and "\n" not in end.value.code
    return end.value.code


def test_caffe_to_a_checkpoint_to_onnx_and_safetensors(tmp_path, capsys):
    at = lambda name: str(tmp_path / name)  # noqa: E731
    prototxt = CASES["resnet"]
    (tmp_path / "net.prototxt").write_text(prototxt)
    (tmp_path / "net.caffemodel").write_bytes(caffemodel(weights(prototxt)))
    main(["convert", "caffe", at("net.prototxt"), at("net.caffemodel"), at("net")])
    assert "inputs data" in capsys.readouterr().out
    given, (expected,) = inputs_of(prototxt), outputs("resnet")[1]
    np.testing.assert_array_equal(run(*mx.model.load_checkpoint(at("net"), 0), given)[0], expected)

    main(["convert", "onnx", at("net-symbol.json"), at("net-0000.params"), at("net.onnx"), "--shape", "data=1,3,32,32", "--dynamic"])
    np.testing.assert_allclose(run_theirs(at("net.onnx"), given)[0], expected, rtol=1e-4, atol=1e-6)

    main(["convert", "onnx", at("net.onnx"), at("again"), "--shape", "data=1,3,32,32"])
    np.testing.assert_allclose(run(*mx.model.load_checkpoint(at("again"), 0), given)[0], expected, rtol=1e-4, atol=1e-6)

    main(["convert", "safetensors", at("net-0000.params"), at("net.safetensors")])
    main(["convert", "safetensors", at("net.safetensors"), at("again.params")])
    first, again = mx.nd.load(at("net-0000.params")), mx.nd.load(at("again.params"))
    assert set(first) == set(again) and all((first[k].asnumpy() == again[k].asnumpy()).all() for k in first)


def test_wrong_arguments_are_one_line(tmp_path):
    assert "No such file" in failed("caffe", str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "c"))
    assert "\n" not in failed("onnx", str(tmp_path / "none.onnx"), str(tmp_path / "c"))
    assert "expected MODEL.onnx PREFIX" in failed("onnx", "a", "b")
    assert "--shape: expected NAME=1,3,224,224, got data" in failed("onnx", "a", "b", "c", "--shape", "data")
    mx.nd.save(str(tmp_path / "list.params"), [mx.nd.ones(2)])
    assert "expected names, got a list" in failed("safetensors", str(tmp_path / "list.params"), str(tmp_path / "x.safetensors"))
