"""mx.contrib: MXNet's names for parts that stand elsewhere in this package."""

import sys

from .. import amp, autograd, onnx  # noqa: F401
from ..ndarray import contrib as ndarray  # noqa: F401
from ..ndarray import contrib as nd  # noqa: F401
from ..symbol import contrib as symbol  # noqa: F401
from ..symbol import contrib as sym  # noqa: F401
from . import io, quantization  # noqa: F401

# `import mixnet.contrib.amp` finds the same module.
sys.modules[__name__ + ".amp"] = amp
sys.modules[__name__ + ".onnx"] = onnx
sys.modules[__name__ + ".autograd"] = autograd
