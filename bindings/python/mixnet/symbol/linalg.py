"""mx.sym.linalg: operators on matrices."""

from ..namespaces import publish
from . import gen_op

__all__ = publish(globals(), gen_op, "_linalg_")
