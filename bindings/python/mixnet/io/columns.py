"""Which columns of a table make which array, and their values as numbers.

A choice is the name of a column, whose array is (rows,); a list of names, (rows, names); or a dict from names of arrays to such. A column of lists of
one length counts as that many columns.
"""

import numpy as np

from ..base import MXNetError


def choose(place, names, data, label, data_name, label_name):
    """([(array, columns)] of the data, the same of the labels); `columns` is a name or a list. `data` None is all that no label takes.

    Raises MXNetError for a column that is not there, ValueError for none at all.
    """
    labels = _named(label, label_name)
    if data is None:
        taken = {column for _, columns in labels for column in _as_list(columns)}
        data = [name for name in names if name not in taken]
    chosen = _named(data, data_name)
    for column in columns_of(chosen + labels):
        if column not in names:
            raise MXNetError(f"[{place}] column: expected one of {', '.join(map(str, names))}, got {column!r}")
    if not chosen or any(not _as_list(columns) for _, columns in chosen):
        raise ValueError(f"[{place}] data: expected at least one column, got none")
    return chosen, labels


def columns_of(chosen):
    """Names of all columns, each once."""
    return list(dict.fromkeys(column for _, columns in chosen for column in _as_list(columns)))


def joined(columns, values):
    """The array of a choice, `values` being a dict of what `column_values` made."""
    if not isinstance(columns, list):
        return values[columns]
    parts = [values[column] if values[column].ndim > 1 else values[column][:, None] for column in columns]
    return np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def column_values(place, column, values, dtype):
    """Numbers of one column, an array or a list of lists of one length. A missing value is NaN, or an error where `dtype` has none."""
    try:
        values = np.asarray(values)
        if values.dtype == object and len(values) and np.ndim(values[0]):
            values = np.stack(values)
        if values.dtype.kind not in "biufO":
            raise TypeError(f"values of {values.dtype}")
        if np.dtype(dtype).kind in "biu" and values.dtype.kind in "fO" and not np.isfinite(values.astype(np.float64)).all():
            raise ValueError("missing values")
        return values.astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise MXNetError(f"[{place}] column {column}: expected numbers for {np.dtype(dtype).name}, got {error}") from None


def package(place, name, extra):
    """The package `name`, loaded at first use."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        base = name.partition(".")[0]
        raise MXNetError(f"[{place}] package: expected the Python package {base} to be installed (pip install {base}, or mixnet[{extra}])") from None


def _named(choice, default_name):
    if choice is None:
        return []
    named = list(choice.items()) if isinstance(choice, dict) else [(default_name, choice)]
    return [(name, list(columns) if isinstance(columns, (list, tuple)) else columns) for name, columns in named]


def _as_list(columns):
    return columns if isinstance(columns, list) else [columns]
