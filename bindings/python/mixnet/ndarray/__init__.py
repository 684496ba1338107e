"""mx.nd: arrays, and every operator as a function on them."""

from . import gen_op, op  # noqa: F401
from .dlpack import from_dlpack  # noqa: F401
from .gen_op import *  # noqa: F401, F403
from .custom import Custom  # noqa: F401
from .files import load, load_frombuffer, save  # noqa: F401
from .decoding import imdecode  # noqa: F401
from .making import arange, concatenate, eye, from_numpy, full, linspace, moveaxis, ones, zeros  # noqa: F401
from .ndarray import NDArray, array, empty, invoke, waitall  # noqa: F401
from .op import *  # noqa: F401, F403
from . import contrib, image, linalg, random, sparse  # noqa: F401, E402
from . import _internal  # noqa: F401, E402
