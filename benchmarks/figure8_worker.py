"""One worker of figure8.py: trains its share of every batch, tests after every pass, and writes a line of JSON at the end.

Every worker draws the same order of the images; of each batch, worker r takes the r-th part. With --store none there is one worker and no store.
"""

import argparse
import json
import os
import sys
import time

import mixnet as mx
import numpy as np

import small_nets

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "examples", "python")


def data(images, tests):
    """(images, labels) to train on and to test on."""
    sys.path.insert(0, EXAMPLES)
    from train_fashion_mnist import load_data

    name, train, test, _ = load_data(None)
    if train[0].shape[-1] != 28:
        sys.exit(f"figure8: expected Fashion-MNIST (Debian: dataset-fashion-mnist, or FASHION_MNIST=folder), got {name}")
    return [part[:images] for part in train], [part[:tests] for part in test]


def bound_module(options, part):
    module = mx.mod.Module(small_nets.ALL[options.net]())
    module.bind([("data", (part, 1, 28, 28))], [("softmax_label", (part,))])
    mx.random.seed(options.seed)
    np.random.seed(options.seed)
    module.init_params(mx.init.Xavier())
    return module


def accuracy(module, images, labels, part):
    """Of the labels that fill whole batches."""
    right, count = 0, len(labels) // part * part
    for first in range(0, count, part):
        module.forward(mx.io.DataBatch([mx.nd.array(images[first : first + part])], None), is_train=False)
        right += int((module.get_outputs()[0].asnumpy().argmax(axis=1) == labels[first : first + part]).sum())
    return right / count


def train_pass(module, images, labels, order, options, rank, part):
    """One pass over the images; seconds."""
    started = time.perf_counter()
    for first in range(0, len(order) - options.batch + 1, options.batch):
        mine = order[first + rank * part : first + (rank + 1) * part]
        module.forward_backward(mx.io.DataBatch([mx.nd.array(images[mine])], [mx.nd.array(labels[mine])]))
        module.update()
    mx.nd.waitall()
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", choices=list(small_nets.ALL), required=True)
    parser.add_argument("--store", required=True, help="none or what kv.create takes")
    parser.add_argument("--batch", type=int, required=True, help="of all workers together")
    parser.add_argument("--passes", type=int, required=True)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weights", help="file to write the weights to, by rank 0")
    options = parser.parse_args()
    store = None if options.store == "none" else mx.kv.create(options.store)
    rank, workers = (store.rank, store.num_workers) if store else (0, 1)
    part = options.batch // workers
    (images, labels), (test_images, test_labels) = data(options.images, options.tests)
    module = bound_module(options, part)
    parameters = {"learning_rate": options.rate, "momentum": options.momentum, "wd": 1e-4}
    if store and "async" in options.store:
        parameters["rescale_grad"] = 1 / options.batch
    module.init_optimizer(kvstore=store, optimizer="sgd", optimizer_params=parameters)
    random, seconds, reached = np.random.RandomState(options.seed), [], []
    for _ in range(options.passes):
        seconds.append(train_pass(module, images, labels, random.permutation(len(labels)), options, rank, part))
        if store:
            store.barrier()
        reached.append(accuracy(module, test_images, test_labels, part) if rank == 0 else None)
        if store:
            store.barrier()
    if options.weights and rank == 0:
        module.save_params(options.weights)
    print(json.dumps({"rank": rank, "seconds": seconds, "accuracy": reached}), flush=True)


if __name__ == "__main__":
    main()
