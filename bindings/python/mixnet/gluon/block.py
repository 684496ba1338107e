"""Block: a layer or net in Python, with its parameters and the blocks that it is made of."""

import itertools
import re
import warnings

from ..base import MXNetError
from ..ndarray import load as load_arrays
from ..ndarray import save as save_arrays
from .naming import NameScope, named
from .parameter import Parameter
from .parameter_dict import ParameterDict, take_arrays

_hook_numbers = itertools.count()


class HookHandle:
    """A hook that was registered; `detach`, or the end of a with block, takes it away."""

    def __init__(self, hooks, hook):
        self._hooks, self._number = hooks, next(_hook_numbers)
        hooks[self._number] = hook

    def detach(self):
        """Takes the hook away."""
        self._hooks.pop(self._number, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.detach()


class Block:
    """Base of layers, nets and losses. Subclasses make children and parameters in __init__, inside ``with self.name_scope()``, and define forward.

    Parameters
    ----------
    prefix : str, optional
        Begins the names of parameters; the class's name and a number unless given.
    params : ParameterDict, optional
        Parameters of another block, which this one shares.
    """

    def __init__(self, prefix=None, params=None):
        self._children, self._reg_params, self._hooks, self._pre_hooks = {}, {}, {}, {}
        self._prefix, self._params = named(prefix, params, self._alias())
        self._scope = NameScope(self, prefix != "")

    def __repr__(self):
        lines = "".join(f"\n  ({name}): {indented(child)}" for name, child in self._children.items())
        return f"{type(self).__name__}({lines}\n)"

    def __setattr__(self, name, value):
        before = getattr(self, name, None)
        if isinstance(before, (Block, Parameter)) and value is not None and not isinstance(value, Block if isinstance(before, Block) else Parameter):
            raise TypeError(f"[{type(self).__name__}] {name}: expected a {type(before).__name__}, as before, got {type(value).__name__}")
        if isinstance(value, Block):
            self.register_child(value, name)
        elif isinstance(value, Parameter):
            self._reg_params[name] = value
        super().__setattr__(name, value)

    # ---- names and parameters ---------------------------------------------------------------------------------------

    def _alias(self):
        """What prefixes of this kind of block are numbered by."""
        return type(self).__name__.lower()

    @property
    def prefix(self):
        """What names of parameters begin with."""
        return self._prefix

    @property
    def name(self):
        """The prefix without its last underscore."""
        return self._prefix[:-1] if self._prefix.endswith("_") else self._prefix

    @property
    def params(self):
        """The block's own parameters, without those of its children."""
        return self._params

    def name_scope(self):
        """A scope in which blocks and symbols that are made are named after this block."""
        return self._scope

    def collect_params(self, select=None):
        """The parameters of this block and all inside by full name; those that the regular expression `select` matches."""
        found = ParameterDict(self._params.prefix)
        pattern = re.compile(select) if select else None
        for block in self._blocks():
            block._warn_of_lists()
            own = block.params
            found.update({name: parameter for name, parameter in own.items() if not pattern or pattern.match(name)})
        return found

    def _warn_of_lists(self):
        """Blocks in a list that is an attribute are not seen: their parameters would not be trained or saved."""
        children = {id(child) for child in self._children.values()}
        for name, value in vars(self).items():
            items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
            if name != "_children" and any(isinstance(item, Block) and id(item) not in children for item in items):
                warnings.warn(
                    f"[{self.name}] {name}: expected blocks in Sequential or registered by register_child, got some in a plain container", stacklevel=3
                )

    def _blocks(self):
        """This block and all inside, each once."""
        seen, stack = {}, [self]
        while stack:
            block = stack.pop()
            if id(block) not in seen:
                seen[id(block)] = block
                stack.extend(reversed(block._children.values()))
        return list(seen.values())

    def _params_by_place(self, prefix=""):
        """Parameters by where they stand in the tree of blocks: 'features.0.weight'."""
        found = {prefix + name: parameter for name, parameter in self._reg_params.items()}
        for name, child in self._children.items():
            found.update(child._params_by_place(f"{prefix}{name}."))
        return found

    _collect_params_with_prefix = _params_by_place

    def initialize(self, init=None, ctx=None, verbose=False, force_reinit=False):
        """Gives all parameters values; see Parameter.initialize. `init`: Uniform unless given."""
        self.collect_params().initialize(init, ctx, verbose, force_reinit)

    def cast(self, dtype):
        """Parameters of this block and all inside to another dtype."""
        for child in self._children.values():
            child.cast(dtype)
        for parameter in self.params.values():
            parameter.cast(dtype)

    # ---- files ------------------------------------------------------------------------------------------------------

    def save_parameters(self, filename, deduplicate=False):
        """Writes values, the mean over contexts, by place. deduplicate: a parameter that stands in several places is written once, under the first."""
        arrays, written = {}, set()
        for place, parameter in self._params_by_place().items():
            if not deduplicate or id(parameter) not in written:
                written.add(id(parameter))
                arrays[place] = parameter.mean()
        save_arrays(filename, arrays)

    def load_parameters(self, filename, ctx=None, allow_missing=False, ignore_extra=False, cast_dtype=False, dtype_source="current"):
        """Reads a file of save_parameters, of `export`, or of a ParameterDict. See ParameterDict.load."""
        arrays = load_arrays(filename)
        if not isinstance(arrays, dict):
            raise MXNetError(f"[load_parameters] {filename}: expected arrays with names, got a list of arrays")
        places = self._params_by_place()
        if arrays and places and not any("." in name for name in arrays) and not any(name in places for name in arrays):
            whole = any(name.startswith(("arg:", "aux:")) or name in self.collect_params() for name in arrays)
            self.collect_params().load_dict(arrays, ctx, allow_missing, ignore_extra, "" if whole else self.prefix, filename, cast_dtype, dtype_source)
            return
        # One of several places of a parameter is enough.
        names = {}
        for place, parameter in places.items():
            names.setdefault(id(parameter), []).append(place)
        for several in names.values():
            given = next((place for place in several if place in arrays), None)
            if given is not None:
                arrays.update({place: arrays[given] for place in several if place not in arrays})
        take_arrays(places, arrays, filename, ctx, allow_missing, ignore_extra, cast_dtype, dtype_source)

    def save_params(self, filename):
        """As collect_params().save without the prefix; older scripts' name."""
        self.collect_params().save(filename, strip_prefix=self.prefix)

    def load_params(self, filename, ctx=None, allow_missing=False, ignore_extra=False):
        """load_parameters under its older name."""
        self.load_parameters(filename, ctx, allow_missing, ignore_extra)

    # ---- children and calls -----------------------------------------------------------------------------------------

    def register_child(self, block, name=None):
        """Makes a block part of this one. What is set as an attribute is registered by itself."""
        self._children[str(len(self._children)) if name is None else name] = block

    def apply(self, fn):
        """Calls fn on all blocks inside and on this one; gives this one back."""
        for child in self._children.values():
            child.apply(fn)
        fn(self)
        return self

    def hybridize(self, active=True, **kwargs):
        """Makes the HybridBlocks inside run as planned graphs. See HybridBlock.hybridize."""
        for child in self._children.values():
            child.hybridize(active, **kwargs)

    def register_forward_pre_hook(self, hook):
        """hook(block, inputs) is called before forward."""
        return HookHandle(self._pre_hooks, hook)

    def register_forward_hook(self, hook):
        """hook(block, inputs, outputs) is called after forward."""
        return HookHandle(self._hooks, hook)

    def __call__(self, *args):
        for hook in tuple(self._pre_hooks.values()):
            hook(self, args)
        outputs = self.forward(*args)
        for hook in tuple(self._hooks.values()):
            hook(self, args, outputs)
        return outputs

    def forward(self, *args):
        """What the block computes."""
        raise NotImplementedError(f"[{type(self).__name__}] expected a forward method")

    def summary(self, *inputs):
        """Prints the blocks in the order in which a call reaches them, with shapes and numbers of parameters. The block must not be hybridized."""
        from .summary import summary

        print(summary(self, inputs))


def indented(block):
    """What repr says, for a place inside another one's."""
    return repr(block).replace("\n", "\n  ")


def __getattr__(name):
    """MXNet's module of this name has all kinds of blocks."""
    if name in ("HybridBlock", "SymbolBlock"):
        from . import hybrid_block, symbol_block

        return getattr(hybrid_block if name == "HybridBlock" else symbol_block, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
