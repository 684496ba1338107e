"""mx.util: settings of the process, and MXNet's switches for its numpy arrays, which this library does not have."""

import contextlib
import functools
import os

from .base import MXNetError
from .context import gpu_memory_info, num_gpus


def getenv(name):
    """A variable of the environment, or None."""
    return os.environ.get(name)


def setenv(name, value):
    """Sets a variable of the environment, also for the library; None removes it. Most settings are read when the library starts."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = str(value)


def get_gpu_count():
    """Number of GPUs that can be used."""
    return num_gpus()


def get_gpu_memory(gpu_dev_id):
    """(free, total) bytes of a GPU."""
    return gpu_memory_info(gpu_dev_id)


def is_np_array():
    """False: arrays are NDArrays, with MXNet's operators."""
    return False


def is_np_shape():
    """False: an extent of 0 in a symbol's shape is unknown, as in MXNet unless it is told otherwise."""
    return False


def set_np_shape(active):
    """Whether numpy's shapes were on before: never. MXNetError when they are asked for."""
    if active:
        raise MXNetError("[util] numpy's arrays and shapes (mx.np, mx.npx) are not part of this library: use mx.nd and mx.sym")
    return False


def set_np(shape=True, array=True):
    """MXNetError, unless both are False."""
    set_np_shape(shape or array)


def reset_np():
    """Does nothing: numpy's arrays are off."""


@contextlib.contextmanager
def np_shape(active=True):
    """A stretch of code with numpy's shapes on (an MXNetError) or off."""
    set_np_shape(active)
    yield


np_array = np_shape


def use_np(function):
    """A function or class that raises MXNetError when it is used, since it wants numpy's arrays."""

    @functools.wraps(function, updated=())
    def refused(*args, **kwargs):
        set_np_shape(True)

    return refused


use_np_array = use_np_shape = use_np
