"""KVStore: values by key that devices push to and pull from, with an optional updater in between."""

import atexit
import json
import weakref

from .base import MXNetError, check, ffi, lib, text
from .kvstore_server import find_zeromq, updater_data
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


def _beside(row_ids, arrays, place):
    """One array of row numbers for each array."""
    flat = []
    for ids in row_ids if isinstance(row_ids, (list, tuple)) else [row_ids]:
        flat.extend(ids if isinstance(ids, (list, tuple)) else [ids])
    for ids in flat:
        if not isinstance(ids, NDArray):
            raise TypeError(f"[{place}] row_ids: expected NDArrays, got {type(ids).__name__}")
    if len(flat) not in (1, len(arrays)):
        raise MXNetError(f"[{place}] row_ids: expected 1 or {len(arrays)} arrays, got {len(flat)}")
    return flat * len(arrays) if len(flat) == 1 else flat


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

    def _count(self, keys):
        if self._steps is not None:
            self._steps.before_push(keys)

    def init(self, key, value, force=False):
        """Sets first values. A key can be set once, but for a key on which an error stands, which begins anew. `force`: any key does."""
        keys, arrays = _flat(key, value)
        texts = {k: self._text(k) for k in keys}
        self._run(lib.mxn_kvstore_replace if force else lib.mxn_kvstore_init, keys, [_handles(arrays)])
        self._texts.update(texts)
        self._integer_keys.update(str(k) for k in keys if isinstance(k, int))

    def __contains__(self, key):
        """Whether this object has set the key."""
        return key in self._texts

    def push(self, key, value, priority=0):
        """Sums the arrays of each key into the store. Higher priority runs earlier."""
        keys, arrays = _flat(key, value)
        self._count(keys)
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
        self._count(keys)
        out_keys, outs = (keys, values) if out is None else _flat(key, out)
        if keys == out_keys:
            self._run(lib.mxn_kvstore_push_pull, keys, [_handles(values), _handles(outs)], priority)
            return
        nothing = [ffi.NULL]
        pushed = ffi.new(_HANDLES, [a.handle for a in values] + nothing * len(outs))
        pulled = ffi.new(_HANDLES, nothing * len(values) + [a.handle for a in outs])
        self._run(lib.mxn_kvstore_push_pull, keys + out_keys, [pushed, pulled], priority)

    def push_rows(self, key, row_ids, value, priority=0):
        """A push of arrays that are zero but for some rows: `value` has one row for each number in `row_ids`, equal numbers are added up.

        row_ids: an NDArray of one axis, or a list of them beside the arrays. An optimizer of the library without states (see set_optimizer)
        changes those rows only, weight decay included; any other updater gets the whole array. A number that does not exist is raised by
        what is pulled from the key.
        """
        keys, arrays = _flat(key, value)
        self._count(keys)
        self._run(lib.mxn_kvstore_push_rows, keys, [_handles(_beside(row_ids, arrays, "push_rows")), _handles(arrays)], priority)

    def row_sparse_pull(self, key, out=None, priority=0, row_ids=None):
        """The rows of the stored value with numbers in `row_ids` into the same rows of `out`, whose other rows become zero.

        row_ids: an NDArray of one axis and any numeric dtype, numbers may repeat; or a list of them beside the arrays of `out`.
        """
        if out is None or row_ids is None:
            raise MXNetError("[row_sparse_pull] out, row_ids: expected arrays")
        keys, arrays = _flat(key, out)
        ids = _beside(row_ids, arrays, "row_sparse_pull")
        self._run(lib.mxn_kvstore_pull_rows, keys, [_handles(arrays), _handles(ids)], priority)

    def broadcast(self, key, value, out, priority=0):
        """init, then pull."""
        self.init(key, value)
        self.pull(key, out, priority)

    def set_updater(self, updater):
        """updater(key, received, stored) runs for every push on a thread of its own and changes `stored`.

        When it raises, what is pulled from that key raises too, until a later push of the key succeeds; that one starts from the value
        as the failed call left it.
        """
        self._updater, self._optimizer = updater, None

        def run(key, *arrays):
            updater(int(key) if key in self._integer_keys else key, *arrays)

        check(lib.mxn_kvstore_set_updater(self._h, lib.mixnet_py_updater, updater_data(run), lib.mixnet_py_destroy))

    _set_updater = set_updater

    def set_optimizer(self, optimizer):
        """Updates stored values with an optimizer at every push.

        An optimizer of the library (mx.optimizer.Native) runs without Python; its weight decay goes by the keys' names.

        A store between machines gives it to the servers by name and numbers; a learning-rate schedule goes on here, and its rates follow.
        All workers call this; it returns when all have.
        """
        from . import optimizer as opt

        native = optimizer if isinstance(optimizer, opt.Native) else None
        if native is None and self._has_servers():
            native = NativeOptimizer(optimizer)
        if native is None:
            self.set_updater(opt.get_updater(optimizer))
        else:
            check(lib.mxn_kvstore_set_optimizer(self._h, native.handle))
            self._updater = None
        self._steps = native if isinstance(native, NativeOptimizer) else None
        self._optimizer = optimizer

    def _has_servers(self):
        return self._type.startswith("dist") and self._type not in _WITHOUT_SERVERS

    def set_gradient_compression(self, compression_params):
        """Pushed float32 arrays travel as codes from now on; what the codes leave out is added to the next push of that device.

        compression_params: a dict of "type", "2bit" (threshold, 0 or -threshold), "1bit" (threshold or -threshold), "fp16" or "none", and
        "threshold" (0.5 when not given). Not for 'local' stores, where nothing travels.
        """
        if not isinstance(compression_params, dict):
            raise TypeError(f"[kvstore] compression_params: expected a dict, got {type(compression_params).__name__}")
        params = dict(compression_params)
        kind, threshold = params.pop("type", None), params.pop("threshold", 0.5)
        if kind is None or params:
            raise MXNetError(f"[kvstore] compression_params: expected type and threshold, got {', '.join(compression_params) or 'nothing'}")
        check(lib.mxn_kvstore_set_compression(self._h, str(kind).encode(), float(threshold)))

    def set_consistency(self, consistency):
        """'sequential', as at first: a pull sees every push before it. 'eventual': the updater gets every device's array on its own, as
        soon as it is computed, and a pull gets what is there. push_rows and stores without an updater stay sequential."""
        check(lib.mxn_kvstore_set_consistency(self._h, str(consistency).encode()))

    def _with_states(self, what):
        """Who has the optimizer's states, after the updates so far."""
        from . import optimizer as opt

        if self._has_servers():
            raise MXNetError(f"[kvstore] the states of a store between machines are {what} by its servers: see save_servers")
        native = isinstance(self._optimizer, opt.Native) and self._updater is None
        if not native and not hasattr(self._updater, "get_states"):
            raise MXNetError(f"[kvstore] expected an optimizer before its states are {what}")
        if not self._type.startswith("dist"):
            self.barrier()
        return self._optimizer if native else None

    def save_optimizer_states(self, fname, dump_optimizer=False):
        """Writes the optimizer's states to a file."""
        native = self._with_states("saved")
        if native is not None:
            native.save(fname)
            return
        with open(fname, "wb") as file:
            file.write(self._updater.get_states(dump_optimizer))

    def load_optimizer_states(self, fname):
        """Reads the optimizer's states from a file."""
        native = self._with_states("loaded")
        if native is not None:
            native.load(fname)
            return
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
        """Waits until all workers are here and the updates of what this one pushed are over."""
        check(lib.mxn_kvstore_barrier(self._h))

    _barrier = barrier


_WITHOUT_SERVERS = ("dist_allreduce", "dist_sync_mpi")
_between_machines = weakref.WeakSet()


@atexit.register
def _leave():
    """A process that ends leaves its groups in order."""
    for store in list(_between_machines):
        store.close()


def create(name="local"):
    """A KVStore of a type: 'local', 'device' (also called 'nccl'), or between machines 'dist_sync', 'dist_async', 'dist_async:N' (at most N rounds ahead)
    and 'dist_allreduce' (by MPI, without servers).

    Those join the group that the environment or MPI names (see `mixnet launch`) and return when it is together.
    """
    if not isinstance(name, str):
        raise TypeError(f"[kvstore] name: expected a text, got {type(name).__name__}")
    if name.startswith("dist") and name not in _WITHOUT_SERVERS:
        find_zeromq()
    out = ffi.new("mxn_kvstore_t **")
    check(lib.mxn_kvstore_create(name.encode(), out))
    store = KVStore(out[0], name)
    if name.startswith("dist"):
        _between_machines.add(store)
    return store
