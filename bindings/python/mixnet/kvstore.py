"""KVStore: values by key that devices push to and pull from, with an optional updater in between."""

import atexit
import json
import weakref

from .base import MXNetError, check, ffi, lib, register_callback, text
from .kvstore_server import find_zeromq
from .ndarray import NDArray
from .optimizer.native import NativeOptimizer

_HANDLES = ffi.typeof("mxn_ndarray_t *[]")
_TEXTS = ffi.typeof("char *[]")


def _flat(key, value):
    """Keys and arrays side by side: a key with a list of arrays stands once per array."""
    if isinstance(key, (str, int)):
        key, value = (key,), (value,)
    elif len(key) != len(value):
        raise MXNetError(f"[kvstore] expected one value per key, got {len(key)} keys and {len(value)} values")
    keys, arrays = [], []
    for k, v in zip(key, value):
        if isinstance(v, NDArray):
            keys.append(k)
            arrays.append(v)
            continue
        if not isinstance(v, (list, tuple)):
            raise TypeError(f"[kvstore] value of key {k}: expected an NDArray, got {type(v).__name__}")
        for array in v:
            if not isinstance(array, NDArray):
                raise TypeError(f"[kvstore] value of key {k}: expected an NDArray, got {type(array).__name__}")
            keys.append(k)
            arrays.append(array)
    return keys, arrays


def _handles(arrays):
    return ffi.new(_HANDLES, [a.handle for a in arrays])


