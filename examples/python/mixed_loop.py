"""Declared and imperative code side by side (the paper's section 2.2): `net.forward_backward(); w -= lr * g`.

The executor computes gradients, arrays update the weights; both go to one engine, which sees what depends on what.
"""

import mixnet as mx
import numpy as np


def regression():
    """Linear regression as a symbol; the gradient is that of half the squared distance."""
    fit = mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=1, name="fc")
    return mx.sym.LinearRegressionOutput(fit, mx.sym.Variable("label"), name="out")


def main(steps=200, rate=0.1):
    rng = np.random.RandomState(0)
    truth = np.array([[2.0], [-3.4]], np.float32)
    data = rng.randn(64, 2).astype(np.float32)
    label = data @ truth + 4.2

    net = regression().simple_bind(mx.cpu(), grad_req="write", data=(64, 2), label=(64, 1))
    net.arg_dict["data"][:] = data
    net.arg_dict["label"][:] = label
    learned = {name: (net.arg_dict[name], net.grad_dict[name]) for name in ("fc_weight", "fc_bias")}
    for w, _ in learned.values():
        w[:] = 0

    for step in range(steps):
        net.forward(is_train=True)
        net.backward()
        for w, g in learned.values():
            w -= rate / 64 * g
        if step % 50 == 0:
            loss = ((net.outputs[0] - net.arg_dict["label"]) ** 2).mean().asscalar()
            print(f"step {step:3d}  loss {loss:.6f}")

    print(
        "weight",
        learned["fc_weight"][0].asnumpy().astype(float).round(3).tolist(),
        "true",
        truth.T.astype(float).round(3).tolist(),
    )
    print("bias  ", learned["fc_bias"][0].asnumpy().astype(float).round(3).tolist(), "true", [4.2])


if __name__ == "__main__":
    main()
