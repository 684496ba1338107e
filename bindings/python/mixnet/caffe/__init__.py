"""mx.caffe: models of the Caffe framework, read from a prototxt and a caffemodel. Needs no other package.

`text` parses prototxt files, `wire` reads the parameters out of caffemodel files, `net` turns layers of old forms into one form and chooses those
of a phase, `layer` gives typed access to a layer's fields, one module per family converts layers, `model` joins it all.
"""

from .model import import_model

__all__ = ["import_model"]
