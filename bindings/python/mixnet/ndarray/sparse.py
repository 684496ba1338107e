"""mx.nd.sparse: arrays that store only some rows (row_sparse) or some elements (csr), and functions on them.

Operators without a kernel for sparse arrays make dense ones of them first; the profiler counts these as "storage fallbacks".
"""

import numpy as np

from ..base import DTYPES, MXNetError, check, dtype_name, fast, ffi, lib
from ..context import Context, current_context
from . import gen_op
from .ndarray import _NUMBERS, NDArray, _classes, _op, _shape_arg, arithmetic
from .ndarray import array as _dense_array
from .ndarray import empty as _empty_dense
from .ndarray import invoke

_STORAGE = {"row_sparse": 1, "csr": 2}
_NAMES = {number: name for name, number in _STORAGE.items()}
# Functions of two arrays of equal shape that have sparse kernels.
_ELEMWISE = {"broadcast_add": "elemwise_add", "broadcast_sub": "elemwise_sub", "broadcast_mul": "elemwise_mul", "broadcast_div": "elemwise_div"}


def _create(storage, shape, dtype, data=None, indices=None, indptr=None):
    out = ffi.new("mxn_ndarray_t **")
    parts = [ffi.NULL if part is None else part._h for part in (data, indices, indptr)]
    check(lib.mxn_ndarray_create_sparse(storage, list(shape), len(shape), DTYPES[dtype_name(dtype)], *parts, out))
    return NDArray(out[0])


def _binary(left, right, names):
    """left op right with at least one sparse array; of equal shapes by the operators that know sparse arrays."""
    same = isinstance(left, NDArray) and isinstance(right, NDArray) and left.shape == right.shape
    if same and names[0] in _ELEMWISE:
        return invoke(_op(_ELEMWISE[names[0]]), (left, right), {})
    return arithmetic(left, right, names)


def _operator(*names):
    def forward(self, other):
        return _binary(self, other, names)

    def backward(self, other):
        return _binary(other, self, names)

    return forward, backward


