"""Nets with random parameters, in files as a training run leaves them, with an input and what the executor makes of it."""

import numpy as np

import mixnet as mx
from mixnet.predictor import pack


def lenet():
    """LeNet with BatchNorm, so that auxiliary states are there too."""
    net = mx.sym.Convolution(mx.sym.Variable("data"), kernel=(5, 5), num_filter=20, name="conv1")
    net = mx.sym.Pooling(mx.sym.Activation(net, act_type="tanh"), pool_type="max", kernel=(2, 2), stride=(2, 2))
    net = mx.sym.BatchNorm(mx.sym.Convolution(net, kernel=(5, 5), num_filter=50, no_bias=True, name="conv2"), fix_gamma=False, name="bn2")
    net = mx.sym.Pooling(mx.sym.Activation(net, act_type="relu"), pool_type="avg", kernel=(2, 2), stride=(2, 2), name="pool2")
    net = mx.sym.FullyConnected(mx.sym.Flatten(net), num_hidden=500, name="fc1")
    net = mx.sym.Dropout(mx.sym.Activation(net, act_type="tanh"), p=0.5)
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=10, name="fc2"), name="softmax")


def mlp():
    net = mx.sym.Variable("data")
    for i, (units, kind) in enumerate(((128, "relu"), (64, "sigmoid"), (32, "softrelu"))):
        net = mx.sym.Activation(mx.sym.FullyConnected(net, num_hidden=units, name=f"fc{i}"), act_type=kind)
    return mx.sym.softmax(mx.sym.FullyConnected(net, num_hidden=7, name="last"), name="softmax")


def unit(net, filters, kernel, name, stride=1, groups=1):
    pad = (kernel // 2, kernel // 2)
    options = {"kernel": (kernel, kernel), "stride": (stride, stride), "pad": pad, "num_group": groups, "no_bias": True}
    net = mx.sym.Convolution(net, num_filter=filters, name=name + "_conv", **options)
    return mx.sym.Activation(mx.sym.BatchNorm(net, fix_gamma=False, name=name + "_bn"), act_type="relu")


def residual():
    """Branches that are concatenated and added, a depthwise convolution, clipping, a global pooling."""
    net = unit(mx.sym.Variable("data"), 16, 3, "stem")
    for i in range(2):
        left, right = unit(net, 8, 1, f"left{i}"), unit(unit(net, 8, 1, f"reduce{i}"), 16, 3, f"right{i}")
        pool = mx.sym.Pooling(net, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type="max")
        joined = mx.sym.Concat(left, right, unit(pool, 8, 1, f"pool{i}"), dim=1, name=f"join{i}")
        net = unit(net, 32, 1, f"shortcut{i}") + joined
        net = mx.sym.clip(unit(net, 32, 3, f"depth{i}", stride=2, groups=32), a_min=0, a_max=6)
    net = mx.sym.Flatten(mx.sym.Pooling(net, global_pool=True, kernel=(1, 1), pool_type="avg"))
    return mx.sym.SoftmaxOutput(mx.sym.FullyConnected(net, num_hidden=5, name="fc"), name="softmax")


def bfloat16():
    """LeNet whose convolutions and full layers compute in bfloat16."""
    return mx.amp.convert_symbol(lenet(), target_dtype="bfloat16")


def int8():
    """A residual net on 8-bit numbers, with its parameters."""
    net, shape = residual(), (2, 3, 20, 20)
    random, executor = np.random.RandomState(5), net.simple_bind(mx.cpu(), data=shape, grad_req="null")
    for key, array in {**executor.arg_dict, **executor.aux_dict}.items():
        array[:] = random.uniform(0.5, 1.5, array.shape) if key.endswith(("var", "gamma")) else random.normal(0, 0.2, array.shape)
    data = mx.io.NDArrayIter(random.rand(8, *shape[1:]), batch_size=2)
    args = {k: v for k, v in executor.arg_dict.items() if k not in ("data", "softmax_label")}
    options = {"quantized_dtype": "auto", "quantize_granularity": "channel-wise", "calib_mode": "naive", "calib_data": data}
    return mx.contrib.quantization.quantize_model(net, args, executor.aux_dict, **options)


def loop():
    """A recurrent layer as a loop over rows, with a branch."""
    data = mx.sym.Variable("data")

    def step(row, state):
        inner = mx.sym.FullyConnected(row, num_hidden=6, name="in") + mx.sym.FullyConnected(state, num_hidden=6, name="rec")
        state = mx.sym.Activation(inner, act_type="tanh")
        return state, state

    begin = mx.sym.FullyConnected(mx.sym.sum(data, axis=0), num_hidden=6, name="begin")
    rows, last = mx.sym.contrib.foreach(step, data, begin)
    last = mx.sym.contrib.cond(mx.sym.sum(data) > 0, lambda: last + mx.sym.mean(rows, axis=0), lambda: last * 0)
    return mx.sym.softmax(mx.sym.FullyConnected(last, num_hidden=4, name="fc"), name="softmax")


NETS = {
    "bfloat16": (bfloat16, (3, 1, 28, 28)),
    "int8": (int8, (2, 3, 20, 20)),
    "lenet": (lenet, (3, 1, 28, 28)),
    "loop": (loop, (5, 3, 4)),
    "mlp": (mlp, (4, 50)),
    "residual": (residual, (2, 3, 20, 20)),
}


def save(name, folder):
    """{json, params, shape, input, expected, executor} of a net, its files in the folder."""
    make, shape = NETS[name]
    random, made = np.random.RandomState(7), make()
    net, *params = made if isinstance(made, tuple) else (made,)
    executor = net.simple_bind(mx.cpu(), data=shape, grad_req="null")
    if params:
        executor.copy_params_from(*params)
    for key, array in {**executor.arg_dict, **executor.aux_dict}.items() if not params else ():
        array[:] = random.uniform(0.5, 1.5, array.shape) if key.endswith(("var", "gamma")) else random.normal(0, 0.2, array.shape)
    data = random.rand(*shape).astype(np.float32)
    expected = executor.forward(data=data)[0].asnumpy()
    arguments = {k: v for k, v in executor.arg_dict.items() if k not in ("data", "softmax_label")}
    prefix = str(folder / name)
    mx.model.save_checkpoint(prefix, 1, net, arguments, executor.aux_dict, remove_amp_cast=False)
    (folder / f"{name}.input").write_bytes(data.tobytes())
    pack(prefix + "-symbol.json", prefix + "-0001.params", prefix + ".mixnet")
    return {
        "json": prefix + "-symbol.json",
        "params": prefix + "-0001.params",
        "packed": prefix + ".mixnet",
        "input": str(folder / f"{name}.input"),
        "shape": shape,
        "text": ",".join(map(str, shape)),
        "expected": expected,
        "executor": executor,
    }
