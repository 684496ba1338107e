"""A URI as a binary file object, for Python packages that read files: every read is one read of the library's source, so ask for large ones."""

import io

from ..base import MXNetError, check, ffi, lib
from .remote import read_bytes


class SourceFile(io.RawIOBase):
    """What `uri` names (http, https, s3, a registered scheme), read-only. Raises MXNetError where it cannot be read."""

    def __init__(self, uri):
        super().__init__()
        self._uri, self._place = uri, 0
        got, size = ffi.new("int64_t *"), ffi.new("int64_t *")
        check(lib.mxn_source_read(uri.encode(), 0, ffi.NULL, 0, got, size))
        self._size = size[0]

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._place

    def seek(self, offset, whence=io.SEEK_SET):
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if place < 0:
            raise MXNetError(f"[SourceFile {self._uri}] seek: expected a place of at least 0, got {place}")
        self._place = place
        return place

    def readinto(self, buffer):
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size=-1):
        left = max(self._size - self._place, 0)
        count = left if size is None or size < 0 else min(size, left)
        data = read_bytes(self._uri, self._place, count) if count else b""
        self._place += len(data)
        return data
