"""Optimizers that run in the library, without Python: by name, or as a Python one says."""

import json
import os

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


class Native:
    """The library's optimizer `name` ("sgd", "adam", ...) with its options, for a store that updates or for steps by hand.

    Keys are texts; weight decay counts for those that end in _weight or _gamma, unless set_multipliers says otherwise. Errors of names
    and options are MXNetError.
    """

    def __init__(self, name, **options):
        self.name = name
        keys = [ffi.new("char[]", k.encode()) for k in options]
        values = [ffi.new("char[]", str(v).encode()) for v in options.values()]
        out = ffi.new("mxn_optimizer_t **")
        check(lib.mxn_optimizer_create(str(name).encode(), ffi.new("char *[]", keys), ffi.new("char *[]", values), len(keys), out))
        self.handle = ffi.gc(out[0], lib.mxn_optimizer_free)

    def update(self, key, weight, grad):
        """One step of `weight` in place."""
        names = [ffi.new("char[]", str(key).encode())]
        arrays = [ffi.new("mxn_ndarray_t *[]", [a.handle]) for a in (weight, grad)]
        check(lib.mxn_optimizer_update(self.handle, ffi.new("char *[]", names), *arrays, 1))

    def set(self, option, value):
        """Changes a numeric option from the next step on."""
        check(lib.mxn_optimizer_set(self.handle, option.encode(), float(value)))

    def set_multipliers(self, key, lr_mult=1.0, wd_mult=1.0):
        """Factors of the learning rate and of the weight decay of one key."""
        check(lib.mxn_optimizer_set_multipliers(self.handle, str(key).encode(), lr_mult, wd_mult))

    def save(self, fname):
        """Writes states and counts of steps as a .params file."""
        check(lib.mxn_optimizer_save(self.handle, os.fsencode(fname)))

    def load(self, fname):
        """Reads what save wrote, of an optimizer of the same name. On failure nothing changes."""
        check(lib.mxn_optimizer_load(self.handle, os.fsencode(fname)))


class NativeOptimizer(Native):
    """The library's optimizer (`handle`) with the options of a Python one, which it follows: rates of a schedule, changed attributes."""

    def __init__(self, optimizer):
        self.optimizer = optimizer
        name = type(optimizer).__name__.lower()
        self._names = _options_of(name)
        self._counts = {}
        self.name = name
        self._options = self._read()
        super().__init__(name, **{option: value for option, value in self._options.items() if value is not None})
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
        for key, parameter in o.param_dict.items():
            check(lib.mxn_optimizer_set_multipliers(self.handle, str(key).encode(), parameter.lr_mult, parameter.wd_mult))

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
