"""Sparse arrays: storage, operators, gradients, optimizers, files, bound graphs, stores. Numbers in tables were given by MXNet 1.9.1."""

import pathlib
import pickle
import sys
import types

import mixnet as mx
import numpy as np
import pytest
from mixnet import autograd, nd
from mixnet.base import MXNetError

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "data" / "golden"
DENSE = np.array([[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]], "float32")


def dense():
    return nd.array(DENSE)


def csr():
    return dense().tostype("csr")


def rows():
    return dense().tostype("row_sparse")


def gradient_rows():
    return nd.sparse.row_sparse_array((np.array([[1, 2], [3, -4]], "float32"), [1, 3]), shape=(4, 2))


# ---- storage --------------------------------------------------------------------------------------------------------


def test_parts_and_conversions():
    c, r = csr(), rows()
    assert type(c) is nd.sparse.CSRNDArray and type(r) is nd.sparse.RowSparseNDArray
    assert (c.stype, r.stype, dense().stype) == ("csr", "row_sparse", "default")
    assert c.data.asnumpy().tolist() == [1, 2, 3, 4]
    assert c.indices.asnumpy().tolist() == [1, 3, 0, 3]
    assert c.indptr.asnumpy().tolist() == [0, 2, 2, 4]
    assert c.indices.dtype == np.int64
    assert r.indices.asnumpy().tolist() == [0, 2]
    assert r.data.asnumpy().tolist() == DENSE[[0, 2]].tolist()
    for kind in ("default", "row_sparse", "csr"):
        for x in (dense(), c, r):
            assert x.tostype(kind).stype == kind
            np.testing.assert_array_equal(x.tostype(kind).asnumpy(), DENSE)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16", "int32", "int64", "uint8", "int8", "bool"])
def test_every_dtype(dtype):
    x = nd.array(DENSE, dtype=dtype)
    for kind in ("row_sparse", "csr"):
        np.testing.assert_array_equal(x.tostype(kind).asnumpy(), x.asnumpy())


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 3)])
def test_arrays_that_store_nothing(shape):
    for kind in ("row_sparse", "csr"):
        x = nd.sparse.zeros(kind, shape)
        assert x.data.shape[0] == 0 and x.shape == shape
        np.testing.assert_array_equal(x.asnumpy(), np.zeros(shape))
        np.testing.assert_array_equal((x + x).asnumpy(), np.zeros(shape))


def test_making_csr():
    c = nd.sparse.csr_matrix(([1.0, 2, 3], [0, 2, 1], [0, 2, 2, 3]), shape=(3, 4))
    assert c.asnumpy().tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [0, 3, 0, 0]]
    assert c[1:3].indptr.asnumpy().tolist() == [0, 0, 1]
    assert c[0].shape == (1, 4) and c[-1].asnumpy().tolist() == [[0, 3, 0, 0]]
    assert c[0:3, 1:3].asnumpy().tolist() == [[0, 2], [0, 0], [3, 0]]
    assert nd.sparse.csr_matrix(([1.0, 2, 5], ([0, 1, 0], [1, 0, 1])), shape=(2, 2)).asnumpy().tolist() == [[0, 6], [2, 0]]
    assert nd.sparse.csr_matrix((2, 3)).asnumpy().tolist() == [[0] * 3] * 2
    assert nd.sparse.csr_matrix(([1.0, 2], [2, 1], [0, 2]), shape=(1, 3)).indices.asnumpy().tolist() == [1, 2]
    assert nd.sparse.csr_matrix(np.array([[1, 0]], "int32")).dtype == np.int32
    with pytest.raises(ValueError, match="without steps"):
        c[::2]
    with pytest.raises(IndexError, match="out of bounds"):
        c[3]


def test_making_rows():
    r = nd.sparse.row_sparse_array(([[1.0, 2], [3, 4]], [3, 1]))
    assert r.shape == (4, 2) and r.indices.asnumpy().tolist() == [1, 3]
    assert r.data.asnumpy().tolist() == [[3, 4], [1, 2]]
    assert nd.sparse.row_sparse_array(np.eye(3)).dtype == np.float64
    r[:] = 5
    assert r.asnumpy().tolist() == [[5, 5]] * 4
    assert nd.sparse.retain(rows(), nd.array([0, 1])).indices.asnumpy().tolist() == [0, 1]
    assert rows().retain(nd.array([2])).asnumpy().tolist() == [[0] * 4, [0] * 4, [3, 0, 0, 4]]


