"""Full layers, embeddings, dropout, and functions as layers."""

from ... import ndarray as nd
from ... import symbol as sym
from ..block import Block
from ..hybrid_block import HybridBlock
from .activations import Activation


class Dense(HybridBlock):
    """y = activation(x W' + b).

    Parameters
    ----------
    units : int
        Length of the output's last axis.
    activation : str, optional
        See Activation.
    use_bias : bool
    flatten : bool
        Whether all axes but the first are one, (batch, in_units); otherwise the last axis alone is multiplied.
    dtype : dtype of the weights
    weight_initializer, bias_initializer : Initializer or its name
    in_units : int
        Length of the input; 0: from the first call.
    """

    def __init__(
        self, units, activation=None, use_bias=True, flatten=True, dtype="float32", weight_initializer=None, bias_initializer="zeros", in_units=0, **kwargs
    ):
        super().__init__(**kwargs)
        self._units, self._in_units, self._flatten = units, in_units, flatten
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(units, in_units), init=weight_initializer, dtype=dtype, allow_deferred_init=True)
            self.bias = self.params.get("bias", shape=(units,), init=bias_initializer, dtype=dtype, allow_deferred_init=True) if use_bias else None
            self.act = Activation(activation, prefix=activation + "_") if activation is not None else None

    def __repr__(self):
        units, inputs = self.weight.shape
        return f"{type(self).__name__}({inputs or None} -> {units}, {self.act._act_type if self.act else 'linear'})"

    def hybrid_forward(self, F, x, weight, bias=None):  # noqa: N803
        y = F.FullyConnected(x, weight, bias, no_bias=bias is None, num_hidden=self._units, flatten=self._flatten, name="fwd")
        return y if self.act is None else self.act(y)


class Dropout(HybridBlock):
    """In training sets a share `rate` of the elements to 0 and divides the others by 1 - rate; along `axes` all elements fare alike."""

    def __init__(self, rate, axes=(), **kwargs):
        super().__init__(**kwargs)
        self._rate, self._axes = rate, axes

    def __repr__(self):
        return f"{type(self).__name__}(p = {self._rate}, axes={self._axes})"

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.Dropout(x, p=self._rate, axes=self._axes, name="fwd") if self._rate > 0 else F.identity(x)


class Embedding(HybridBlock):
    """Row x of a weight (input_dim, output_dim), for whole numbers x of any shape. sparse_grad: the weight's gradient is row_sparse."""

    def __init__(self, input_dim, output_dim, dtype="float32", weight_initializer=None, sparse_grad=False, **kwargs):
        super().__init__(**kwargs)
        self._options = {"input_dim": input_dim, "output_dim": output_dim, "dtype": dtype, "sparse_grad": sparse_grad}
        with self.name_scope():
            self.weight = self.params.get(
                "weight",
                shape=(input_dim, output_dim),
                init=weight_initializer,
                dtype=dtype,
                allow_deferred_init=True,
                grad_stype="row_sparse" if sparse_grad else "default",
            )

    def __repr__(self):
        return f"{type(self).__name__}({self._options['input_dim']} -> {self._options['output_dim']})"

    def hybrid_forward(self, F, x, weight):  # noqa: N803
        return F.Embedding(x, weight, name="fwd", **self._options)


class Flatten(HybridBlock):
    """All axes but the first as one."""

    def __repr__(self):
        return type(self).__name__

    def hybrid_forward(self, F, x):  # noqa: N803
        return F.Flatten(x)


class Lambda(Block):
    """A function as a block: the name of one of mx.nd, or any function."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        self._name = function if isinstance(function, str) else function.__name__
        self._function = _of(nd, function, "Lambda")

    def __repr__(self):
        return f"{type(self).__name__}({self._name})"

    def forward(self, *args):
        return self._function(*args)


class HybridLambda(HybridBlock):
    """A function f(F, x, ...) as a block; or the name of one that mx.nd and mx.sym have."""

    def __init__(self, function, prefix=None):
        super().__init__(prefix=prefix)
        self._name = function if isinstance(function, str) else function.__name__
        if isinstance(function, str):
            choices = {nd: _of(nd, function, "HybridLambda"), sym: _of(sym, function, "HybridLambda")}
            self._function = lambda F, *args: choices[F](*args)  # noqa: N803
        else:
            self._function = _of(nd, function, "HybridLambda")

    def __repr__(self):
        return f"{type(self).__name__}({self._name})"

    def hybrid_forward(self, F, x, *args):  # noqa: N803
        return self._function(F, x, *args)


def _of(module, function, place):
    found = getattr(module, function, None) if isinstance(function, str) else function
    if not callable(found):
        raise ValueError(f"[{place}] function: expected a function, or the name of one in mx.nd and mx.sym, got {function!r}")
    return found
