"""Imperative arrays (figure 2 of the MXNet paper): computed lazily, reading waits.

`mx.gpu()` stands where the paper has it as soon as the machine has one; else the CPU computes.
"""

import mixnet as mx


def main():
    device = mx.gpu() if mx.test_utils.list_gpus() else mx.cpu()
    a = mx.nd.ones((2, 3), device)
    print((a * 2).asnumpy())

    b = a * 3 + 1
    b[0, :] = -1
    print("sum", b.sum().asscalar(), "largest", b.max().asscalar(), "on", b.context)

    left, right = mx.nd.arange(0, 6).reshape((2, 3)), mx.nd.arange(0, 6).reshape((3, 2))
    print(mx.nd.dot(left, right).asnumpy())


if __name__ == "__main__":
    main()