@pytest.mark.parametrize(
    ("parts", "shape", "message"),
    [
        (([1.0], [5], [0, 1]), (1, 3), r"indices: expected values in \[0, 3\), got 5"),
        (([1.0], [0], [0, 2]), (1, 3), "indptr: expected 0 to 1"),
        (([1.0], [0], [0, 1]), (4, 3), "indptr: expected"),
        (([1.0, 2], [0], [0, 1]), (1, 3), "data: expected"),
        (([1.0, 2], [0, 1], [0, 2, 1, 2]), (3, 3), "ascending"),
    ],
)
def test_wrong_parts_are_errors(parts, shape, message):
    with pytest.raises(MXNetError, match=message):
        nd.sparse.csr_matrix(parts, shape=shape)


def test_other_errors():
    with pytest.raises(MXNetError, match="every row once"):
        nd.sparse.row_sparse_array(([[1.0], [2]], [1, 1]), shape=(3, 1))
    with pytest.raises(MXNetError, match="stype|expected 'default'"):
        dense().tostype("coo")
    with pytest.raises(MXNetError, match="dense array"):
        csr().reshape((4, 3))
    with pytest.raises(MXNetError, match="dimensions"):
        nd.ones((2, 2, 2)).tostype("csr")
    with pytest.raises(ValueError, match="number"):
        csr()[:] = 5


def test_scipy_matrices(monkeypatch):
    """By what scipy.sparse.csr_matrix has, which is all that is used of it."""

    class ScipyMatrix:
        def __init__(self, parts, shape, dtype=None):
            self.data, self.indices, self.indptr = parts
            self.shape, self.dtype = shape, dtype

        def tocsr(self):
            return self

        def sum_duplicates(self):
            pass

    ScipyMatrix.__module__ = "scipy.sparse._csr"
    module = types.ModuleType("scipy.sparse")
    module.csr_matrix = ScipyMatrix
    monkeypatch.setitem(sys.modules, "scipy", types.ModuleType("scipy"))
    monkeypatch.setitem(sys.modules, "scipy.sparse", module)
    matrix = csr().asscipy()
    assert (matrix.shape, matrix.dtype, matrix.data.tolist()) == ((3, 4), np.float32, [1, 2, 3, 4])
    for made in (nd.array(matrix), nd.sparse.array(matrix), nd.sparse.csr_matrix(matrix)):
        assert made.stype == "csr"
        np.testing.assert_array_equal(made.asnumpy(), DENSE)


def test_copies_and_pickles():
    c = csr()
    for x in (c, rows()):
        for other in (x.copy(), pickle.loads(pickle.dumps(x)), nd.array(x), x.astype("float64")):
            assert other.stype == x.stype
            np.testing.assert_array_equal(other.asnumpy(), x.asnumpy())
    target = nd.sparse.zeros("csr", (3, 4))
    dense().copyto(target)
    np.testing.assert_array_equal(target.asnumpy(), DENSE)
    target[:] = rows()
    np.testing.assert_array_equal(target.asnumpy(), DENSE)


