"""The key-value store (the paper's section 2.3): `while(1) { kv.pull(net.w); net.forward_backward(); kv.push(net.g); }`

Two devices each work on half of the data. What they push is summed; the updater registered with the store applies it.
"""

import mixnet as mx
import numpy as np

NAMES = ("fc_weight", "fc_bias")


def bind(device, data, label):
    """Linear regression on one device with its share of the data."""
    fit = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=1, name="fc")
    net = mx.sym.LinearRegressionOutput(fit, mx.sym.Variable("label"), name="out")
    executor = net.simple_bind(device, grad_req="write", data=data.shape, label=label.shape)
    executor.arg_dict["data"][:] = data
    executor.arg_dict["label"][:] = label
    return executor


def main(steps=200, rate=0.1):
    rng = np.random.RandomState(0)
    data = rng.randn(64, 2).astype(np.float32)
    label = data @ np.array([[2.0], [-3.4]], np.float32) + 4.2
    nets = [bind(mx.cpu(i), data[i::2], label[i::2]) for i in range(2)]

    def update(key, gradient, weight):
        weight -= rate / len(data) * gradient

    kv = mx.kv.create("local")
    kv._set_updater(update)
    for name in NAMES:
        kv.init(name, mx.nd.zeros(nets[0].arg_dict[name].shape))

    for _ in range(steps):
        for name in NAMES:
            kv.pull(name, out=[net.arg_dict[name] for net in nets])
        for net in nets:
            net.forward(is_train=True)
            net.backward()
        for name in NAMES:
            kv.push(name, [net.grad_dict[name] for net in nets])

    for name, truth in zip(NAMES, ([[2.0, -3.4]], [4.2])):
        value = mx.nd.zeros(nets[0].arg_dict[name].shape)
        kv.pull(name, out=value)
        print(name, value.asnumpy().astype(float).round(3).tolist(), "true", truth)


if __name__ == "__main__":
    main()
