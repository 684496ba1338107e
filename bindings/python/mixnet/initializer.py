"""Initial values of parameters, chosen by the parameter's name and attributes."""

import json
import math
import re

import numpy as np

from . import random
from .base import MXNetError

_registry = {}


def register(cls):
    """Makes an initialiser known to `create` and to __init__ attributes by its lower-case name."""
    _registry[cls.__name__.lower()] = cls
    return cls


def create(spec, **kwargs):
    """An initialiser from an object, a name, or the JSON that dumps() gives."""
    if isinstance(spec, Initializer) or (callable(spec) and not isinstance(spec, str)):
        return spec
    if spec.startswith("["):
        spec, kwargs = json.loads(spec)
    aliases = {"zeros": "zero", "ones": "one", "gaussian": "normal", "msra": "msraprelu"}
    name = aliases.get(spec.lower(), spec.lower())
    if name not in _registry:
        raise MXNetError(f"[initializer] expected one of {', '.join(sorted(_registry))}, got {spec!r}")
    return _registry[name](**kwargs)


class InitDesc(str):
    """A parameter's name with its attributes."""

    def __new__(cls, name, attrs=None, global_init=None):
        self = super().__new__(cls, name)
        self.attrs = attrs or {}
        self.global_init = global_init
        return self


class Initializer:
    """Base. Called as init(name, array). Weights get the subclass's rule; biases, statistics and scales their constants."""

    _CONSTANTS = (
        ("bias", 0.0),
        ("beta", 0.0),
        ("gamma", 1.0),
        ("running_mean", 0.0),
        ("moving_mean", 0.0),
        ("running_var", 1.0),
        ("moving_var", 1.0),
        ("moving_inv_var", 0.0),
        ("moving_avg", 0.0),
        ("min", 0.0),
        ("max", 0.0),
    )

    def __init__(self, **kwargs):
        self._kwargs = kwargs
        self._verbose = False
        self._print_func = None

    def set_verbosity(self, verbose=False, print_func=None):
        """Whether to report each parameter, and how."""
        self._verbose, self._print_func = verbose, print_func
        return self

    def dumps(self):
        """JSON that `create` understands."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, desc, arr):
        if not isinstance(desc, str):
            raise TypeError(f"[initializer] name: expected a text, got {type(desc).__name__}")
        own = getattr(desc, "attrs", {}).get("__init__", "")
        if getattr(desc, "global_init", self) is None:
            desc.global_init = self
        if own:
            create(own)._init_weight(desc, arr)
            return
        if desc.startswith("upsampling"):
            return Bilinear()._init_weight(desc, arr)
        if desc.startswith("stn_loc") and desc.endswith("weight"):
            arr[:] = 0
            return
        if desc.endswith("weight"):
            return self._init_weight(desc, arr)
        for suffix, value in self._CONSTANTS:
            if desc.endswith(suffix):
                arr[:] = value
                return
        self._init_default(desc, arr)

    def _init_weight(self, name, arr):
        raise NotImplementedError("[initializer] an initialiser defines _init_weight(name, arr)")

    def _init_default(self, name, arr):
        raise ValueError(f"[initializer] {name}: no rule for this name; expected an ending such as weight, bias, gamma or beta, or Variable(init=...)")

    def __eq__(self, other):
        return type(self) is type(other) and self._kwargs == other._kwargs

    __hash__ = object.__hash__


class _Everything(Initializer):
    """Treats every parameter alike, whatever its name."""

    def __call__(self, desc, arr):
        if getattr(desc, "attrs", {}).get("__init__"):
            return super().__call__(desc, arr)
        self._init_weight(desc, arr)


@register
class Zero(_Everything):
    """0 everywhere."""

    def _init_weight(self, name, arr):
        arr[:] = 0


@register
class One(_Everything):
    """1 everywhere."""

    def _init_weight(self, name, arr):
        arr[:] = 1


@register
class Constant(_Everything):
    """One value everywhere."""

    def __init__(self, value=0.0):
        super().__init__(value=value)
        self.value = value

    def _init_weight(self, name, arr):
        arr[:] = self.value


@register
class Uniform(Initializer):
    """Uniform in [-scale, scale]."""

    def __init__(self, scale=0.07):
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, name, arr):
        random.uniform(-self.scale, self.scale, out=arr)


@register
class Normal(Initializer):
    """Normal with standard deviation sigma."""

    def __init__(self, sigma=0.01):
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, name, arr):
        random.normal(0, self.sigma, out=arr)


@register
class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, times scale (Saxe et al., 2014)."""

    def __init__(self, scale=1.414, rand_type="uniform"):
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale, self.rand_type = scale, rand_type

    def _init_weight(self, name, arr):
        shape = (arr.shape[0], int(np.prod(arr.shape[1:])))
        draw = random.uniform(-1, 1, shape=shape) if self.rand_type == "uniform" else random.normal(0, 1, shape=shape)
        u, _, v = np.linalg.svd(draw.asnumpy(), full_matrices=False)
        arr[:] = (self.scale * (u if u.shape == shape else v)).reshape(arr.shape)


def fans(shape):
    """(fan in, fan out) of a weight of shape (outputs, inputs, window...)."""
    window = float(np.prod(shape[2:])) if len(shape) > 2 else 1.0
    return shape[1] * window, shape[0] * window