class BaseSparseNDArray(NDArray):
    """What sparse arrays have in common. The number of stored rows or elements is known once the array is computed."""

    __slots__ = ()

    __add__, __radd__ = _operator("broadcast_add", "_plus_scalar", "_plus_scalar")
    __sub__, __rsub__ = _operator("broadcast_sub", "_minus_scalar", "_rminus_scalar")
    __mul__, __rmul__ = _operator("broadcast_mul", "_mul_scalar", "_mul_scalar")
    __truediv__, __rtruediv__ = _operator("broadcast_div", "_div_scalar", "_rdiv_scalar")

    def _in_place(self, result):
        result.copyto(self)
        return self

    def __iadd__(self, other):
        return self._in_place(self + other)

    def __isub__(self, other):
        return self._in_place(self - other)

    def __imul__(self, other):
        return self._in_place(self * other)

    def __itruediv__(self, other):
        return self._in_place(self / other)

    @property
    def stype(self):
        """'row_sparse' or 'csr'."""
        storage = ffi.new("int32_t *")
        check(lib.mxn_ndarray_storage(self._h, storage))
        return _NAMES[storage[0]]

    def _part(self, number):
        out = ffi.new("mxn_ndarray_t **")
        check(lib.mxn_ndarray_part(self._h, number, out))
        return NDArray(out[0])

    @property
    def data(self):
        """A copy of the stored values."""
        return self._part(0)

    @property
    def indices(self):
        """A copy of the numbers of the stored rows (row_sparse) or of the columns of the stored elements (csr), int64."""
        return self._part(1)

    def __repr__(self):
        return f"\n<{type(self).__name__} {'x'.join(str(s) for s in self.shape)} @{self.context}>"

    def asnumpy(self):
        """A dense numpy copy. bfloat16 comes as float32."""
        return self.tostype("default").asnumpy()

    def tostype(self, stype):
        """A copy in another storage kind: 'default', 'row_sparse' or 'csr'."""
        if stype not in ("default", *_STORAGE):
            raise MXNetError(f"[tostype] expected 'default', 'row_sparse' or 'csr', got {stype!r}")
        return invoke(_op("cast_storage", "stype"), (self,), {"stype": stype})

    def copyto(self, other):
        """Copies into another array, of any storage kind, or to a device as a fresh one of the same kind."""
        if isinstance(other, Context):
            if other.device_type == "gpu":
                raise MXNetError(f"[copyto] sparse arrays are on the CPU, got {other}")
            target = _create(_STORAGE[self.stype], self.shape, self._dtype)
            check(lib.mxn_ndarray_copy(self._h, target._h))
            return target
        return super().copyto(other)

    def copy(self):
        """A copy."""
        return self.copyto(self.context)

    def astype(self, dtype, copy=True):
        """A copy with another dtype; without `copy` the array itself when it has it already."""
        if not copy and dtype_name(dtype) == self._dtype:
            return self
        values = self.data.astype(dtype)
        return _create(_STORAGE[self.stype], self.shape, dtype, values, self.indices, self.indptr if self.stype == "csr" else None)

    def check_format(self, full_check=True):
        """Raises what went wrong in computing the array; what it stores is in order."""
        self.wait_to_read()

    def reshape(self, *shape, **kwargs):
        raise MXNetError(f"[reshape] expected a dense array, got {self.stype}")

    def __setitem__(self, key, value):
        if key != slice(None):
            raise ValueError(f"[{type(self).__name__}] expected x[:] = value: parts of sparse arrays cannot be assigned")
        if isinstance(value, _NUMBERS):
            if self.stype == "csr" and value != 0:
                raise ValueError("[CSRNDArray] expected an array, got a number")
            value = _full(self, value)
        if not isinstance(value, NDArray):
            value = array(value, dtype=self._dtype)
        if value._h != self._h:
            value.copyto(self)

    def __reduce__(self):
        parts = [self.data.asnumpy(), self.indices.asnumpy()] + ([self.indptr.asnumpy()] if self.stype == "csr" else [])
        return _from_pickle, (_STORAGE[self.stype], self.shape, self._dtype, parts)

    def to_dlpack_for_read(self):
        raise MXNetError(f"[dlpack] expected a dense array, got {self.stype}")

    to_dlpack_for_write = to_dlpack_for_read


class CSRNDArray(BaseSparseNDArray):
    """A matrix of which some elements are stored, row by row (compressed sparse rows)."""

    __slots__ = ()

    @property
    def indptr(self):
        """A copy of where each row begins among the stored elements, int64, one more than there are rows."""
        return self._part(2)

    def asscipy(self):
        """A scipy.sparse.csr_matrix."""
        from scipy.sparse import csr_matrix as scipy_matrix

        return scipy_matrix((self.data.asnumpy(), self.indices.asnumpy(), self.indptr.asnumpy()), shape=self.shape, dtype=self.dtype)

    def __getitem__(self, key):
        """Rows, and with a second slice columns, as a csr matrix; a row by its number keeps its axis."""
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) > 2 or any(isinstance(k, slice) and k.step not in (None, 1) for k in keys):
            raise ValueError("[CSRNDArray] expected slices without steps")
        begin, end = [], []
        for k, extent in zip(keys, self.shape):
            if isinstance(k, slice):
                first, last, _ = k.indices(extent)
            elif isinstance(k, (int, np.integer)) and -extent <= k < extent:
                first = int(k) % extent
                last = first + 1
            elif isinstance(k, (int, np.integer)):
                raise IndexError(f"[CSRNDArray] index {k} is out of bounds for {extent} rows")
            else:
                raise ValueError(f"[CSRNDArray] expected an integer or slices, got {type(k).__name__}")
            begin.append(first)
            end.append(max(first, last))
        return invoke(gen_op.slice_op, (self,), {"begin": tuple(begin), "end": tuple(end)})


