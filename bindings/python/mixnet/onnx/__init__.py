"""mx.onnx: models in the ONNX format, read and written. Needs the package `onnx`; parts are loaded at first use."""

import importlib

_PARTS = {"import_model": "importing", "get_model_metadata": "importing", "export_model": "export", "get_operator_support": "export"}


def __getattr__(key):
    if key in _PARTS:
        return getattr(importlib.import_module("." + _PARTS[key], __name__), key)
    raise AttributeError(f"module 'mixnet.onnx' has no attribute '{key}'")


def __dir__():
    return sorted(_PARTS)