@register
class Xavier(Initializer):
    """Uniform or normal with variance magnitude / fan (Glorot and Bengio, 2010)."""

    def __init__(self, rnd_type="uniform", factor_type="avg", magnitude=3):
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        if rnd_type not in ("uniform", "gaussian"):
            raise ValueError(f"[Xavier] rnd_type: expected uniform or gaussian, got {rnd_type!r}")
        if factor_type not in ("avg", "in", "out"):
            raise ValueError(f"[Xavier] factor_type: expected avg, in or out, got {factor_type!r}")
        self.rnd_type, self.factor_type, self.magnitude = rnd_type, factor_type, float(magnitude)

    def _init_weight(self, name, arr):
        if len(arr.shape) < 2:
            raise ValueError(f"[Xavier] {name}: expected at least 2 dimensions, got shape {arr.shape}")
        fan_in, fan_out = fans(arr.shape)
        factor = {"avg": (fan_in + fan_out) / 2, "in": fan_in, "out": fan_out}[self.factor_type]
        scale = math.sqrt(self.magnitude / factor)
        if self.rnd_type == "uniform":
            random.uniform(-scale, scale, out=arr)
        else:
            random.normal(0, scale, out=arr)


@register
class MSRAPrelu(Xavier):
    """Normal with variance 2 / ((1 + slope^2) fan) (He et al., 2015)."""

    def __init__(self, factor_type="avg", slope=0.25):
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


@register
class Bilinear(_Everything):
    """Windows that interpolate linearly, for UpSampling and Deconvolution."""

    def _init_weight(self, name, arr):
        height, width = arr.shape[2:]
        factor = math.ceil(width / 2.0)
        centre = (2 * factor - 1 - factor % 2) / (2.0 * factor)
        column, row = 1 - np.abs(np.arange(width) / factor - centre), 1 - np.abs(np.arange(height) / factor - centre)
        arr[:] = np.broadcast_to(np.outer(row, column), arr.shape)


@register
class LSTMBias(_Everything):
    """0, but the forget gate's quarter gets forget_bias."""

    def __init__(self, forget_bias=1.0):
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, name, arr):
        values = np.zeros(arr.shape, "float32")
        hidden = arr.shape[0] // 4
        values[hidden : 2 * hidden] = self.forget_bias
        arr[:] = values


@register
class FusedRNN(_Everything):
    """The packed parameters of an RNN operator: `init`, or the initialiser of the other parameters, for each weight and bias of each gate.

    An LSTM's forget gates get forget_bias.
    """

    def __init__(self, init, num_hidden, num_layers, mode, bidirectional=False, forget_bias=1.0):
        init = create(init) if isinstance(init, str) else init
        super().__init__(
            init=init.dumps() if init is not None else None,
            num_hidden=num_hidden,
            num_layers=num_layers,
            mode=mode,
            bidirectional=bidirectional,
            forget_bias=forget_bias,
        )
        self.init, self.mode, self.forget_bias = init, mode, forget_bias
        self._shape = (num_hidden, num_layers, mode, bidirectional)

    def _init_weight(self, name, arr):
        from .rnn import FusedRNNCell

        init = self.init or getattr(name, "global_init", None)
        if init is None:
            raise ValueError(f"[FusedRNN] {name}: expected an init for the weights, got None, and no initialiser of other parameters is known")
        hidden, layers, mode, bidirectional = self._shape
        cell = FusedRNNCell(hidden, layers, mode, bidirectional, prefix="")
        parts = cell.unpack_weights({"parameters": arr})
        for part, values in parts.items():
            if mode == "lstm" and part.endswith("_f_bias"):
                values[:] = self.forget_bias
            else:
                init(InitDesc(part, global_init=init), values)
        arr[:] = cell.pack_weights(parts)["parameters"]


@register
class Load:
    """Values from a file or a dict by name; other names go to default_init."""

    def __init__(self, param, default_init=None, verbose=False):
        if isinstance(param, str):
            from .ndarray import load

            param = load(param)
        self.param = {re.sub("^(arg|aux):", "", name): value for name, value in param.items()}
        self.default_init, self.verbose = default_init, verbose

    def __call__(self, name, arr):
        if name in self.param:
            if self.param[name].shape != arr.shape:
                raise ValueError(f"[Load] {name}: expected shape {arr.shape}, got {self.param[name].shape}")
            self.param[name].astype(arr.dtype, copy=False).copyto(arr)
        elif self.default_init is None:
            raise ValueError(f"[Load] {name}: no value, and no default_init is given")
        else:
            self.default_init(name, arr)


@register
class Mixed:
    """The first initialiser whose pattern is found in the name."""

    def __init__(self, patterns, initializers):
        if len(patterns) != len(initializers):
            raise ValueError(f"[Mixed] expected as many patterns as initializers, got {len(patterns)} and {len(initializers)}")
        self.map = [(re.compile(p), i) for p, i in zip(patterns, initializers)]

    def __call__(self, name, arr):
        for pattern, initializer in self.map:
            if pattern.match(name):
                return initializer(name, arr)
        raise ValueError(f"[Mixed] {name}: no pattern matches; add '.*' as the last")
