"""mx.sym.image: operators on images."""

from ..namespaces import publish
from . import gen_op

__all__ = publish(globals(), gen_op, "_image_")
