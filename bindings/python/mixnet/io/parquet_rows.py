"""Rows of Parquet files, here or behind a URI, a row group at a time. Only the columns asked for are read; memory is that of one row group."""

import os
import threading

from ..base import MXNetError
from .columns import choose, columns_of, column_values, joined, package
from .rows import describe
from .source_file import SourceFile

PLACE = "from_arrow"


class ParquetRows:
    """Row groups of `paths` in order.

    Raises MXNetError for files that are missing, damaged or without the columns, at once or when a group is read.
    """

    def __init__(self, paths, data, label, data_name, label_name, dtype):
        self._parquet = package(PLACE, "pyarrow.parquet", "data")
        self._dtype, self._lock = dtype, threading.Lock()
        self._groups, self.counts = [], []
        for path in paths:
            self._add(path)
        if not self.counts:
            raise MXNetError(f"[{PLACE}] source: expected files with at least one row, got none in {', '.join(paths)}")
        names = self._groups[0][1].schema_arrow.names
        self._data, self._label = choose(PLACE, names, data, label, data_name, label_name)
        arrays = self.read(0)
        named = [(name, array) for (name, _), array in zip(self._data + self._label, arrays)]
        self.data, self.label = describe(named[: len(self._data)]), describe(named[len(self._data) :])

    def _add(self, path):
        try:
            file = self._parquet.ParquetFile(SourceFile(path) if "://" in path else path, pre_buffer=True)
        except (OSError, ValueError, MXNetError) as error:
            raise MXNetError(f"[{PLACE}] {path}: expected a Parquet file, got {_line(error)}") from error
        for number in range(file.num_row_groups):
            rows = file.metadata.row_group(number).num_rows
            if rows:
                self._groups.append((path, file, number))
                self.counts.append(rows)

    def read(self, group):
        path, file, number = self._groups[group]
        chosen = self._data + self._label
        try:
            with self._lock:
                table = file.read_row_group(number, columns=columns_of(chosen))
        except (OSError, ValueError, MXNetError) as error:
            raise MXNetError(f"[{PLACE}] {path}, row group {number}: expected readable columns, got {_line(error)}") from error
        return table_arrays(table, chosen, self._dtype)


def parquet_paths(source):
    """Paths of one file, of those in a folder by name, or of a list of files."""
    if isinstance(source, (list, tuple)):
        return [os.fspath(path) for path in source]
    source = os.fspath(source)
    if not os.path.isdir(source):
        return [source]
    paths = sorted(os.path.join(source, name) for name in os.listdir(source) if name.endswith(".parquet"))
    if not paths:
        raise MXNetError(f"[{PLACE}] source: expected .parquet files in {source}, got none")
    return paths


def table_arrays(table, chosen, dtype):
    """The arrays of the choices from a pyarrow table."""
    missing = [column for column in columns_of(chosen) if column not in table.column_names]
    if missing:
        raise MXNetError(f"[{PLACE}] column: expected one of {', '.join(table.column_names)}, got {missing[0]!r}")
    values = {column: column_values(PLACE, column, table.column(column).to_numpy(), dtype) for column in columns_of(chosen)}
    return [joined(columns, values) for _, columns in chosen]


def _line(error):
    return " ".join(str(error).split())
