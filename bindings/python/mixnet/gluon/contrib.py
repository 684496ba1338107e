"""mx.gluon.contrib: MXNet's place for the interval sampler, `mx.gluon.contrib.data.IntervalSampler`."""

from . import data  # noqa: F401
