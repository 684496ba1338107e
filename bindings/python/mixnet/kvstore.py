"""KVStore: values by key that devices push to and pull from, with an optional updater in between."""

from .base import MXNetError, check, ffi, lib, register_callback
from .ndarray import NDArray

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
        """Updates stored values with an optimizer at every push."""
        from . import optimizer as opt

        self._optimizer = optimizer
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

    def barrier(self):
        """Waits until all workers are here."""
        check(lib.mxn_kvstore_barrier(self._h))

    _barrier = barrier


def create(name="local"):
    """A KVStore of a type: 'local' or 'device'."""
    if not isinstance(name, str):
        raise TypeError(f"[kvstore] name: expected a text, got {type(name).__name__}")
    out = ffi.new("mxn_kvstore_t **")
    check(lib.mxn_kvstore_create(name.encode(), out))
    return KVStore(out[0], name)
