"""mx.gluon.contrib: what MXNet has there and this library too: layers (`nn`), cells (`rnn`), and the interval sampler (`data`)."""

from .. import data  # noqa: F401
from . import nn, rnn  # noqa: F401
