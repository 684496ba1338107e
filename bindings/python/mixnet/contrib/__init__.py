"""mx.contrib: MXNet's names for parts that stand elsewhere in this package."""

import sys

from .. import amp  # noqa: F401

# `import mixnet.contrib.amp` finds the same module.
sys.modules[__name__ + ".amp"] = amp
