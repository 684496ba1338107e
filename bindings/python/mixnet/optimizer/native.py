"""An optimizer that runs in the library, without Python."""

import os

from ..base import check, ffi, lib


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