class KVStore:
    """`push` sums what the devices give; with an updater, updater(key, sum, stored) changes the stored value."""

    def __init__(self, handle, kind):
        self._h = handle
        self._type = kind
        self._updater = None
        self._optimizer = None
        self._steps = None  # of a store between machines: the optimizer as its servers have it
        self._texts = {}  # by key: what C is given, kept for the keys that were set
        self._integer_keys = set()

    def __del__(self):
        if lib is not None:
            lib.mxn_kvstore_free(self._h)

    @property
    def type(self):
        """'local' or 'device'."""
        return self._type

    def _rank_and_size(self):
        rank, size = ffi.new("int32_t *"), ffi.new("int32_t *")
        check(lib.mxn_kvstore_rank(self._h, rank, size))
        return rank[0], size[0]

    @property
    def rank(self):
        """Number of this worker, from 0."""
        return self._rank_and_size()[0]

    @property
    def num_workers(self):
        """Number of workers."""
        return self._rank_and_size()[1]

    def _text(self, key):
        kept = self._texts.get(key)
        if kept is not None:
            return kept
        if not isinstance(key, (str, int)):
            raise TypeError(f"[kvstore] key: expected a text or an integer, got {type(key).__name__}")
        return ffi.new("char[]", str(key).encode("utf-8", "surrogateescape"))

    def _run(self, function, keys, columns, *more):
        """Calls a function of keys and, beside them, one or more columns of handles."""
        texts = [self._text(k) for k in keys]
        check(function(self._h, ffi.new(_TEXTS, texts), *columns, len(keys), *more))

    def init(self, key, value):
        """Sets first values. A key can be set once, but for a key on which an error stands, which begins anew."""
        keys, arrays = _flat(key, value)
        texts = {k: self._text(k) for k in keys}
        self._run(lib.mxn_kvstore_init, keys, [_handles(arrays)])
        self._texts.update(texts)
        self._integer_keys.update(str(k) for k in keys if isinstance(k, int))

    def push(self, key, value, priority=0):
        """Sums the arrays of each key into the store. Higher priority runs earlier."""
        keys, arrays = _flat(key, value)
        if self._steps is not None:
            self._steps.before_push(keys)
        self._run(lib.mxn_kvstore_push, keys, [_handles(arrays)], priority)

    def pull(self, key, out=None, priority=0, ignore_sparse=True):
        """Copies stored values into `out`."""
        if out is None:
            raise MXNetError("[pull] out: expected arrays to copy into")
        keys, arrays = _flat(key, out)
        self._run(lib.mxn_kvstore_pull, keys, [_handles(arrays)], priority)

    def pushpull(self, key, value, out=None, priority=0):
        """push, then pull of the same keys (into `value` without `out`)."""
        keys, values = _flat(key, value)
        if self._steps is not None:
            self._steps.before_push(keys)
        out_keys, outs = (keys, values) if out is None else _flat(key, out)
        if keys == out_keys:
            self._run(lib.mxn_kvstore_push_pull, keys, [_handles(values), _handles(outs)], priority)
            return
        nothing = [ffi.NULL]
        pushed = ffi.new(_HANDLES, [a.handle for a in values] + nothing * len(outs))
        pulled = ffi.new(_HANDLES, nothing * len(values) + [a.handle for a in outs])
        self._run(lib.mxn_kvstore_push_pull, keys + out_keys, [pushed, pulled], priority)

    def broadcast(self, key, value, out, priority=0):
        """init, then pull."""
        self.init(key, value)
        self.pull(key, out, priority)

    def set_updater(self, updater):
        """updater(key, received, stored) runs for every push on a thread of its own and changes `stored`.

        When it raises, what is pulled from that key raises too, until a later push of the key succeeds; that one starts from the value
        as the failed call left it.
        """
        self._updater = updater

        def run(key, received, stored):
            arrays = []
            for handle in (received, stored):
                out = ffi.new("mxn_ndarray_t **")
                check(lib.mxn_ndarray_clone(handle, out))
                arrays.append(NDArray(out[0]))
            updater(int(key) if key in self._integer_keys else key, *arrays)

        check(lib.mxn_kvstore_set_updater(self._h, lib.mixnet_py_updater, register_callback(run), lib.mixnet_py_destroy))

    _set_updater = set_updater

    def set_optimizer(self, optimizer):
        """Updates stored values with an optimizer at every push.

        A store between machines gives it to the servers by name and numbers; a learning-rate schedule goes on here, and its rates follow.
        All workers call this; it returns when all have.
        """
        from . import optimizer as opt

        self._optimizer = optimizer
        if self._type.startswith("dist") and self._type != "dist_allreduce":
            self._steps = NativeOptimizer(optimizer)
            check(lib.mxn_kvstore_set_optimizer(self._h, self._steps.handle))
            return
        self.set_updater(opt.get_updater(optimizer))

    def set_gradient_compression(self, compression_params):
        """Not available in this version."""
        raise MXNetError("[kvstore] gradient compression is not available in this version")

    def save_optimizer_states(self, fname, dump_optimizer=False):
        """Writes the updater's states to a file."""
        if self._updater is None:
            raise MXNetError("[kvstore] expected an optimizer before its states are saved")
        with open(fname, "wb") as file:
            file.write(self._updater.get_states(dump_optimizer))

    def load_optimizer_states(self, fname):
        """Reads the updater's states from a file."""
        if self._updater is None:
            raise MXNetError("[kvstore] expected an optimizer before its states are loaded")
        with open(fname, "rb") as file:
            self._updater.set_states(file.read())

    def statistics(self):
        """What went over the wire, of a store between machines: a dict with "keys" and "peers" of this worker and "servers".

        Each has counts of pushes, pulls and messages, bytes_sent and bytes_received, latency_s and staleness with count, mean and max.
        """
        out = ffi.new("char **")
        check(lib.mxn_kvstore_statistics(self._h, out))
        return json.loads(text(out[0]))

    def save_servers(self, prefix):
        """Every server writes PREFIX-server-N.params on its machine: values, rounds, optimizer states.

        Servers that start with MIXNET_PS_RESTORE=PREFIX continue from there. Only the call of rank 0 counts.
        """
        check(lib.mxn_kvstore_save(self._h, str(prefix).encode()))

    def close(self):
        """Delivers what was pushed and leaves the group. The store cannot be used afterwards."""
        handle, self._h = self._h, ffi.NULL
        lib.mxn_kvstore_free(handle)

    def barrier(self):
        """Waits until all workers are here."""
        check(lib.mxn_kvstore_barrier(self._h))

    _barrier = barrier


_between_machines = weakref.WeakSet()


@atexit.register
def _leave():
    """A process that ends leaves its groups in order."""
    for store in list(_between_machines):
        store.close()


def create(name="local"):
    """A KVStore of a type: 'local', 'device', or between machines 'dist_sync', 'dist_async', 'dist_async:N' (at most N rounds ahead).

    Those join the group that the environment names (see `mixnet launch`) and return when it is together.
    """
    if not isinstance(name, str):
        raise TypeError(f"[kvstore] name: expected a text, got {type(name).__name__}")
    if name.startswith("dist"):
        find_zeromq()
    out = ffi.new("mxn_kvstore_t **")
    check(lib.mxn_kvstore_create(name.encode(), out))
    store = KVStore(out[0], name)
    if name.startswith("dist"):
        _between_machines.add(store)
    return store
