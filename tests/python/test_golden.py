"""Files of five releases of Apache MXNet (tests/data/golden, written by tools/golden/make.py): they load, compute what was computed
there, and survive being written again."""

import json
import pathlib
import re

import numpy as np
import pytest

import mixnet as mx

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "golden"
VERSIONS = ("0.9.5", "0.11.0", "0.12.0", "1.0.0", "1.9.1")
STEMS = sorted(str(path)[: -len("-symbol.json")] for path in GOLDEN.glob("*/*-symbol.json"))
RUNS = [stem for stem in STEMS if pathlib.Path(stem + "-run.params").exists()]

# MXNet 1.9.1 divides the gradient of an averaging window that hangs over the edge by another number than the window itself (docs/guide/differences.md).
DIFFER = {"1.9.1/normalised": ("data",)}


def label(stem):
    return "/".join(pathlib.Path(stem).parts[-2:])


def part(run, kind):
    """The arrays of a run's file whose keys begin with `kind`, by the rest of the key."""
    return {key[len(kind) + 1 :]: value for key, value in run.items() if key.startswith(kind + ":")}


def close(found, expected, what):
    assert found.shape == expected.shape, what
    np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=1e-4, atol=1e-5, err_msg=what)


def check_run(symbol, stem):
    """Prediction, training, gradients and auxiliary states are those of the file's release."""
    run = mx.nd.load(stem + "-run.params")
    has_parameters = pathlib.Path(stem + "-0000.params").exists()
    parameters = mx.nd.load(stem + "-0000.params") if has_parameters else {}
    inputs, gradients = part(run, "in"), part(run, "grad")
    wanted = {name: "write" if name in gradients else "null" for name in symbol.list_arguments()}
    executor = symbol.simple_bind(mx.cpu(), grad_req=wanted, **{name: value.shape for name, value in inputs.items()})
    executor.copy_params_from({**part(parameters, "arg"), **inputs}, part(parameters, "aux"))
    for i, output in enumerate(executor.forward(is_train=False)):
        close(output, run[f"predict:{i}"], f"prediction, output {i}")
    outputs = executor.forward(is_train=True)
    assert len(outputs) == len(part(run, "out"))
    for i, output in enumerate(outputs):
        close(output, run[f"out:{i}"], f"training, output {i}")
    heads = part(run, "head")
    executor.backward([heads[str(i)] for i in range(len(heads))] if heads else None)
    for name, gradient in gradients.items():
        if name not in DIFFER.get(label(stem), ()):
            close(executor.grad_dict[name], gradient, f"gradient of {name}")
    for name, state in part(run, "after").items():
        close(executor.aux_dict[name], state, f"state {name}")


@pytest.mark.parametrize("stem", RUNS, ids=label)
def test_symbols_compute_what_their_release_computed(stem):
    check_run(mx.sym.load(stem + "-symbol.json"), stem)


@pytest.mark.parametrize("stem", RUNS, ids=label)
def test_symbols_compute_the_same_after_being_written_again(stem):
    check_run(mx.sym.load_json(mx.sym.load(stem + "-symbol.json").tojson()), stem)


@pytest.mark.parametrize("stem", STEMS, ids=label)
def test_names_and_attributes_are_kept(stem):
    symbol = mx.sym.load(stem + "-symbol.json")
    said = json.loads(pathlib.Path(stem + "-names.json").read_text())
    assert symbol.list_arguments() == said["arguments"]
    # Before 1.9, the names of the states that RNN gives out did not end in "_output".
    if "/1.9.1/" in stem or not stem.endswith(("fused", "gru")):
        assert symbol.list_outputs() == said["outputs"]
    assert symbol.list_auxiliary_states() == said["states"]
    ours = symbol.attr_dict()
    for name, attributes in said["attributes"].items():
        hidden = {key: value for key, value in attributes.items() if key.startswith("__")}
        assert {key: ours.get(name, {}).get(key) for key in hidden} == hidden, name


@pytest.mark.parametrize("version", VERSIONS)
def test_dense_arrays_of_every_dtype(version):
    arrays = mx.nd.load(str(GOLDEN / version / "dense.params"))
    dtypes = [name for name in arrays if name.startswith(("float", "int", "uint"))]
    assert len(dtypes) >= 5
    for dtype in dtypes:
        assert arrays[dtype].dtype == np.dtype(dtype)
        np.testing.assert_array_equal(arrays[dtype].asnumpy(), np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(arrays["five dimensions"].asnumpy(), np.arange(16).reshape(2, 1, 2, 1, 4))
    np.testing.assert_array_equal(arrays["edge"].asnumpy(), np.array([np.inf, -np.inf, np.nan, 1e-45], "float32"))
    assert np.signbit(arrays["one"].asnumpy())[0]
    first, second = mx.nd.load(str(GOLDEN / version / "list.params"))
    assert (first.asnumpy().tolist(), second.asnumpy().tolist()) == ([1, 2], [[3]])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_of_arrays_breaks_in_one_way(version):
    """Cut anywhere, a file ends in an error that names it."""
    for name in ("dense.params", "list.params"):
        data = (GOLDEN / version / name).read_bytes()
        for end in range(0, len(data) - 1, max(1, len(data) // 60)):
            with pytest.raises(mx.MXNetError, match=r"^\[load\]"):
                mx.nd.load_frombuffer(data[:end])


def test_scalars_and_empty_arrays_of_numpy_shapes():
    arrays = mx.nd.load(str(GOLDEN / "1.9.1" / "numpy.params"))
    assert {name: (a.shape, str(np.dtype(a.dtype))) for name, a in arrays.items()} == {
        "scalar": ((), "float32"),
        "empty": ((0, 3), "float32"),
        "int32 scalar": ((), "int32"),
        "matrix": ((2, 2), "float32"),
        "bool": ((3,), "bool"),
    }
    assert (arrays["scalar"].asnumpy(), arrays["int32 scalar"].asnumpy()) == (2.5, 7)
    assert arrays["bool"].asnumpy().tolist() == [True, False, True]


@pytest.mark.parametrize("version", VERSIONS[2:])
def test_sparse_arrays_are_read_or_refused(version):
    """Their values, or one line that says what the file holds where arrays of other storage kinds cannot be loaded."""
    try:
        arrays = mx.nd.load(str(GOLDEN / version / "sparse.params"))
    except mx.MXNetError as error:
        assert re.fullmatch(r"\[load\] .*sparse\.params, byte \d+: expected a dense array, got storage type [12]", str(error))
        return
    rows, table = np.zeros((6, 2)), np.zeros((4, 5))
    rows[[1, 4]] = [[1, 2], [3, 4]]
    table[0, 3], table[2, 1], table[2, 4] = 1.5, -2, 7
    expected = {"row_sparse": rows, "csr": table, "no rows": np.zeros((3, 2)), "no values": np.zeros((3, 2)), "dense": rows}
    assert set(arrays) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name].asnumpy(), value, err_msg=name)
    assert [arrays[name].stype for name in ("row_sparse", "csr", "no rows", "no values", "dense")] == ["row_sparse", "csr", "row_sparse", "csr", "default"]
