"""mx.optimizer: rules that turn gradients into steps."""

from .native import Native  # noqa: F401
from .optimizer import Optimizer, Test, create, register  # noqa: F401
from .rules import *  # noqa: F401, F403
from .updater import Updater, get_updater  # noqa: F401
