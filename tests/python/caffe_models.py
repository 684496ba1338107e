"""Caffe models for tests: descriptions, a writer of caffemodel files in both forms, and inputs.

Every case is (name, prototxt, inputs that are given): the weights come from a seed, so that numbers stored for a case stay true.
"""

import numpy as np

import mixnet as mx
from mixnet.caffe import net as nets
from mixnet.caffe import text


def _varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, payload):
    """A field of bytes."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def number(key, value):
    """A field of a whole number."""
    return _varint(key << 3) + _varint(value)


def blob(values, legacy=False):
    """An array: with a shape, or in the older form with four extents."""
    values = np.asarray(values, "float32")
    data = field(5, values.astype("<f4").tobytes())
    if legacy:
        extents = (1,) * (4 - values.ndim) + values.shape
        return b"".join(number(i + 1, e) for i, e in enumerate(extents)) + data
    return field(7, field(1, b"".join(_varint(e) for e in values.shape))) + data


def caffemodel(layers, legacy=False):
    """The file of {layer name: (type, arrays)}; legacy writes the older form of layers."""
    content = field(1, b"net")
    for name, (kind, arrays) in layers.items():
        if legacy:
            content += field(2, field(4, name.encode()) + b"".join(field(6, blob(a, True)) for a in arrays))
        else:
            content += field(100, field(1, name.encode()) + field(2, kind.encode()) + b"".join(field(7, blob(a)) for a in arrays))
    return content


_ROLES = {"Scale": ("gamma", "beta"), "Bias": ("beta",), "PReLU": ("gamma",)}


def weights(prototxt, seed=0):
    """{layer: (type, arrays)} with random values of the shapes that the net asks for."""
    rng = np.random.RandomState(seed)
    symbol, _, _ = mx.caffe.import_model(prototxt)
    message = text.parse(prototxt)
    declared = nets.outer_inputs(message)
    for layer in nets.layers(message, "TEST"):
        if layer.type == "Input":
            declared.update({top: tuple(layer.part("input_param").messages("shape")[0].integers("dim")) for top in layer.tops})
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    args, _, aux = symbol.infer_shape(**{k: v for k, v in declared.items() if v and k in names})
    shapes = dict(zip(names, args + aux))
    result = {}
    for layer in nets.layers(message, "TEST"):
        if layer.type == "BatchNorm":
            shape = shapes[f"{layer.name}_moving_mean"]
            # Caffe stores sums, and in the third array what to divide them by.
            result[layer.name] = (layer.type, [rng.normal(0, 1, shape), rng.uniform(1, 3, shape), np.array([2.0])])
            continue
        found = [f"{layer.name}_{role}" for role in _ROLES.get(layer.type, ("weight", "bias"))]
        found = [shapes[name] for name in found if name in shapes]
        if layer.type in _ROLES:
            found = [(int(np.prod(s)),) for s in found]
        if layer.type == "Scale" and not layer.part("scale_param").flag("bias_term", False):
            found = found[:1]
        if found:
            arrays = [rng.normal(0, 1 / np.sqrt(np.prod(s[1:])) if len(s) > 1 else 0.5, s) for s in found]
            result[layer.name] = (layer.type, arrays)
    return result


def inputs_of(prototxt, seed=5):
    """Random values for the inputs that have shapes."""
    rng = np.random.RandomState(seed)
    message = text.parse(prototxt)
    declared = nets.outer_inputs(message)
    for layer in nets.layers(message, "TEST"):
        if layer.type == "Input":
            shapes = layer.part("input_param").messages("shape")
            declared.update({top: tuple(shapes[min(i, len(shapes) - 1)].integers("dim")) for i, top in enumerate(layer.tops)})
    return {name: rng.uniform(-1, 1, shape).astype("float32") for name, shape in declared.items()}


def run(symbol, args, aux, inputs):
    """Outputs in prediction."""
    exe = symbol.simple_bind(mx.cpu(), grad_req="null", **{k: v.shape for k, v in inputs.items() if k in symbol.list_arguments()})
    for name, value in {**args, **aux, **inputs}.items():
        target = exe.arg_dict.get(name, exe.aux_dict.get(name))
        if target is not None:
            target[:] = value
    return [out.asnumpy() for out in exe.forward(is_train=False)]


def single(kind, settings="", shape=(2, 4, 7, 6), bottoms=1, tops=1):
    """A net of one layer."""
    dims = " ".join(f"dim: {d}" for d in shape)
    names = [f"in{i}" for i in range(bottoms)]
    heads = "\n".join(f'layer {{ name: "{n}" type: "Input" top: "{n}" input_param {{ shape {{ {dims} }} }} }}' for n in names)
    lines = " ".join(f'bottom: "{n}"' for n in names) + " " + " ".join(f'top: "out{i}"' for i in range(tops))
    return f'{heads}\nlayer {{ name: "one" type: "{kind}" {lines} {settings} }}\n'


SINGLE = {
    "convolution": single("Convolution", "convolution_param { num_output: 6 kernel_size: 3 stride: 2 pad: 1 group: 2 }"),
    "convolution_hw": single("Convolution", "convolution_param { num_output: 3 kernel_h: 3 kernel_w: 2 pad_h: 1 pad_w: 0 dilation: 2 bias_term: false }"),
    "deconvolution": single("Deconvolution", "convolution_param { num_output: 3 kernel_size: 4 stride: 2 pad: 1 }"),
    "inner_product": single("InnerProduct", "inner_product_param { num_output: 5 }"),
    "pool_max": single("Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }"),
    "pool_max_pad": single("Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }"),
    "pool_max_dropped": single("Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 pad: 1 }"),
    "pool_ave": single("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"),
    "pool_ave_pad": single("Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 1 pad: 1 }"),
    "pool_global": single("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
    "lrn": single("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }"),
    "lrn_within": single("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 norm_region: WITHIN_CHANNEL }"),
    "relu": single("ReLU"),
    "leaky": single("ReLU", "relu_param { negative_slope: 0.1 }"),
    "prelu": single("PReLU"),
    "elu": single("ELU", "elu_param { alpha: 0.7 }"),
    "sigmoid": single("Sigmoid"),
    "tanh": single("TanH"),
    "absval": single("AbsVal"),
    "bnll": single("BNLL"),
    "power": single("Power", "power_param { power: 2 scale: 0.5 shift: 1.5 }"),
    "exp": single("Exp", "exp_param { base: 2 scale: 0.5 shift: 0.1 }"),
    "log": single("Log", "log_param { base: 10 scale: 0.5 shift: 2 }"),
    "dropout": single("Dropout", "dropout_param { dropout_ratio: 0.3 }"),
    "softmax": single("Softmax"),
    "concat": single("Concat", bottoms=3),
    "concat_rows": single("Concat", "concat_param { axis: 2 }", bottoms=2),
    "eltwise_sum": single("Eltwise", "eltwise_param { operation: SUM coeff: 1 coeff: -0.5 }", bottoms=2),
    "eltwise_prod": single("Eltwise", "eltwise_param { operation: PROD }", bottoms=3),
    "eltwise_max": single("Eltwise", "eltwise_param { operation: MAX }", bottoms=2),
    "flatten": single("Flatten"),
    "reshape": single("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 3 } }"),
    "slice": single("Slice", "slice_param { axis: 1 slice_point: 1 slice_point: 3 }", tops=3),
    "slice_even": single("Slice", tops=2),
    "split": single("Split", tops=2),
    "batch_norm": single("BatchNorm", "batch_norm_param { eps: 0.001 }"),
    "scale": single("Scale", "scale_param { bias_term: true }"),
    "permute": single("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    "mvn": single("MVN"),
}

CAFFENET = """
name: "small CaffeNet"  # the order of layers of BVLC's reference net
input: "data" input_dim: 1 input_dim: 3 input_dim: 47 input_dim: 47
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1" blobs_lr: 1 convolution_param { num_output: 8 kernel_size: 11 stride: 4 } }
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layers { name: "norm1" type: LRN bottom: "pool1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layers { name: "conv2" type: CONVOLUTION bottom: "norm1" top: "conv2" convolution_param { num_output: 8 pad: 2 kernel_size: 5 group: 2 } }
layers { name: "relu2" type: RELU bottom: "conv2" top: "conv2" }
layers { name: "fc6" type: INNER_PRODUCT bottom: "conv2" top: "fc6" inner_product_param { num_output: 10 } }
layers { name: "relu6" type: RELU bottom: "fc6" top: "fc6" }
layers { name: "drop6" type: DROPOUT bottom: "fc6" top: "fc6" dropout_param { dropout_ratio: 0.5 } }
layers { name: "fc8" type: 14 bottom: "fc6" top: "fc8" inner_product_param { num_output: 7 } }
layers { name: "prob" type: SOFTMAX bottom: "fc8" top: "prob" }
"""

RESNET = """
layer { name: "data" type: "Input" top: "data" input_param: { shape: { dim: 1 dim: 3 dim: 32 dim: 32 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 6 kernel_size: 7 pad: 3 stride: 2 } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { use_global_stats: true } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 3 stride: 2 pool: MAX } }
layer { name: "b1" type: "Convolution" bottom: "pool1" top: "b1" convolution_param { num_output: 8 kernel_size: 1 bias_term: false } }
layer { name: "bnb1" type: "BatchNorm" bottom: "b1" top: "b1" batch_norm_param { use_global_stats: true } }
layer { name: "scaleb1" type: "Scale" bottom: "b1" top: "b1" scale_param { bias_term: true } }
layer { name: "b2" type: "Convolution" bottom: "pool1" top: "b2" convolution_param { num_output: 8 kernel_size: 3 pad: 1 bias_term: false } }
layer { name: "bnb2" type: "BatchNorm" bottom: "b2" top: "b2n" batch_norm_param { use_global_stats: true } }
layer { name: "scaleb2" type: "Scale" bottom: "b2n" top: "b2s" scale_param { bias_term: true } }
layer { name: "sum" type: "Eltwise" bottom: "b1" bottom: "b2s" top: "sum" }
layer { name: "relu" type: "ReLU" bottom: "sum" top: "sum" }
layer { name: "pool5" type: "Pooling" bottom: "sum" top: "pool5" pooling_param { kernel_size: 8 stride: 1 pool: AVE } }
layer { name: "fc" type: "InnerProduct" bottom: "pool5" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""

GOOGLENET = """
input: "data" input_shape { dim: 1 dim: 3 dim: 40 dim: 40 }
layer { name: "conv1/7x7_s2" type: "Convolution" bottom: "data" top: "conv1/7x7_s2" convolution_param { num_output: 6 pad: 3 kernel_size: 7 stride: 2 } }
layer { name: "conv1/relu" type: "ReLU" bottom: "conv1/7x7_s2" top: "conv1/7x7_s2" }
layer { name: "pool1/3x3_s2" type: "Pooling" bottom: "conv1/7x7_s2" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "pool1/norm1" type: "LRN" bottom: "pool1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layer { name: "in/1x1" type: "Convolution" bottom: "norm1" top: "in/1x1" convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "in/relu1" type: "ReLU" bottom: "in/1x1" top: "in/1x1" }
layer { name: "in/3x3r" type: "Convolution" bottom: "norm1" top: "in/3x3r" convolution_param { num_output: 3 kernel_size: 1 } }
layer { name: "in/3x3" type: "Convolution" bottom: "in/3x3r" top: "in/3x3" convolution_param { num_output: 4 pad: 1 kernel_size: 3 } }
layer { name: "in/pool" type: "Pooling" bottom: "norm1" top: "in/pool" pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 } }
layer { name: "in/proj" type: "Convolution" bottom: "in/pool" top: "in/proj" convolution_param { num_output: 2 kernel_size: 1 } }
layer { name: "in/output" type: "Concat" bottom: "in/1x1" bottom: "in/3x3" bottom: "in/proj" top: "in/output" }
layer { name: "pool5" type: "Pooling" bottom: "in/output" top: "pool5" pooling_param { pool: AVE kernel_size: 10 stride: 1 } }
layer { name: "drop" type: "Dropout" bottom: "pool5" top: "pool5" dropout_param { dropout_ratio: 0.4 } }
layer { name: "classifier" type: "InnerProduct" bottom: "pool5" top: "classifier" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "classifier" top: "prob" }
"""

FCN = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 20 dim: 20 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 pad: 5 stride: 2 } }
layer { name: "score" type: "Convolution" bottom: "conv" top: "score" convolution_param { num_output: 3 kernel_size: 1 } }
layer { name: "up" type: "Deconvolution" bottom: "score" top: "up" convolution_param { num_output: 3 kernel_size: 4 stride: 2 bias_term: false } }
layer { name: "crop" type: "Crop" bottom: "up" bottom: "data" top: "crop" crop_param { axis: 2 offset: 3 } }
layer { name: "prob" type: "Softmax" bottom: "crop" top: "prob" }
"""

NETS = {"caffenet": CAFFENET, "resnet": RESNET, "googlenet": GOOGLENET, "fcn": FCN}
CASES = {**SINGLE, **NETS}


def outputs(name, legacy=None):
    """Our outputs for a case."""
    prototxt = CASES[name]
    content = caffemodel(weights(prototxt), name == "caffenet" if legacy is None else legacy)
    symbol, args, aux = mx.caffe.import_model(prototxt, content)
    return symbol, run(symbol, args, aux, inputs_of(prototxt))
