"""Two nets against each other (Goodfellow et al., 2014): one paints clothes, the other tells them from Fashion-MNIST's.

Each net is a module. The painter's gradient comes from the judge's input: that module is bound with inputs_need_grad, and its backward pass is taken to the
painter's. What is learned is measured by the pixels' means and deviations, which noise does not have. Writes the painted images as gan.pgm when asked.
"""

import argparse

import mixnet as mx
import numpy as np
from train_fashion_mnist import load_data


def painter(pixels, hidden=128):
    net = mx.sym.FullyConnected(mx.sym.Variable("noise"), num_hidden=hidden, name="paint1")
    net = mx.sym.BatchNorm(net, fix_gamma=False, name="paint_bn")
    net = mx.sym.Activation(net, act_type="relu")
    return mx.sym.Activation(mx.sym.FullyConnected(net, num_hidden=pixels, name="paint2"), act_type="sigmoid")


def judge(hidden=128):
    net = mx.sym.FullyConnected(mx.sym.Variable("image"), num_hidden=hidden, name="judge1")
    net = mx.sym.LeakyReLU(net, act_type="leaky", slope=0.2)
    return mx.sym.LogisticRegressionOutput(mx.sym.FullyConnected(net, num_hidden=1, name="judge2"), mx.sym.Variable("real"), name="judge")


def module(symbol, data, label, shape, batch, rate, **kwargs):
    net = mx.mod.Module(symbol, [data], [label] if label else [])
    net.bind([(data, (batch, *shape))], [(label, (batch, 1))] if label else None, **kwargs)
    net.init_params(mx.init.Normal(0.05))
    net.init_optimizer(optimizer="adam", optimizer_params={"learning_rate": rate, "beta1": 0.5})
    return net


class Game:
    """Both nets and one step of each."""

    def __init__(self, pixels, batch, noise=32, rate=0.001):
        self.batch, self.noise = batch, noise
        self.painter = module(painter(pixels), "noise", None, (noise,), batch, rate)
        self.judge = module(judge(), "image", "real", (pixels,), batch, rate, inputs_need_grad=True)
        self.true, self.false = mx.nd.ones((batch, 1)), mx.nd.zeros((batch, 1))

    def paint(self, train=False):
        draw = mx.nd.random.normal(shape=(self.batch, self.noise))
        self.painter.forward(mx.io.DataBatch([draw], []), is_train=train)
        return self.painter.get_outputs()[0]

    def judged(self, images, real):
        """The judge's opinion (probability of being real), with its gradients computed against the answer `real`."""
        self.judge.forward(mx.io.DataBatch([images], [real]), is_train=True)
        self.judge.backward()
        return self.judge.get_outputs()[0]

    def step(self, images):
        """One update of the judge on real and painted images, one of the painter. Returns how often the judge was right."""
        right = 0
        painted = self.paint(train=True)
        for batch, answer in ((painted, self.false), (images, self.true)):
            opinion = self.judged(batch, answer)
            self.judge.update()
            right = right + ((opinion > 0.5) == answer).mean()
        self.judged(painted, self.true)  # what would make the judge call it real
        self.painter.backward(self.judge.get_input_grads())
        self.painter.update()
        return right / 2


def moments(images):
    return images.mean(axis=0), images.std(axis=0)


def distance(painted, real):
    """Mean difference of the pixels' means and deviations."""
    return sum(float(np.abs(a - b).mean()) for a, b in zip(moments(painted), moments(real)))


def save_pgm(path, images, side):
    """A grey picture of 8 x 8 images."""
    rows = [np.concatenate([image.reshape(side, side) for image in images[8 * i : 8 * i + 8]], axis=1) for i in range(8)]
    with open(path, "wb") as file:
        file.write(f"P5 {8 * side} {8 * side} 255\n".encode() + (np.concatenate(rows) * 255).astype("uint8").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--limit", type=int, default=20000, help="use so many images")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--output", help="write painted images here, as a PGM file")
    options = parser.parse_args()
    mx.random.seed(3)
    np.random.seed(3)
    name, (images, _), _, _ = load_data(options.limit)
    side = images.shape[-1]
    images = images.reshape(len(images), -1)
    game = Game(side * side, options.batch_size)
    real = images[:2000]
    print(f"{name}: distance of noise {distance(game.paint().asnumpy(), real):.3f}")
    right, every = 0, max(1, options.steps // 10)
    for step in range(1, options.steps + 1):
        chosen = np.random.randint(0, len(images), options.batch_size)
        right = right + game.step(mx.nd.array(images[chosen]))
        if step % every == 0:
            painted = np.concatenate([game.paint().asnumpy() for _ in range(8)])
            print(f"step {step:5d}  judge right {100 * right.asscalar() / every:.0f} %  distance {distance(painted, real):.3f}", flush=True)
            right = 0
    if options.output:
        save_pgm(options.output, game.paint().asnumpy(), side)


if __name__ == "__main__":
    main()
