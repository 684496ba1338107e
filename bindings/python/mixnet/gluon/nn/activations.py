"""Activation functions as layers."""

from ... import initializer
from ..hybrid_block import HybridBlock


class Activation(HybridBlock):
    """'relu', 'sigmoid', 'tanh', 'softrelu' or 'softsign', element by element."""

    def __init__(self, activation, **kwargs):
        self._act_type = activation
        super().__init__(**kwargs)

    def _alias(self):
        return self._act_type

    def __repr__(self):
        return f"{type(self).__name__}({self._act_type})"

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.Activation(x, act_type=self._act_type, name="fwd")


class LeakyReLU(HybridBlock):
    """x where it is positive, alpha x elsewhere; alpha is at least 0."""

    def __init__(self, alpha, **kwargs):
        if alpha < 0:
            raise ValueError(f"[LeakyReLU] alpha: expected at least 0, got {alpha}")
        super().__init__(**kwargs)
        self._alpha = alpha

    def __repr__(self):
        return f"{type(self).__name__}({self._alpha})"

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.LeakyReLU(x, act_type="leaky", slope=self._alpha, name="fwd")


class PReLU(HybridBlock):
    """LeakyReLU with a slope that is learned, one for all or one per channel (in_channels)."""

    def __init__(self, alpha_initializer=None, in_channels=1, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.alpha = self.params.get("alpha", shape=(in_channels,), init=alpha_initializer or initializer.Constant(0.25))

    def hybrid_forward(self, F, x, alpha):  # noqa: N803
        return F.LeakyReLU(x, gamma=alpha, act_type="prelu", name="fwd")


class ELU(HybridBlock):
    """x where it is positive, alpha (exp(x) - 1) elsewhere (Clevert et al., 2016)."""

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self._alpha = alpha

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.LeakyReLU(x, act_type="elu", slope=self._alpha)


class SELU(HybridBlock):
    """ELU with the factors of self-normalising nets (Klambauer et al., 2017)."""

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.LeakyReLU(x, act_type="selu", name="fwd")


class GELU(HybridBlock):
    """x times the normal distribution's share below x (Hendrycks and Gimpel, 2016)."""

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.LeakyReLU(x, act_type="gelu", name="fwd")


class Swish(HybridBlock):
    """x sigmoid(beta x) (Ramachandran et al., 2017)."""

    def __init__(self, beta=1.0, **kwargs):
        super().__init__(**kwargs)
        self._beta = beta

    def hybrid_forward(self, F, x):  # noqa: N803
        return x * F.sigmoid(self._beta * x, name="fwd")
