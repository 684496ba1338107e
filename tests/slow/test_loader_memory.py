"""A DataLoader's memory and threads over 10,000 batches, and over iterators left in the middle."""

import gc
import pathlib
import resource
import threading

import mixnet as mx
import numpy as np
from mixnet.gluon import data as gd
from mixnet.gluon.data.vision import transforms


def resident():
    """MiB of this process in memory now."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def test_memory_does_not_grow():
    augment = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.ToTensor()])
    dataset = gd.ArrayDataset(np.zeros((4000, 16, 16, 3), "uint8"), np.arange(4000)).transform_first(augment)
    threads = threading.active_count()
    after_an_epoch = None
    for _ in range(10):
        for picture, _ in gd.DataLoader(dataset, 4, shuffle=True, num_workers=2):
            assert picture.shape == (4, 3, 16, 16)
        after_an_epoch = after_an_epoch or resident()
    for number in range(300):
        iterator = iter(gd.DataLoader(dataset, 4, num_workers=2))
        next(iterator)
        if number % 2:
            iterator.close()
    del iterator
    gc.collect()
    mx.waitall()
    assert resident() - after_an_epoch < 8
    for thread in threading.enumerate():
        if thread.name.startswith("mixnet-loader"):
            thread.join(5)
    assert threading.active_count() <= threads
