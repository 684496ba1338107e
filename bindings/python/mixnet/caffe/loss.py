"""Softmax and the losses. A loss of Caffe gives a number; MXNet's gives the prediction and has the loss's gradient."""

from .. import symbol as sym
from .model import converts


@converts("Softmax")
def softmax(net, layer, inputs):
    return [sym.softmax(inputs[0], axis=layer.part("softmax_param").integer("axis", 1), name=layer.name)]


@converts("SoftmaxWithLoss")
def softmax_loss(net, layer, inputs):
    part = layer.part("loss_param")
    if layer.part("softmax_param").integer("axis", 1) != 1:
        layer.fail("axis", 1, layer.part("softmax_param").integer("axis", 1))
    shape = net.shape(inputs[0])
    settings = {"multi_output": shape is not None and len(shape) > 2, "normalization": "valid" if part.has("ignore_label") else "batch"}
    if part.has("ignore_label"):
        settings.update(use_ignore=True, ignore_label=part.integer("ignore_label", -1))
    return [sym.SoftmaxOutput(*inputs[:2], name=layer.name, **settings)]


_LOSSES = {"EuclideanLoss": sym.LinearRegressionOutput, "SigmoidCrossEntropyLoss": sym.LogisticRegressionOutput, "HingeLoss": sym.SVMOutput}


@converts(*_LOSSES)
def loss(net, layer, inputs):
    settings = {}
    if layer.type == "HingeLoss":
        settings["use_linear"] = str(layer.part("hinge_loss_param")._last("norm", "L1")) in ("L1", "1")
    return [_LOSSES[layer.type](*inputs[:2], name=layer.name, **settings)]
