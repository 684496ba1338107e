"""Layers that MXNet has in mx.gluon.contrib.nn."""

from ..block import Block
from ..hybrid_block import HybridBlock
from ..nn.basic import Embedding
from ..nn.normalization import BatchNorm
from ..nn.pooling import spread
from ..nn.sequential import HybridSequential, Sequential

__all__ = ["Concurrent", "HybridConcurrent", "Identity", "PixelShuffle1D", "PixelShuffle2D", "PixelShuffle3D", "SparseEmbedding", "SyncBatchNorm"]


class Concurrent(Sequential):
    """Blocks that all get the same input; their outputs are joined along `axis`."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def forward(self, x):
        from ... import ndarray as nd

        return nd.concat(*[block(x) for block in self._children.values()], dim=self.axis)


class HybridConcurrent(HybridSequential):
    """The same of HybridBlocks."""

    def __init__(self, axis=-1, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self.axis = axis

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.concat(*[block(x) for block in self._children.values()], dim=self.axis)


class Identity(HybridBlock):
    """Its input."""

    def hybrid_forward(self, F, x):  # noqa: N803
        return x


class SparseEmbedding(Block):
    """An Embedding whose gradient is row_sparse."""

    def __init__(self, input_dim, output_dim, dtype="float32", weight_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self._embedding = Embedding(input_dim, output_dim, dtype, weight_initializer, sparse_grad=True, prefix=self.prefix, params=self.params)
        self.weight = self._embedding.weight

    def __repr__(self):
        return repr(self._embedding).replace("Embedding", "SparseEmbedding", 1)

    def forward(self, x):
        return self._embedding(x)


class SyncBatchNorm(BatchNorm):
    """BatchNorm by the operator contrib.SyncBatchNorm. Statistics are those of a context's own part of the batch, also with num_devices above 1."""

    def __init__(
        self,
        in_channels=0,
        num_devices=None,
        momentum=0.9,
        epsilon=1e-5,
        center=True,
        scale=True,
        use_global_stats=False,
        beta_initializer="zeros",
        gamma_initializer="ones",
        running_mean_initializer="zeros",
        running_variance_initializer="ones",
        **kwargs,
    ):
        rules = (beta_initializer, gamma_initializer, running_mean_initializer, running_variance_initializer)
        super().__init__(1, momentum, epsilon, center, scale, use_global_stats, *rules, in_channels, **kwargs)

    def _alias(self):
        return "syncbatchnorm"


class _PixelShuffle(HybridBlock):
    """(N, C f1 f2 ..., x1, x2, ...) to (N, C, x1 f1, x2 f2, ...): channels become positions (Shi et al., 2016)."""

    _axes = 2

    def __init__(self, factor):
        super().__init__()
        self._factors = spread(factor, self._axes, self, "factor")

    def __repr__(self):
        return f"{type(self).__name__}({self._factors})"

    def hybrid_forward(self, F, x):  # noqa: N803
        size, count = 1, self._axes
        for factor in self._factors:
            size *= factor
        # C, then a factor for each axis, in axes of their own; then each factor behind its axis, and both as one.
        x = F.reshape(x, shape=(0, -4, -1, size) + (0,) * count)
        rest = size
        for place, factor in enumerate(self._factors[:-1]):
            rest //= factor
            x = F.reshape(x, shape=(0,) * (2 + place) + (-4, factor, rest) + (0,) * count)
        order = [0, 1]
        for axis in range(count):
            order += [2 + count + axis, 2 + axis]
        x = F.transpose(x, axes=tuple(order))
        return F.reshape(x, shape=(0, 0) + (-3,) * count)


class PixelShuffle1D(_PixelShuffle):
    """(N, C f, W) to (N, C, W f)."""

    _axes = 1


class PixelShuffle2D(_PixelShuffle):
    """(N, C f1 f2, H, W) to (N, C, H f1, W f2)."""


class PixelShuffle3D(_PixelShuffle):
    """(N, C f1 f2 f3, D, H, W) to (N, C, D f1, H f2, W f3)."""

    _axes = 3
