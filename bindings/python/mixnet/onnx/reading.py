"""Reading a model: from a path, bytes or a ModelProto, with one line for whatever is wrong with the file."""

import os

from ..base import MXNetError
from .errors import OnnxError


def _onnx():
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError:
        raise MXNetError("[onnx] the package 'onnx' is needed: pip install onnx") from None
    return onnx


def read_model(source):
    """The ModelProto of a path (data in other files beside it is read too), of bytes, or the given one."""
    onnx = _onnx()
    if isinstance(source, onnx.ModelProto):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _checked(_parsed(onnx, bytes(source), "the bytes"), "the bytes")
    path = os.fspath(source)
    try:
        with open(path, "rb") as file:
            model = _parsed(onnx, file.read(), path)
    except OSError as error:
        raise OnnxError(f"[onnx] {path}: {error.strerror or error}") from None
    try:
        onnx.load_external_data_for_model(model, os.path.dirname(os.path.abspath(path)))
    except Exception as error:
        raise OnnxError(f"[onnx] {path}: data in another file: {' '.join(str(error).split())}") from None
    return _checked(model, path)


def _parsed(onnx, content, place):
    try:
        return onnx.load_model_from_string(content)
    except Exception:
        raise OnnxError(f"[onnx] {place}: not an ONNX model, or a damaged one") from None


def _checked(model, place):
    if not model.opset_import or not model.graph.output:
        raise OnnxError(f"[onnx] {place}: not an ONNX model, or a damaged one: no opset or no outputs")
    return model
