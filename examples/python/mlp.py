"""Symbolic expressions (the paper's section 2.1): a multi-layer perceptron, declared, bound, trained."""

import mixnet as mx
import numpy as np


def perceptron():
    """Two full layers and a softmax."""
    net = mx.sym.Variable("data")
    net = mx.sym.FullyConnected(net, num_hidden=64, name="fc1")
    net = mx.sym.Activation(net, act_type="relu", name="relu1")
    net = mx.sym.FullyConnected(net, num_hidden=3, name="fc2")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def spirals(count=600, seed=0):
    """Points on three arms of a spiral, shape (count, 2), and the numbers of their arms."""
    rng = np.random.RandomState(seed)
    arm = np.arange(count) % 3
    radius = rng.uniform(0.1, 1, count)
    angle = 2 * np.pi * arm / 3 + 3 * radius + rng.randn(count) * 0.1
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), arm


def main():
    mx.random.seed(0)
    np.random.seed(0)
    net = perceptron()
    print("arguments", net.list_arguments())
    print("outputs  ", net.list_outputs(), net.infer_shape(data=(30, 2))[1])

    points, arms = spirals()
    train_data = mx.io.NDArrayIter(points, arms, batch_size=30, shuffle=True)
    module = mx.mod.Module(net)
    module.fit(
        train_data,
        num_epoch=30,
        optimizer="adam",
        optimizer_params={"learning_rate": 0.02},
        initializer=mx.init.Xavier(),
    )
    fresh_points, fresh_arms = spirals(seed=1)
    score = module.score(mx.io.NDArrayIter(fresh_points, fresh_arms, batch_size=30), "acc")
    print(f"accuracy on fresh points {100 * dict(score)['accuracy']:.1f} %")


if __name__ == "__main__":
    main()
