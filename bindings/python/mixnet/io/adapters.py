"""Iterators over what other libraries hold: numpy arrays, pandas frames, Arrow tables and Parquet files. Packages are loaded at first use.

`mx.gluon.data` has functions of these names that give datasets.
"""

from .columns import choose, column_values, columns_of, joined, package
from .parquet_rows import ParquetRows, parquet_paths, table_arrays
from .row_iter import RowIter
from .rows import ArrayRows, named_arrays


def from_numpy(data, label=None, batch_size=1, shuffle=False, last_batch_handle="pad", data_name="data", label_name="softmax_label"):
    """Batches of numpy arrays along their first axis.

    Unlike NDArrayIter it copies batches alone, so that np.memmap and large arrays stay where they are, and keeps dtypes (float64 becomes float32).

    Parameters
    ----------
    data, label : array, list of arrays, or dict from name to array
    batch_size, shuffle, last_batch_handle :
        As those of RowIter.
    data_name, label_name : str
        Names of unnamed arrays.
    """
    return RowIter(numpy_rows(data, label, data_name, label_name), batch_size, shuffle, last_batch_handle)


def from_pandas(
    frame, data=None, label=None, batch_size=1, shuffle=False, last_batch_handle="pad", data_name="data", label_name="softmax_label", dtype="float32"
):
    """Batches of a pandas DataFrame.

    Parameters
    ----------
    frame : pandas.DataFrame
    data, label : str, list of str, or dict from name to such
        Columns: one gives (batch,), a list (batch, columns), a dict several arrays. `data` None is all that `label` does not take.
    batch_size, shuffle, last_batch_handle :
        As those of RowIter.
    dtype :
        Of all arrays. Missing values are NaN.

    Raises
    ------
    MXNetError
        For columns that are not there or hold no numbers, and without pandas.
    """
    return RowIter(pandas_rows(frame, data, label, data_name, label_name, dtype), batch_size, shuffle, last_batch_handle)


def from_arrow(
    source, data=None, label=None, batch_size=1, shuffle=False, last_batch_handle="pad", data_name="data", label_name="softmax_label", dtype="float32"
):
    """Batches of an Arrow table or of Parquet files; of these one row group is in memory at a time.

    Parameters
    ----------
    source : pyarrow.Table, pyarrow.RecordBatch, path or URI of a Parquet file, path of a folder of them, or list of paths and URIs
    data, label, dtype :
        As those of `from_pandas`. A column may hold lists of one length.
    batch_size, last_batch_handle :
        As those of RowIter.
    shuffle : bool
        A new order of row groups, and of the rows in each, in every epoch: rows of different groups do not mix.

    Raises
    ------
    MXNetError
        For files that are missing or damaged, columns that are not there or hold no numbers, and without pyarrow.
    """
    return RowIter(arrow_rows(source, data, label, data_name, label_name, dtype), batch_size, shuffle, last_batch_handle)


def numpy_rows(data, label, data_name="data", label_name="softmax_label"):
    """The rows of `from_numpy`."""
    named = named_arrays(data, data_name)
    if not named:
        raise ValueError("[from_numpy] data: expected an array, a list or a dict of them, got none")
    return ArrayRows(named, named_arrays(label, label_name))


def pandas_rows(frame, data, label, data_name="data", label_name="softmax_label", dtype="float32"):
    """The rows of `from_pandas`."""
    pandas = package("from_pandas", "pandas", "data")
    if not isinstance(frame, pandas.DataFrame):
        raise TypeError(f"[from_pandas] frame: expected a pandas.DataFrame, got {type(frame).__name__}")
    chosen, labels = choose("from_pandas", list(frame.columns), data, label, data_name, label_name)
    values = {column: column_values("from_pandas", column, _pandas_values(frame[column]), dtype) for column in columns_of(chosen + labels)}

    def named(choices):
        return [(name, joined(columns, values)) for name, columns in choices]

    return ArrayRows(named(chosen), named(labels))


def arrow_rows(source, data, label, data_name="data", label_name="softmax_label", dtype="float32"):
    """The rows of `from_arrow`."""
    arrow = package("from_arrow", "pyarrow", "data")
    if isinstance(source, arrow.RecordBatch):
        source = arrow.Table.from_batches([source])
    if not isinstance(source, arrow.Table):
        return ParquetRows(parquet_paths(source), data, label, data_name, label_name, dtype)
    chosen, labels = choose("from_arrow", source.column_names, data, label, data_name, label_name)
    arrays = table_arrays(source, chosen + labels, dtype)
    named = [(name, array) for (name, _), array in zip(chosen + labels, arrays)]
    return ArrayRows(named[: len(chosen)], named[len(chosen) :])


def _pandas_values(column):
    """A column as numpy array; missing values of pandas' own types as NaN."""
    if hasattr(column.dtype, "na_value") and getattr(column.dtype, "kind", "O") in "biuf":
        return column.to_numpy(dtype="float64", na_value=float("nan")) if column.isna().any() else column.to_numpy()
    return column.to_numpy()
