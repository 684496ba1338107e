"""Normalisation layers."""

from ...base import dtype_name
from ..hybrid_block import HybridBlock


class _Normalization(HybridBlock):
    """Scale gamma and shift beta per channel; without `scale` or `center` they stay 1 and 0."""

    def __init__(self, scale, center, gamma_initializer, beta_initializer, channels, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.gamma = self._parameter("gamma", scale, gamma_initializer, channels)
            self.beta = self._parameter("beta", center, beta_initializer, channels)

    def _parameter(self, name, learned, init, channels):
        request = "write" if learned else "null"
        return self.params.get(name, grad_req=request, shape=(channels,), init=init, allow_deferred_init=True, differentiable=learned)

    def __repr__(self):
        options = ", ".join(f"{key}={value}" for key, value in self._options.items())
        return f"{type(self).__name__}({options}, in_channels={self.gamma.shape[0] or None})"


class BatchNorm(_Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta with the batch's statistics in training and the running ones otherwise (Ioffe and Szegedy, 2015).

    Parameters
    ----------
    axis : int
        The channels' axis.
    momentum : float
        running = momentum running + (1 - momentum) batch's.
    epsilon : float
    center, scale : bool
        Whether beta and gamma are learned.
    use_global_stats : bool
        Running statistics in training too.
    in_channels : int
        0: from the first call.
    """

    _op = "BatchNorm"

    def __init__(
        self,
        axis=1,
        momentum=0.9,
        epsilon=1e-5,
        center=True,
        scale=True,
        use_global_stats=False,
        beta_initializer="zeros",
        gamma_initializer="ones",
        running_mean_initializer="zeros",
        running_variance_initializer="ones",
        in_channels=0,
        **kwargs,
    ):
        super().__init__(scale, center, gamma_initializer, beta_initializer, in_channels, **kwargs)
        self._options = {"axis": axis, "eps": epsilon, "momentum": momentum, "fix_gamma": not scale, "use_global_stats": use_global_stats}
        with self.name_scope():
            self.running_mean = self._parameter("running_mean", False, running_mean_initializer, in_channels)
            self.running_var = self._parameter("running_var", False, running_variance_initializer, in_channels)

    def cast(self, dtype):
        """As Block.cast; but statistics of float16 or bfloat16 stay float32."""
        super().cast("float32" if dtype_name(dtype) in ("float16", "bfloat16") else dtype)

    def hybrid_forward(self, F, x, gamma, beta, running_mean, running_var):  # noqa: N803
        return getattr(F, self._op)(x, gamma, beta, running_mean, running_var, name="fwd", **self._options)


class BatchNormReLU(BatchNorm):
    """BatchNorm with relu behind it."""

    def hybrid_forward(self, F, x, gamma, beta, running_mean, running_var):  # noqa: N803
        return F.relu(super().hybrid_forward(F, x, gamma, beta, running_mean, running_var))


class LayerNorm(_Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta with the statistics along one axis of each example (Ba et al., 2016)."""

    def __init__(
        self, axis=-1, epsilon=1e-5, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones", in_channels=0, prefix=None, params=None
    ):
        super().__init__(scale, center, gamma_initializer, beta_initializer, in_channels, prefix=prefix, params=params)
        self._options = {"axis": axis, "eps": epsilon}

    def hybrid_forward(self, F, x, gamma, beta):  # noqa: N803
        return F.LayerNorm(x, gamma, beta, **self._options)


class GroupNorm(_Normalization):
    """The same with statistics over groups of channels, axis 1, and all that follows; gamma and beta per group (Wu and He, 2018; MXNet's parameters)."""

    def __init__(self, num_groups=1, epsilon=1e-5, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones", prefix=None, params=None):
        super().__init__(scale, center, gamma_initializer, beta_initializer, num_groups, prefix=prefix, params=params)
        self._options = {"num_groups": num_groups, "eps": epsilon}

    def hybrid_forward(self, F, x, gamma, beta):  # noqa: N803
        return F.GroupNorm(x, gamma, beta, **self._options)


class InstanceNorm(_Normalization):
    """The same with statistics over all positions of one channel of one example (Ulyanov et al., 2016). `axis` is the channels'."""

    def __init__(self, axis=1, epsilon=1e-5, center=True, scale=False, beta_initializer="zeros", gamma_initializer="ones", in_channels=0, **kwargs):
        super().__init__(scale, center, gamma_initializer, beta_initializer, in_channels, **kwargs)
        self._options = {"axis": axis, "eps": epsilon}

    def hybrid_forward(self, F, x, gamma, beta):  # noqa: N803
        axis, eps = self._options["axis"], self._options["eps"]
        if axis == 1:
            return F.InstanceNorm(x, gamma, beta, eps=eps, name="fwd")
        return F.InstanceNorm(x.swapaxes(1, axis), gamma, beta, eps=eps, name="fwd").swapaxes(1, axis)
