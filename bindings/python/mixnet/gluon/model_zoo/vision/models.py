"""Nets by name."""

from . import densenet, mobilenet, resnet, squeezenet, vgg
from .alexnet import alexnet
from .inception import inception_v3

_MODELS = {
    "alexnet": alexnet,
    "inceptionv3": inception_v3,
    "squeezenet1.0": squeezenet.squeezenet1_0,
    "squeezenet1.1": squeezenet.squeezenet1_1,
    "mobilenet1.0": mobilenet.mobilenet1_0,
    "mobilenet0.75": mobilenet.mobilenet0_75,
    "mobilenet0.5": mobilenet.mobilenet0_5,
    "mobilenet0.25": mobilenet.mobilenet0_25,
    "mobilenetv2_1.0": mobilenet.mobilenet_v2_1_0,
    "mobilenetv2_0.75": mobilenet.mobilenet_v2_0_75,
    "mobilenetv2_0.5": mobilenet.mobilenet_v2_0_5,
    "mobilenetv2_0.25": mobilenet.mobilenet_v2_0_25,
    **{f"densenet{n}": getattr(densenet, f"densenet{n}") for n in (121, 161, 169, 201)},
    **{f"resnet{n}_v{v}": getattr(resnet, f"resnet{n}_v{v}") for n in (18, 34, 50, 101, 152) for v in (1, 2)},
    **{f"vgg{n}{bn}": getattr(vgg, f"vgg{n}{bn}") for n in (11, 13, 16, 19) for bn in ("", "_bn")},
}


def get_model(name, **kwargs):
    """The net of a name such as 'resnet50_v1'. Keywords: classes, pretrained, ctx, root, and those of the net's class."""
    if name.lower() not in _MODELS:
        raise ValueError(f"[get_model] name: expected one of {', '.join(sorted(_MODELS))}, got {name!r}")
    return _MODELS[name.lower()](**kwargs)