class RowSparseNDArray(BaseSparseNDArray):
    """A tensor of which some rows are stored: gradients of embeddings, large tables."""

    __slots__ = ()

    def __getitem__(self, key):
        if key == slice(None):
            return self
        raise ValueError("[RowSparseNDArray] expected x[:]: rows are taken with retain")

    def retain(self, indices):
        """The rows in `indices` alone, the others being zero."""
        return retain(self, indices)


fast.set_sparse(RowSparseNDArray, CSRNDArray)
_classes[1:] = [RowSparseNDArray, CSRNDArray]


def _from_pickle(storage, shape, dtype, parts):
    return _create(storage, shape, dtype, _dense_array(parts[0], dtype=dtype), *[_dense_array(p, dtype="int64") for p in parts[1:]])


def _full(like, value):
    if value == 0:
        return zeros(like.stype, like.shape, dtype=like._dtype)
    return _dense_array(np.full(like.shape, value, "float32"), dtype=like._dtype)


def _is_scipy(source):
    return type(source).__module__.startswith("scipy.sparse")


def _values(source, dtype):
    if isinstance(source, NDArray):
        return source if dtype is None else source.astype(dtype, copy=False)
    own = getattr(source, "dtype", None)
    name = dtype_name(dtype if dtype is not None else own if own is not None and np.dtype(own).name in DTYPES else "float32")
    return _dense_array(np.asarray(source), dtype=name)


def _numbers(source):
    values = source.asnumpy() if isinstance(source, NDArray) else np.asarray(source)
    if values.size and not np.array_equal(values, values.astype(np.int64)):
        raise MXNetError("[sparse] indices: expected whole numbers")
    values = np.ascontiguousarray(values.astype(np.int64).reshape(-1))
    if not values.size:
        return _empty_dense((0,), dtype="int64")
    return _dense_array(values, dtype="int64")


def _is_shape(arg):
    return isinstance(arg, tuple) and len(arg) > 0 and all(isinstance(s, (int, np.integer)) for s in arg)


def csr_matrix(arg1, shape=None, ctx=None, dtype=None):
    """A CSRNDArray.

    arg1: a dense matrix (numpy, list, NDArray), a CSRNDArray or scipy matrix, (rows, columns) for one that stores nothing,
    (data, indices, indptr), or (data, (rows, columns)), where elements that are named twice are added up.
    """
    if isinstance(arg1, CSRNDArray):
        return arg1.copy() if dtype is None else arg1.astype(dtype)
    if _is_shape(arg1) and len(arg1) == 2:
        return zeros("csr", arg1, ctx, dtype)
    if _is_scipy(arg1):
        matrix = arg1.tocsr()
        matrix.sum_duplicates()
        return csr_matrix((matrix.data, matrix.indices, matrix.indptr), matrix.shape, ctx, dtype)
    if isinstance(arg1, tuple) and len(arg1) == 2:
        return _from_coordinates(*arg1, shape, ctx, dtype)
    if isinstance(arg1, tuple) and len(arg1) == 3:
        data, indices, indptr = _values(arg1[0], dtype), _numbers(arg1[1]), _numbers(arg1[2])
        if shape is None:
            shape = (indptr.size - 1, int(indices.asnumpy().max(initial=-1)) + 1)
        return _create(2, _shape_arg(shape), data._dtype, data, indices, indptr)
    return _from_dense(arg1, "csr", shape, ctx, dtype)


def _from_coordinates(values, places, shape, ctx, dtype):
    data, rows, columns = _values(values, dtype), _numbers(places[0]).asnumpy(), _numbers(places[1]).asnumpy()
    if not (data.size == rows.size == columns.size):
        raise MXNetError(f"[csr_matrix] expected as many rows and columns as values, got {rows.size}, {columns.size} and {data.size}")
    if shape is None:
        shape = (int(rows.max(initial=-1)) + 1, int(columns.max(initial=-1)) + 1)
    if rows.size and (rows.min() < 0 or rows.max() >= shape[0]):
        raise MXNetError(f"[csr_matrix] rows: expected values in [0, {shape[0]}), got {rows.min()} to {rows.max()}")
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    first = np.ones(rows.size, bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    kept = data.asnumpy()[order]
    sums = np.add.reduceat(kept, np.flatnonzero(first)) if rows.size else kept
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[first], minlength=shape[0]))])
    return csr_matrix((_dense_array(sums.astype(kept.dtype), dtype=data._dtype) if sums.size else data, columns[first], indptr), shape, ctx)


