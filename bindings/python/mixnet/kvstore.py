"""KVStore: values by key that devices push to and pull from, with an optional updater in between."""

from .base import MXNetError, TextList, check, ffi, lib, register_callback
from .ndarray import NDArray


def _pairs(key, value):
    """Keys as texts and arrays side by side: a key with a list of arrays stands once per array."""
    if isinstance(key, (str, int)):
        key, value = [key], [value]
    if len(key) != len(value):
        raise MXNetError(f"[kvstore] expected one value per key, got {len(key)} keys and {len(value)} values")
    keys, arrays = [], []
    for k, v in zip(key, value):
        if not isinstance(k, (str, int)):
            raise TypeError(f"[kvstore] key: expected a text or an integer, got {type(k).__name__}")
        for array in v if isinstance(v, (list, tuple)) else [v]:
            if not isinstance(array, NDArray):
                raise TypeError(f"[kvstore] value of key {k}: expected an NDArray, got {type(array).__name__}")
            keys.append(str(k))
            arrays.append(array)
    return keys, arrays


class KVStore:
    """`push` sums what the devices give; with an updater, updater(key, sum, stored) changes the stored value."""

    def __init__(self, handle, kind):
        self._h = handle
        self._type = kind
        self._updater = None
        self._optimizer = None
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

    def _run(self, function, key, value, *more):
        for k in key if isinstance(key, (list, tuple)) else [key]:
            if isinstance(k, int):
                self._integer_keys.add(str(k))
        keys, arrays = _pairs(key, value)
        handles = ffi.new("mxn_ndarray_t *[]", [a.handle for a in arrays] or [ffi.NULL])
        texts = TextList(keys)
        check(function(self._h, texts.pointer, handles, len(keys), *more))

    def init(self, key, value):
        """Sets first values. A key can be set once, but for a key on which an error stands, which begins anew."""
        self._run(lib.mxn_kvstore_init, key, value)

    def push(self, key, value, priority=0):
        """Sums the arrays of each key into the store. Higher priority runs earlier."""
        self._run(lib.mxn_kvstore_push, key, value, priority)

    def pull(self, key, out=None, priority=0, ignore_sparse=True):
        """Copies stored values into `out`."""
        if out is None:
            raise MXNetError("[pull] out: expected arrays to copy into")
        self._run(lib.mxn_kvstore_pull, key, out, priority)

    def pushpull(self, key, value, out=None, priority=0):
        """push, then pull of the same keys."""
        self.push(key, value, priority)
        if out is not None:
            self.pull(key, out, priority)

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
