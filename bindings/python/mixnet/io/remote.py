"""Files that are elsewhere: what reads files (recordio, iterators) takes a path or a URI of file, http, https, s3, or of a scheme that is registered here."""

import itertools
import os
import threading

from ..base import MXNetError, _callbacks, check, ffi, lib, register_callback

__all__ = ["open_fsspec", "read_bytes", "register_scheme"]

_OPEN, _CLOSE = -1, -2
_fsspec_files, _fsspec_numbers, _fsspec_lock = {}, itertools.count(1), threading.Lock()


def register_scheme(scheme, opener):
    """From now on `scheme://...` is read through opener(uri), which gives a binary file object that can seek; None takes that back.

    It is called, and its files are read, on threads of the library: several at once, but a file by one at a time. Each reader opens a file of its own and
    closes it in the end. What opener or a file raises is raised by the reader as MXNetError. A registered scheme comes before the library's own.
    """
    if opener is None:
        check(lib.mxn_source_register(scheme.encode(), ffi.NULL, ffi.NULL, ffi.NULL))
        return
    if not callable(opener):
        raise TypeError(f"[register_scheme] opener: expected a function of a URI, got {opener!r}")
    check(lib.mxn_source_register(scheme.encode(), lib.mixnet_py_source, register_callback(_Files(opener)), lib.mixnet_py_destroy))


def open_fsspec(urlpath, **storage_options):
    """A URI for readers and iterators of what fsspec.open(urlpath, "rb", **storage_options) opens, for example "gcs://bucket/train.rec". It is opened when it
    is read. Needs the package fsspec, and what it needs for the protocol."""
    fsspec = _fsspec()
    file = fsspec.open(urlpath, "rb", **storage_options)
    with _fsspec_lock:
        if not _fsspec_files:
            register_scheme("fsspec", lambda uri: _fsspec_files[int(uri.split("/")[2])].open())
        number = next(_fsspec_numbers)
        _fsspec_files[number] = file
    return f"fsspec://{number}/{file.path.rsplit('/', 1)[-1]}"


def _fsspec():
    try:
        import fsspec
    except ImportError:
        raise MXNetError("[open_fsspec] expected the package fsspec (pip install fsspec), got none") from None
    return fsspec


def read_bytes(uri, offset=0, count=None):
    """The bytes of a path or URI, or `count` of them from offset on; fewer at the end."""
    path = os.fspath(uri).encode()
    got, size = ffi.new("int64_t *"), ffi.new("int64_t *")
    if count is None:
        check(lib.mxn_source_read(path, offset, ffi.NULL, 0, got, size))
        count = max(0, size[0] - offset)
    data = bytearray(count)
    if count:
        check(lib.mxn_source_read(path, offset, ffi.from_buffer(data), count, got, size))
        del data[got[0] :]
    return bytes(data)


class _Files:
    """The files that one opener has open, by the numbers that the library gave them."""

    def __init__(self, opener):
        self.opener, self.open = opener, {}

    def ask(self, uri, number, offset, buffer, count):
        if offset == _OPEN:
            self.open[number] = file = self.opener(uri)
            file.seek(0, os.SEEK_END)
            return file.tell()
        if offset == _CLOSE:
            file = self.open.pop(number, None)
            if file is not None:
                file.close()
            return 0
        return self.read(self.open[number], offset, ffi.buffer(buffer, count))

    def read(self, file, offset, buffer):
        file.seek(offset)
        done = 0
        while done < len(buffer):
            data = file.read(len(buffer) - done)
            if not data:
                break
            buffer[done : done + len(data)] = data
            done += len(data)
        return done


@ffi.def_extern(name="mixnet_py_source")
def _source(user, uri, file, offset, buffer, count, out_count):
    name = ""
    try:
        name = ffi.string(uri).decode("utf-8", "replace")
        out_count[0] = _callbacks[int(ffi.cast("intptr_t", user))].ask(name, file, offset, buffer, count)
        return 0
    except BaseException as error:  # noqa: B902 - nothing may cross the C frames
        what = {_OPEN: "open", _CLOSE: "close"}.get(offset, f"read at byte {offset}")
        lib.mxn_error_set(-9, f"[{what}] {name}: {type(error).__name__}: {error}".encode("utf-8", "replace"))
        return -9