def row_sparse_array(arg1, shape=None, ctx=None, dtype=None):
    """A RowSparseNDArray.

    arg1: a dense tensor, a RowSparseNDArray, a shape for one that stores nothing, or (data, indices): rows and their numbers.
    """
    if isinstance(arg1, RowSparseNDArray):
        return arg1.copy() if dtype is None else arg1.astype(dtype)
    if _is_shape(arg1):
        return zeros("row_sparse", arg1, ctx, dtype)
    if isinstance(arg1, tuple) and len(arg1) == 2:
        data, indices = _values(arg1[0], dtype), _numbers(arg1[1])
        if shape is None:
            shape = (int(indices.asnumpy().max(initial=-1)) + 1, *data.shape[1:])
        return _create(1, _shape_arg(shape), data._dtype, data, indices)
    return _from_dense(arg1, "row_sparse", shape, ctx, dtype)


def _from_dense(source, stype, shape, ctx, dtype):
    dense = _values(source, dtype)
    if shape is not None and tuple(shape) != dense.shape:
        raise MXNetError(f"[{stype}] shape: expected {dense.shape}, got {tuple(shape)}")
    return dense.tostype(stype)


def zeros(stype, shape, ctx=None, dtype=None, **kwargs):
    """An array of zeros: one that stores nothing, or with stype 'default' a dense one."""
    if stype == "default":
        from .making import zeros as dense_zeros

        return dense_zeros(shape, ctx, dtype)
    if stype not in _STORAGE:
        raise MXNetError(f"[zeros] stype: expected 'default', 'row_sparse' or 'csr', got {stype!r}")
    where = ctx or current_context()
    if where.device_type == "gpu":
        raise MXNetError(f"[zeros] sparse arrays are on the CPU, got {where}")
    return _create(_STORAGE[stype], _shape_arg(shape), dtype or "float32")


def empty(stype, shape, ctx=None, dtype=None):
    """As zeros: a sparse array begins with nothing stored."""
    return zeros(stype, shape, ctx, dtype)


def array(source_array, ctx=None, dtype=None):
    """A sparse array of the kind of `source_array` (a sparse NDArray or a scipy matrix), or a dense one of anything else."""
    if isinstance(source_array, BaseSparseNDArray):
        return source_array.copy() if dtype is None else source_array.astype(dtype)
    if _is_scipy(source_array):
        return csr_matrix(source_array, ctx=ctx, dtype=dtype)
    return _dense_array(source_array, ctx, dtype)


def retain(data, indices, out=None):
    """The rows of a row_sparse array that `indices` names, the others being zero."""
    return invoke(_op("_sparse_retain"), (data, indices), {}, out=out)


def adagrad_update(weight, grad, history, out=None, **params):
    """An AdaGrad step in the rows of a row_sparse gradient: see mx.nd._sparse_adagrad_update."""
    return gen_op._sparse_adagrad_update(weight, grad, history, out=out, **params)


def _either(*names):
    def function(lhs, rhs):
        if isinstance(lhs, BaseSparseNDArray) or isinstance(rhs, BaseSparseNDArray):
            return _binary(lhs, rhs, names)
        return arithmetic(lhs, rhs, names)

    return function


add = _either("broadcast_add", "_plus_scalar", "_plus_scalar")
subtract = _either("broadcast_sub", "_minus_scalar", "_rminus_scalar")
multiply = _either("broadcast_mul", "_mul_scalar", "_mul_scalar")
divide = _either("broadcast_div", "_div_scalar", "_rdiv_scalar")


def __getattr__(name):
    """Every operator: those without a sparse kernel work on dense copies."""
    if not name.startswith("__") and hasattr(gen_op, name):
        return getattr(gen_op, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
