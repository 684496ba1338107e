"""mx.engine: any Python function under the dependency engine."""

import contextlib

from .base import check, ffi, lib, patiently, register_callback

_bulk_size = [0]


def set_bulk_size(size):
    """The number given before, 0 at first. It changes nothing: bound graphs are pushed in few pieces anyway, and calls on arrays one by one."""
    before, _bulk_size[0] = _bulk_size[0], int(size)
    return before


@contextlib.contextmanager
def bulk(size):
    """A stretch of code with another bulk size; see set_bulk_size."""
    before = set_bulk_size(size)
    try:
        yield
    finally:
        set_bulk_size(before)


class Variable:
    """Something that functions read and write in an order: a seed, a file, a connection."""

    def __init__(self):
        out = ffi.new("mxn_variable_t **")
        check(lib.mxn_variable_create(out))
        self._h = out[0]

    def __del__(self):
        if lib is not None:
            lib.mxn_variable_free(self._h)

    def wait(self):
        """Blocks until what was pushed before has written the variable; raises what went wrong."""
        patiently(lambda wait: lib.mxn_variable_wait(self._h, wait))


def push(function, reads=(), writes=(), priority=0):
    """Runs function() on a thread of the engine when all variables and arrays it reads and writes are free.

    An exception of the function stands on what it writes and is raised where that is waited for.
    """
    from .ndarray import NDArray

    def split(items):
        variables = [item._h for item in items if not isinstance(item, NDArray)]
        arrays = [item.handle for item in items if isinstance(item, NDArray)]
        make = ffi.new
        return make("mxn_variable_t *[]", variables or [ffi.NULL]), len(variables), make("mxn_ndarray_t *[]", arrays or [ffi.NULL]), len(arrays)

    read, num_read, read_arrays, num_read_arrays = split(reads)
    write, num_write, write_arrays, num_write_arrays = split(writes)
    check(
        lib.mxn_engine_push(
            lib.mixnet_py_task,
            register_callback(function),
            lib.mixnet_py_destroy,
            read,
            num_read,
            write,
            num_write,
            read_arrays,
            num_read_arrays,
            write_arrays,
            num_write_arrays,
            priority,
        )
    )
