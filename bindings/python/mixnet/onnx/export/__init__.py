"""Writing ONNX models: `export_model` and the names of the operators that it can say.

`source` reads a symbol into nodes with shapes and dtypes, `table` says which function converts which operator, one module per family holds
these functions, `builder` collects the ONNX nodes that they ask for, `model` puts the file together. Decisions: docs/adr/0021-models-from-elsewhere.md.
"""

from .model import export_model
from .table import get_operator_support

__all__ = ["export_model", "get_operator_support"]
