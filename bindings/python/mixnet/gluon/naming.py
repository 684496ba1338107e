"""Prefixes of blocks: what a block makes inside its name_scope is named after it, dense0_, net0_dense0_ and so on."""

import threading

from .. import name as names
from .parameter_dict import ParameterDict

_local = threading.local()


class NameScope:
    """A block's scope: numbers the blocks made inside by kind, and begins the names of symbols with the block's prefix."""

    def __init__(self, block, named):
        self._block, self._named, self._counter, self._entered = block, named, {}, []

    def child_prefix(self, hint):
        """hint0_, hint1_, ..."""
        number = self._counter.get(hint, 0)
        self._counter[hint] = number + 1
        return f"{hint}{number}_"

    def __enter__(self):
        # A block whose prefix is "" leaves its children in the scope around it.
        self._entered.append((getattr(_local, "scope", None), names.Prefix(self._block.prefix)) if self._named else None)
        if self._named:
            _local.scope = self
            self._entered[-1][1].__enter__()
        return self

    def __exit__(self, *exc):
        left = self._entered.pop()
        if left:
            left[1].__exit__(*exc)
            _local.scope = left[0]


def named(prefix, params, hint):
    """(prefix, ParameterDict) of a new block of this kind, in the scope in force. `params`: those of a block that it shares."""
    scope = getattr(_local, "scope", None)
    if scope is None:
        prefix = names.current().get(None, hint) + "_" if prefix is None else prefix
        whole, shared = prefix, None
    else:
        prefix = scope.child_prefix(hint) if prefix is None else prefix
        parent = scope._block
        whole, shared = parent.prefix + prefix, parent.params._shared
        if params is None:
            return whole, ParameterDict(parent.params.prefix + prefix, shared)
    return whole, ParameterDict(whole) if params is None else ParameterDict(params.prefix, params)