# ---- operators ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda c, r, d: nd.dot(c, nd.ones((4, 2))), "default"),
        (lambda c, r, d: nd.dot(c, nd.ones((3, 2)), transpose_a=True), "row_sparse"),
        (lambda c, r, d: nd.dot(c, nd.ones((3, 2)), transpose_a=True, forward_stype="default"), "default"),
        (lambda c, r, d: nd.dot(c, nd.ones((4, 2)).tostype("row_sparse")), "default"),
        (lambda c, r, d: nd.dot(nd.ones((2, 3)), c), "csr"),
        (lambda c, r, d: nd.dot(nd.ones((2, 3)), c, forward_stype="default"), "default"),
        (lambda c, r, d: nd.dot(nd.ones((2, 4)), c, transpose_b=True), "default"),
        (lambda c, r, d: c + c, "csr"),
        (lambda c, r, d: r - r * 3, "row_sparse"),
        (lambda c, r, d: c * c, "csr"),
        (lambda c, r, d: r * d, "row_sparse"),
        (lambda c, r, d: d * c, "csr"),
        (lambda c, r, d: c + d, "default"),
        (lambda c, r, d: d - r, "default"),
        (lambda c, r, d: c / 2, "csr"),
        (lambda c, r, d: c > 1, "csr"),
        (lambda c, r, d: c + 1, "default"),
        (lambda c, r, d: 2 - c, "default"),
        (lambda c, r, d: nd.add_n(r, r, r), "row_sparse"),
        (lambda c, r, d: nd.clip(r, -1, 1), "row_sparse"),
        (lambda c, r, d: nd.clip(c, 1, 2), "default"),
        (lambda c, r, d: nd.sqrt(c), "csr"),
        (lambda c, r, d: nd.tanh(r), "row_sparse"),
        (lambda c, r, d: nd.exp(c), "default"),
        (lambda c, r, d: nd.zeros_like(r), "row_sparse"),
        (lambda c, r, d: nd.sum(c, axis=0), "default"),
        (lambda c, r, d: nd.mean(c, axis=1), "default"),
        (lambda c, r, d: nd.norm(c, axis=0), "default"),
        (lambda c, r, d: nd.norm(r), "default"),
        (lambda c, r, d: nd.sum(r, axis=0), "default"),
        (lambda c, r, d: nd._square_sum(r, axis=1), "default"),
        (lambda c, r, d: nd.slice(c, begin=(1,), end=(3,)), "csr"),
        (lambda c, r, d: nd.slice(c, begin=(0, 1), end=(3, 3)), "csr"),
        (lambda c, r, d: nd._scatter_elemwise_div(r, d + 1), "row_sparse"),
        (lambda c, r, d: nd.softmax(c), "default"),
        (lambda c, r, d: nd.concat(c, r, dim=0), "default"),
    ],
)
def test_values_and_kinds(function, kind):
    """The same numbers as on dense arrays, in the storage kind that MXNet gives."""
    result = function(csr(), rows(), dense())
    assert result.stype == kind
    np.testing.assert_allclose(result.asnumpy(), function(dense(), dense(), dense()).asnumpy(), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_dot_of_random_matrices(dtype):
    random = np.random.default_rng(1)
    a = random.standard_normal((37, 23)) * (random.random((37, 23)) < 0.2)
    for ta, b_shape in ((False, (23, 19)), (True, (37, 19))):
        b = random.standard_normal(b_shape)
        got = nd.dot(nd.array(a, dtype=dtype).tostype("csr"), nd.array(b, dtype=dtype), transpose_a=ta)
        np.testing.assert_allclose(got.asnumpy(), (a.T if ta else a) @ b, atol=2e-2 if dtype == "float16" else 1e-5)


def test_what_only_sparse_arrays_have():
    c, r = csr(), rows()
    assert nd._scatter_plus_scalar(r, scalar=2).asnumpy().tolist() == [[2, 3, 2, 4], [0] * 4, [5, 2, 2, 6]]
    assert nd._scatter_minus_scalar(c, scalar=2).asnumpy().tolist() == [[0, -1, 0, 0], [0] * 4, [1, 0, 0, 2]]
    assert nd._contrib_getnnz(c).asnumpy().tolist() == [4]
    assert nd._contrib_getnnz(c, axis=1).asnumpy().tolist() == [2, 0, 2]
    assert nd._contrib_edge_id(c, nd.array([0, 1, 2]), nd.array([1, 1, 3])).asnumpy().tolist() == [1, -1, 4]


def test_boolean_mask_waits_for_its_shape():
    x = dense()
    assert nd._contrib_boolean_mask(x, nd.array([1, 0, 1])).shape == (2, 4)
    assert nd._contrib_boolean_mask(x, nd.array([0, 0, 0])).shape == (0, 4)
    np.testing.assert_array_equal(nd._contrib_boolean_mask(x, nd.array([1, 0, 1, 1]), axis=1).asnumpy(), DENSE[:, [0, 2, 3]])
    x.attach_grad()
    with autograd.record():
        y = nd._contrib_boolean_mask(x, nd.array([1, 0, 1])) * 2
    y.backward()
    assert x.grad.asnumpy().tolist() == [[2] * 4, [0] * 4, [2] * 4]
    net = mx.sym._contrib_boolean_mask(mx.sym.Variable("x"), mx.sym.Variable("m"))
    with pytest.raises(MXNetError, match="known only after it has run"):
        net.simple_bind(mx.cpu(), x=(3, 4), m=(3,))


# ---- gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transposed", "stored"), [(False, [0, 1, 3]), (True, [0, 2])])
def test_gradient_of_dot(transposed, stored):
    w = nd.ones((3 if transposed else 4, 2))
    expected = DENSE.sum(axis=1 if transposed else 0)
    for kind in (None, "row_sparse"):
        w.attach_grad(stype=kind)
        with autograd.record():
            y = nd.dot(csr(), w, transpose_a=transposed)
        y.backward()
        assert w.grad.stype == (kind or "default")
        np.testing.assert_array_equal(w.grad.asnumpy(), np.stack([expected] * 2, 1))
    assert w.grad.indices.asnumpy().tolist() == stored


def test_gradient_of_embedding():
    w = nd.ones((5, 2))
    w.attach_grad(stype="row_sparse")
    for _ in range(2):
        with autograd.record():
            y = nd.Embedding(nd.array([1, 3, 1]), w, input_dim=5, output_dim=2, sparse_grad=True)
        y.backward()
        assert w.grad.indices.asnumpy().tolist() == [1, 3]
        assert w.grad.data.asnumpy().tolist() == [[2, 2], [1, 1]]


def test_gradients_are_added():
    w = nd.ones((5, 2))
    w.attach_grad("add", stype="row_sparse")
    for ids in ([1, 3], [3, 4]):
        with autograd.record():
            y = nd.Embedding(nd.array(ids), w, input_dim=5, output_dim=2, sparse_grad=True)
        y.backward()
    assert w.grad.stype == "row_sparse"
    assert w.grad.asnumpy()[:, 0].tolist() == [0, 1, 0, 2, 1]


def test_own_kind_of_gradient():
    w = nd.ones((4, 2)).tostype("row_sparse")
    w.attach_grad()
    assert w.grad.stype == "row_sparse"


# ---- optimizers -----------------------------------------------------------------------------------------------------

# weight arange(8), states one, gradient rows 1 and 3: the weight, then the states.
STEPS = [
    ("sgd_update", 0, {"wd": 0.1, "rescale_grad": 0.5, "clip_gradient": 0.9}, True, [[0, 1, 1.93, 2.88, 4, 5, 5.85, 7.02]]),
    ("sgd_update", 0, {"wd": 0.1, "rescale_grad": 0.5, "clip_gradient": 0.9}, False, [[0, 0.99, 1.93, 2.88, 3.96, 4.95, 5.85, 7.02]]),
    ("sgd_mom_update", 1, {"wd": 0.1, "momentum": 0.9}, True, [[0, 1, 2.78, 3.67, 4, 5, 6.54, 8.23], [1, 1, 0.78, 0.67, 1, 1, 0.54, 1.23]]),
    (
        "sgd_mom_update",
        1,
        {"wd": 0.1, "momentum": 0.9},
        False,
        [[0.9, 1.89, 2.78, 3.67, 4.86, 5.85, 6.54, 8.23], [0.9, 0.89, 0.78, 0.67, 0.86, 0.85, 0.54, 1.23]],
    ),
    (
        "adam_update",
        2,
        {"wd": 0.1},
        True,
        [
            [0, 1, 1.8980224, 2.8872416, 4, 5, 5.8747468, 6.9432798],
            [1, 1, 1.02, 1.13, 1, 1, 1.26, 0.57],
            [1, 1, 1.00044, 1.00429, 1, 1, 1.01195979, 1.00988984],
        ],
    ),
]


@pytest.mark.parametrize(("name", "states", "params", "lazy", "expected"), STEPS)
@pytest.mark.parametrize("kind", ["default", "row_sparse"])
def test_lazy_steps(name, states, params, lazy, expected, kind):
    weight = nd.array(np.arange(8).reshape(4, 2), dtype="float32").tostype(kind)
    made = [nd.ones((4, 2)) for _ in range(states)]
    getattr(nd, name)(weight, gradient_rows(), *made, lr=0.1, lazy_update=lazy, out=weight, **params)
    for got, wanted in zip([weight, *made], expected):
        np.testing.assert_allclose(got.asnumpy().ravel(), wanted, rtol=1e-5)


def test_ftrl_and_adagrad():
    start = nd.array(np.arange(8).reshape(4, 2) + 1, dtype="float32").tostype("row_sparse")
    z, n = (nd.ones((4, 2)).tostype("row_sparse") for _ in range(2))
    weight = start.copy()
    nd.ftrl_update(weight, gradient_rows(), z, n, lr=0.1, wd=0.1, out=weight)
    np.testing.assert_allclose(weight.asnumpy().ravel(), [1, 2, 0.42968184, 1.43042982, 5, 6, 3.53163099, 4.92564297], rtol=1e-5)
    np.testing.assert_allclose(z.asnumpy().ravel(), [1, 1, -10.4264059, -46.4427185, 1, 1, -147.359436, -252.848434], rtol=1e-5)
    history = nd.ones((4, 2))
    weight = start.tostype("default")
    nd.sparse.adagrad_update(weight, gradient_rows(), history, lr=0.1, epsilon=1e-5, out=weight)
    np.testing.assert_allclose(weight.asnumpy().ravel(), [1, 2, 2.92928958, 3.91055727, 5, 6, 6.90513182, 8.09701443], rtol=1e-6)
    assert history.asnumpy().ravel().tolist() == [1, 1, 2, 5, 1, 1, 10, 17]
    weight, history = nd.array(np.arange(8).reshape(4, 2), dtype="float32"), nd.ones((4, 1))
    nd._contrib_group_adagrad_update(weight, gradient_rows(), history, lr=0.1, out=weight)
    np.testing.assert_allclose(weight.asnumpy().ravel(), [0, 1, 1.94654787, 2.89309573, 4, 5, 5.91835022, 7.10886621], rtol=1e-6)
    with pytest.raises(MXNetError, match="wd"):
        nd.sparse.adagrad_update(weight, gradient_rows(), nd.ones((4, 2)), lr=0.1, wd=0.1)


# Two updates of a weight of arange(8) + 1.
OPTIMIZERS = [
    ("sgd", {"wd": 0.1}, [1, 2, 2.7413001, 3.5223999, 5, 6, 6.2637, 8.6367998]),
    ("sgd", {"wd": 0.1, "momentum": 0.9}, [1, 2, 2.6243, 3.3064001, 5, 6, 5.9306998, 8.9247999]),
    ("sgd", {"wd": 0.1, "momentum": 0.9, "lazy_update": False}, [0.97109997, 1.9421999, 2.6243, 3.3064001, 4.8555, 5.8266001, 5.9306998, 8.9247999]),
    ("adam", {"wd": 0.1}, [1, 2, 2.8000199, 3.8000099, 5, 6, 6.8000059, 8.1999931]),
    ("adam", {"wd": 0.1, "lazy_update": False}, [0.80041099, 1.80016506, 2.80002, 3.80001, 4.80005693, 5.80004597, 6.8000059, 8.1999931]),
    ("adagrad", {}, [1, 2, 2.8292899, 3.8292899, 5, 6, 6.8292899, 8.1707125]),
    ("groupadagrad", {}, [1, 2, 2.8920331, 3.784066, 5, 6, 6.8551478, 8.1931372]),
]


@pytest.mark.parametrize(("name", "params", "expected"), OPTIMIZERS)
@pytest.mark.parametrize("kind", ["default", "row_sparse"])
def test_python_optimizers(name, params, expected, kind):
    updater = mx.optimizer.get_updater(mx.optimizer.create(name, learning_rate=0.1, **params))
    weight = nd.array(np.arange(8).reshape(4, 2) + 1, dtype="float32").tostype(kind)
    for _ in range(2):
        updater(0, gradient_rows(), weight)
    np.testing.assert_allclose(weight.asnumpy().ravel(), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["ftrl", "nag", "rmsprop"])
def test_other_optimizers_take_the_gradient_as_a_dense_one(name):
    results = []
    for gradient in (gradient_rows(), gradient_rows().tostype("default")):
        updater = mx.optimizer.get_updater(mx.optimizer.create(name, learning_rate=0.1))
        weight = nd.ones((4, 2))
        updater(0, gradient, weight)
        results.append(weight.asnumpy())
    np.testing.assert_array_equal(*results)


# ---- files ----------------------------------------------------------------------------------------------------------


def test_files(tmp_path):
    path = str(tmp_path / "sparse.params")
    nd.save(path, {"c": csr(), "r": rows(), "d": dense(), "z": nd.sparse.zeros("csr", (2, 3), dtype="float64")})
    loaded = nd.load(path)
    assert {name: x.stype for name, x in loaded.items()} == {"c": "csr", "r": "row_sparse", "d": "default", "z": "csr"}
    for name in "crd":
        np.testing.assert_array_equal(loaded[name].asnumpy(), DENSE)
    data = open(path, "rb").read()
    random = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(data)
        broken[random.integers(len(broken))] ^= 1 << int(random.integers(8))
        try:
            for x in nd.load_frombuffer(bytes(broken)).values():
                x.asnumpy() if x.size < 1000 else x.wait_to_read()
        except (MXNetError, AttributeError, UnicodeDecodeError, ValueError):
            pass
    for length in range(0, len(data), 7):
        with pytest.raises(MXNetError):
            nd.load_frombuffer(data[:length])


@pytest.mark.parametrize("version", ["0.12.0", "1.0.0", "1.9.1"])
def test_files_that_mxnet_wrote(version):
    loaded = nd.load(str(GOLDEN / version / "sparse.params"))
    rows_there, table = np.zeros((6, 2)), np.zeros((4, 5))
    rows_there[[1, 4]] = [[1, 2], [3, 4]]
    table[0, 3], table[2, 1], table[2, 4] = 1.5, -2, 7
    nothing = np.zeros((3, 2))
    expected = {"row_sparse": rows_there, "csr": table, "no rows": nothing, "no values": nothing, "dense": rows_there}
    kinds = {"row_sparse": "row_sparse", "csr": "csr", "no rows": "row_sparse", "no values": "csr", "dense": "default"}
    assert {name: array.stype for name, array in loaded.items()} == kinds
    for name, values in expected.items():
        np.testing.assert_array_equal(loaded[name].asnumpy(), values)


# ---- bound graphs ---------------------------------------------------------------------------------------------------


def test_bound_linear_model():
    x, w = mx.sym.var("x", stype="csr"), mx.sym.var("w", stype="row_sparse")
    assert x.attr("__storage_type__") == "2"
    bound = mx.sym.dot(x, w).simple_bind(mx.cpu(), x=(3, 4), w=(4, 2), grad_req={"x": "null", "w": "write"})
    assert {n: a.stype for n, a in bound.arg_dict.items()} == {"x": "csr", "w": "row_sparse"}
    assert bound.grad_dict["w"].stype == "row_sparse"
    bound.arg_dict["x"][:] = csr()
    bound.arg_dict["w"][:] = nd.ones((4, 2))
    for _ in range(2):
        (out,) = bound.forward(is_train=True)
        bound.backward(nd.ones((3, 2)))
        np.testing.assert_array_equal(out.asnumpy(), DENSE @ np.ones((4, 2)))
        assert bound.grad_dict["w"].indices.asnumpy().tolist() == [0, 1, 3]
        assert bound.grad_dict["w"].asnumpy()[:, 0].tolist() == [3, 1, 0, 6]
    (out,) = bound.forward(is_train=False)
    np.testing.assert_array_equal(out.asnumpy(), DENSE @ np.ones((4, 2)))


def test_kinds_of_arguments_may_be_given_to_simple_bind():
    net = mx.sym.dot(mx.sym.var("x"), mx.sym.var("w"))
    bound = net.simple_bind(mx.cpu(), x=(3, 4), w=(4, 2), stype_dict={"x": "csr"})
    assert (bound.arg_dict["x"].stype, bound.grad_dict["w"].stype) == ("csr", "row_sparse")
    with pytest.raises(MXNetError, match="stype_dict"):
        net.simple_bind(mx.cpu(), x=(3, 4), w=(4, 2), stype_dict={"x": "coo"})


def test_replayed_functions_make_sparse_arrays_dense():
    w = nd.ones((4, 2))
    w.attach_grad()
    function = mx.jit(lambda x, w: nd.dot(x, w) * 2)
    with autograd.record():
        y = function(csr(), w)
    y.backward()
    np.testing.assert_array_equal(y.asnumpy(), 2 * DENSE @ np.ones((4, 2)))
    np.testing.assert_array_equal(w.grad.asnumpy()[:, 0], 2 * DENSE.sum(axis=0))


@pytest.mark.parametrize("request_kind", ["write", "add"])
def test_bound_embedding(request_kind):
    net = mx.sym.Embedding(mx.sym.var("i"), mx.sym.var("w"), input_dim=5, output_dim=2, sparse_grad=True)
    bound = net.simple_bind(mx.cpu(), i=(3,), w=(5, 2), grad_req={"i": "null", "w": request_kind})
    assert bound.grad_dict["w"].stype == "row_sparse"
    bound.arg_dict["i"][:] = [1, 3, 1]
    for _ in range(2):
        bound.forward(is_train=True)
        bound.backward(nd.ones((3, 2)))
    times = 2 if request_kind == "add" else 1
    assert bound.grad_dict["w"].indices.asnumpy().tolist() == [1, 3]
    assert bound.grad_dict["w"].data.asnumpy().tolist() == [[2 * times] * 2, [times] * 2]


def test_bound_graph_makes_sparse_arrays_dense_where_it_must():
    x = mx.sym.var("x")
    net = mx.sym.cast_storage(mx.sym.softmax(x) + mx.sym.square(x), stype="csr")
    bound = net.bind(mx.cpu(), {"x": csr()}, args_grad={"x": nd.zeros((3, 4))})
    (out,) = bound.forward(is_train=True)
    assert out.stype == "csr"
    expected = nd.softmax(dense()) + nd.square(dense())
    np.testing.assert_allclose(out.asnumpy(), expected.asnumpy(), rtol=1e-6)
    bound.backward(nd.ones((3, 4)))
    np.testing.assert_allclose(bound.grad_dict["x"].asnumpy(), 2 * DENSE, atol=1e-6)


# ---- iterators and stores -------------------------------------------------------------------------------------------


def test_iterator_over_csr():
    data = np.eye(5, 3, dtype="float32")
    batches = list(mx.io.NDArrayIter(nd.sparse.csr_matrix(data), nd.arange(5), 2, last_batch_handle="discard"))
    assert [b.data[0].stype for b in batches] == ["csr"] * 2
    np.testing.assert_array_equal(np.concatenate([b.data[0].asnumpy() for b in batches]), data[:4])


def test_store():
    store = mx.kv.create("local")
    store.init("w", nd.ones((4, 2)).tostype("row_sparse"))
    out = nd.sparse.zeros("row_sparse", (4, 2))
    store.row_sparse_pull("w", out, row_ids=nd.array([3, 1, 3]))
    assert out.indices.asnumpy().tolist() == [1, 3] and out.asnumpy().sum() == 4
    store.set_optimizer(mx.optimizer.SGD(learning_rate=0.1))
    store.push("w", [gradient_rows(), gradient_rows()])
    dense_out = nd.zeros((4, 2))
    store.pull("w", dense_out)
    np.testing.assert_allclose(dense_out.asnumpy(), [[1, 1], [0.8, 0.6], [1, 1], [0.4, 1.8]], rtol=1e-6)
