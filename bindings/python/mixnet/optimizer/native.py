"""An optimizer of Python as the library's own: a name, numbers and multipliers, for places where no Python runs."""

import json

from ..base import MXNetError, check, ffi, lib, text

# Where Python's attribute has another name than the library's option.
_ATTRIBUTES = {("adagrad", "eps"): "float_stable_eps"}
_schemas = {}


def _options_of(name):
    if not _schemas:
        out = ffi.new("char **")
        check(lib.mxn_optimizer_schemas(out))
        _schemas.update({s["name"]: [p["name"] for p in s["params"]] for s in json.loads(text(out[0]))})
    if name not in _schemas:
        raise MXNetError(f"[kvstore] optimizer: expected one of {', '.join(sorted(_schemas))} for a store between machines, got {name}")
    return _schemas[name]


class NativeOptimizer:
    """The library's optimizer (`handle`) with the options of a Python one, which it follows: rates of a schedule, changed attributes."""

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.name = type(optimizer).__name__.lower()
        self._names = _options_of(self.name)
        self._counts = {}
        self._options = self._read()
        given = {name: value for name, value in self._options.items() if value is not None}
        keys = [ffi.new("char[]", name.encode()) for name in given]
        values = [ffi.new("char[]", repr(value).encode()) for value in given.values()]
        out = ffi.new("mxn_optimizer_t **")
        check(lib.mxn_optimizer_create(self.name.encode(), ffi.new("char *[]", keys), ffi.new("char *[]", values), len(keys), out))
        self.handle = ffi.gc(out[0], lib.mxn_optimizer_free)
        self._give_multipliers()

    def _read(self):
        def value(name):
            if name == "learning_rate":
                return self.optimizer.learning_rate
            return getattr(self.optimizer, _ATTRIBUTES.get((self.name, name), name))

        return {name: value(name) for name in self._names}

    def _give_multipliers(self):
        o = self.optimizer
        names = {str(index): name for index, name in o.idx2name.items()}
        names.update({name: name for name in [*o.idx2name.values(), *o.lr_mult, *o.wd_mult] if isinstance(name, str)})
        for key, name in names.items():
            decay = 1.0 if name.endswith(("_weight", "_gamma")) else 0.0
            rate, decay = o.lr_mult.get(name, 1.0), o.wd_mult.get(name, decay)
            check(lib.mxn_optimizer_set_multipliers(self.handle, key.encode(), rate, decay))

    def before_push(self, keys):
        """Counts an update of each key and gives the library what changed since the last."""
        counts = self._counts
        for key in dict.fromkeys(keys):
            counts[key] = counts.get(key, self.optimizer.begin_num_update) + 1
            if counts[key] > self.optimizer.num_update:
                self.optimizer.num_update = counts[key]
        now = self._read()
        if now == self._options:
            return
        for name, value in now.items():
            if value != self._options[name]:
                check(lib.mxn_optimizer_set(self.handle, name.encode(), -1.0 if value is None else float(value)))
        self._options = now
