"""Blocks one after the other."""

from ..block import Block
from ..hybrid_block import HybridBlock


class _Stack:
    """What both kinds of sequence are: children by number."""

    def add(self, *blocks):
        """Appends blocks."""
        for block in blocks:
            self.register_child(block)

    def __len__(self):
        return len(self._children)

    def __iter__(self):
        return iter(self._children.values())

    def __getitem__(self, key):
        chosen = list(self._children.values())[key]
        if not isinstance(chosen, list):
            return chosen
        part = type(self)(prefix=self._prefix)
        with part.name_scope():
            part.add(*chosen)
        return part

    def _chain(self, x, args):
        for block in self._children.values():
            x = block(x, *args)
            args = ()
            if isinstance(x, (tuple, list)):
                x, args = x[0], x[1:]
        return (x, *args) if args else x


class Sequential(_Stack, Block):
    """Calls blocks of any kind one after the other. What gives several outputs gives the next block several inputs."""

    def forward(self, x, *args):
        return self._chain(x, args)


class HybridSequential(_Stack, HybridBlock):
    """Calls HybridBlocks one after the other."""

    def hybrid_forward(self, F, x, *args):  # noqa: N803
        return self._chain(x, args)
