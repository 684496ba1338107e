"""The backend test data that the package onnx carries: models with inputs and outputs, and how two outputs are compared."""

import pathlib

import numpy as np
import onnx
from onnx import numpy_helper

from mixnet.onnx.float8 import FROM_BITS

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"


def tests(kind):
    """Folders of a kind of tests: node, simple, pytorch-converted or pytorch-operator."""
    return sorted(path.parent for path in (DATA / kind).glob("*/model.onnx"))


def value(path, kind):
    """A stored tensor, sequence or optional value."""
    content = path.read_bytes()
    if kind.WhichOneof("value") == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(content))
    if kind.WhichOneof("value") == "optional_type":
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(content))
    return numpy_helper.to_array(onnx.TensorProto.FromString(content))


def values(folder, role, infos):
    """The stored inputs or outputs of a data set, in order."""
    count = len(list(folder.glob(f"{role}_*.pb")))
    return [value(folder / f"{role}_{i}.pb", infos[i].type) for i in range(count)]


def plain(array):
    """Numbers of types that numpy lacks, stored as bits, as float32."""
    array = np.asarray(array)
    name = "float8" + next(iter(array.dtype.fields), "") if array.dtype.fields else ""
    return FROM_BITS[name][array.view(np.uint8)] if name in FROM_BITS else array


def texts(array):
    return [t.decode() if isinstance(t, bytes) else t for t in np.asarray(array).ravel().tolist()]


def check(result, expected, rtol=1e-3, atol=1e-7):
    """Raises AssertionError unless a result is what is expected: structure, shape, type and values."""
    if isinstance(expected, list):
        assert isinstance(result, list) and len(result) == len(expected), f"expected {len(expected)} values in a list"
        for one, other in zip(result, expected):
            check(one, other, rtol, atol)
        return
    if expected is None:
        assert result is None, "expected no value"
        return
    expected = plain(expected)
    assert result.shape == expected.shape, f"shape {result.shape}, expected {expected.shape}"
    if not np.issubdtype(expected.dtype, np.number):
        assert texts(result) == texts(expected), "texts or truth values differ"
        return
    if expected.dtype == np.uint16 and result.dtype == np.float32:
        expected = (expected.astype(np.uint32) << 16).view(np.float32)
    assert result.dtype == expected.dtype, f"type {result.dtype}, expected {expected.dtype}"
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=atol)


def run(folder, backend):
    """How a test's model ran ('as a graph' or 'node by node: ...') and the error line of its first failure, None when it passed."""
    prepared = None
    try:
        model = onnx.load(folder / "model.onnx")
        prepared = backend.prepare(model)
        sets = sorted(folder.glob("test_data_set_*"))
        assert sets, "no data"
        for data in sets:
            results = prepared.run(values(data, "input", model.graph.input))
            check(list(results), values(data, "output", model.graph.output))
    except Exception as error:
        return prepared and prepared.how, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return prepared.how, None
