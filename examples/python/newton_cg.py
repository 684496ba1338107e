"""Second derivatives: logistic regression by Newton's method, whose steps come from Hessian-vector products.

The Hessian is never formed. The gradient is computed with create_graph, so that its product with a vector has a gradient too, and conjugate gradients solve
H step = -g with a few of those products (Pearlmutter, 1994). The features have very different sizes, which gradient descent cannot bear.
"""

import argparse

import numpy as np
from mixnet import autograd, nd


def problem(points, features, random):
    """Inputs of sizes from 0.1 to 10, and classes that a line with some noise has drawn."""
    x = random.randn(points, features) * np.logspace(-1, 1, features)
    truth = random.randn(features) / np.logspace(-1, 1, features)
    return nd.array(x), nd.array((x @ truth + 0.5 * random.randn(points) > 0) * 2.0 - 1)


class Loss:
    """The mean logistic loss with a small penalty on the weight, and its derivatives."""

    def __init__(self, x, y, penalty=1e-4):
        self.x, self.y, self.penalty = x, y, penalty

    def __call__(self, w):
        margin = self.y * nd.dot(self.x, w)
        return nd.Activation(-margin, act_type="softrelu").mean() + 0.5 * self.penalty * (w * w).sum()

    def gradient(self, w):
        """(loss, gradient)."""
        with autograd.record():
            loss = self(w)
        return loss, autograd.grad(loss, w)

    def hessian_times(self, w, v):
        """H v: the gradient of the gradient's product with v."""
        with autograd.record():
            gradient = autograd.grad(self(w), w, create_graph=True)
            along = (gradient * v).sum()
        return autograd.grad(along, w)


def conjugate_gradients(product, b, accuracy, most):
    """(x, number of products): x with |product(x) - b| <= accuracy |b|."""
    x, rest = nd.zeros(b.shape), b.copy()
    direction, size = rest.copy(), nd.dot(rest, rest).asscalar()
    goal = accuracy**2 * size
    for done in range(most):
        if size <= goal:
            return x, done
        image = product(direction)
        step = size / nd.dot(direction, image).asscalar()
        x, rest = x + step * direction, rest - step * image
        size, before = nd.dot(rest, rest).asscalar(), size
        direction = rest + size / before * direction
    return x, most


def newton(loss, w, steps, goal):
    """Halves a step until it helps. Returns the norm of the last gradient."""
    for number in range(1, steps + 1):
        value, gradient = loss.gradient(w)
        norm = gradient.norm().asscalar()
        print(f"newton {number:2d}  loss {value.asscalar():.8f}  gradient {norm:.2e}", flush=True)
        if norm < goal:
            break
        step, products = conjugate_gradients(lambda v: loss.hessian_times(w, v), -gradient, min(0.1, norm**0.5), 50)
        share, start = 1.0, w.copy()
        while share > 1e-6:
            w[:] = start + share * step
            if loss(w).asscalar() <= value.asscalar():
                break
            share /= 2
        print(f"           {products} products, share {share:g}")
    return norm


def descent(loss, w, steps, rate):
    for _ in range(steps):
        _, gradient = loss.gradient(w)
        w -= rate * gradient
    value, gradient = loss.gradient(w)
    return value.asscalar(), gradient.norm().asscalar()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    random = np.random.RandomState(0)
    x, y = problem(options.points, options.features, random)
    loss, w = Loss(x, y), nd.zeros(options.features)
    w.attach_grad()

    newton(loss, w, options.steps, 1e-6)
    right = ((nd.dot(x, w) > 0) == (y > 0)).mean().asscalar()
    print(f"training points on the right side: {100 * right:.1f} %")
    plain = nd.zeros(options.features)
    plain.attach_grad()
    value, norm = descent(loss, plain, 200, 0.02)
    print(f"200 steps of gradient descent  loss {value:.8f}  gradient {norm:.2e}")


if __name__ == "__main__":
    main()
