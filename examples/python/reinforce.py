"""REINFORCE (Williams, 1992): a small net learns to balance a pole on a cart.

The cart is simulated here, in Python. While an episode is recorded, each action decides what comes next and when it ends, so that every graph has another
length; the gradient is taken of whatever happened. A baseline is subtracted from the returns, which lowers the variance and changes no mean.
"""

import argparse
import math

import mixnet as mx
import numpy as np
from mixnet import autograd, nd


class CartPole:
    """A pole on a cart that is pushed left or right (Barto, Sutton and Anderson, 1983): gravity 9.8, cart 1 kg, pole 0.1 kg and 1 m."""

    most = 200  # steps

    def __init__(self, random):
        self.random = random

    def reset(self):
        self.state, self.steps = self.random.uniform(-0.05, 0.05, 4), 0
        return self.state

    def step(self, action):
        """(state, whether it goes on) after a push of 10 N for 0.02 s."""
        x, speed, angle, turning = self.state
        sine, cosine = math.sin(angle), math.cos(angle)
        pushed = ((10 if action else -10) + 0.05 * turning**2 * sine) / 1.1
        turn = (9.8 * sine - cosine * pushed) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
        change = np.array([speed, pushed - 0.05 * turn * cosine / 1.1, turning, turn])
        self.state, self.steps = self.state + 0.02 * change, self.steps + 1
        stands = abs(self.state[0]) < 2.4 and abs(self.state[2]) < math.radians(12)
        return self.state, stands and self.steps < self.most


class Policy:
    """Probabilities of the two pushes from the state."""

    def __init__(self, hidden):
        self.parameters = [nd.random.normal(0, 0.5, (hidden, 4)), nd.zeros(hidden), nd.random.normal(0, 0.1, (2, hidden)), nd.zeros(2)]
        for parameter in self.parameters:
            parameter.attach_grad()
        self.hidden = hidden

    def __call__(self, state):
        weight1, bias1, weight2, bias2 = self.parameters
        state = nd.array(state.reshape(1, 4) * [1, 1, 5, 1])
        hidden = nd.tanh(nd.FullyConnected(state, weight1, bias1, num_hidden=self.hidden))
        return nd.log_softmax(nd.FullyConnected(hidden, weight2, bias2, num_hidden=2))


def episode(policy, cart, random):
    """Log-probabilities of the actions that were taken, one array per step; they are recorded."""
    taken, goes_on, state = [], True, cart.reset()
    while goes_on:
        scores = policy(state)
        action = int(random.rand() < math.exp(scores.asnumpy()[0, 1]))
        taken.append(scores[0][action : action + 1])
        state, goes_on = cart.step(action)
    return taken


def returns(steps, discount=0.99):
    """The discounted rewards from each step on, where every step is worth 1."""
    ahead = np.zeros(steps + 1)
    for i in reversed(range(steps)):
        ahead[i] = 1 + discount * ahead[i + 1]
    return ahead[:-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    mx.random.seed(options.seed)
    random = np.random.RandomState(options.seed)
    cart, policy = CartPole(random), Policy(options.hidden)
    update = mx.optimizer.get_updater(mx.optimizer.create("adam", learning_rate=options.rate))
    lengths, baseline = [], 0.0
    for number in range(1, options.episodes + 1):
        with autograd.record():
            taken = episode(policy, cart, random)
            gained = returns(len(taken))
            baseline = gained.mean() if number == 1 else 0.95 * baseline + 0.05 * gained.mean()
            worth = (gained - baseline) / (gained.std() + 1)
            loss = -(nd.concat(*taken, dim=0) * nd.array(worth)).mean()
        loss.backward()
        for i, parameter in enumerate(policy.parameters):
            update(i, parameter.grad, parameter)
        lengths.append(len(taken))
        if number % max(1, options.episodes // 10) == 0:
            print(f"episode {number:4d}  balanced for {np.mean(lengths[-max(1, options.episodes // 10) :]):.1f} steps", flush=True)


if __name__ == "__main__":
    main()
