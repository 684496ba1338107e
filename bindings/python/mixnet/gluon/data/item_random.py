"""What is random in one example: draws that depend on the seed, the epoch and the place of the example, not on the threads (ADR 23).

A loader draws one number from `mx.random` per epoch, and marks on its thread which example is being made; outside of a loader every call begins with a
number of its own. So `mx.random.seed` decides, whatever the number of workers. Cost: about a microsecond per example that draws.
"""

import threading

import numpy as np

from ... import ndarray as nd


class _Here(threading.local):
    """Each thread's generator, and the key of the example that it makes: None outside of a loader."""

    def __init__(self):
        self.bits = np.random.Philox(key=0)
        self.fresh = self.bits.state
        self.draws = np.random.Generator(self.bits)
        self.key, self.begun = None, False

    def begin(self, key):
        self.fresh["state"]["key"][:] = key
        self.bits.state = self.fresh


_here = _Here()


def item_random():
    """A numpy.random.Generator for the example that is made on this thread, for transforms of one's own. Ask anew for each example."""
    here = _here
    if here.key is None:
        here.begin((epoch_seed(), 0))
    elif not here.begun:
        here.begin(here.key)
        here.begun = True
    return here.draws


def epoch_seed():
    """A whole number below 2^62, drawn from `mx.random`."""
    high, low = nd.random.randint(0, 2**31 - 1, shape=(2,), dtype="int32").asnumpy().tolist()
    return high << 31 | low


def begin_item(seed, batch, place):
    """From here on this thread makes example `place` of batch `batch` of the epoch with this seed."""
    here = _here
    here.key, here.begun = (seed, batch << 32 | place), False


def end_item():
    """This thread makes no example of a loader any more."""
    _here.key = None
