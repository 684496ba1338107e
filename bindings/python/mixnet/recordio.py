"""mx.recordio: files of records, as MXNet writes them (.rec), with an index of places (.idx), and image records."""

import collections
import io
import numbers
import os
import struct

import numpy as np

from .base import MXNetError, check, ffi, lib

__all__ = ["MXRecordIO", "MXIndexedRecordIO", "IRHeader", "pack", "unpack", "pack_img", "unpack_img"]

IRHeader = collections.namedtuple("HEADER", ["flag", "label", "id", "id2"])
HEADER = struct.Struct("<IfQQ")


class MXRecordIO:
    """Records in order. flag "r" reads, "w" writes a new file, "a" goes on at the end of one. What is read is a path or a URI (http, https, s3, a registered
    scheme). A reader may have one of num_parts shares of the file: every record belongs to one share. Used with `with`, or closed by close().

    In a forked child a reader goes on from where it was; one that is pickled begins anew.
    """

    def __init__(self, uri, flag, part_index=0, num_parts=1):
        self.uri, self.flag = os.fspath(uri), flag
        self._share = (part_index, num_parts)
        self._handle = None
        if flag not in ("r", "w", "a"):
            raise ValueError(f"[recordio] flag: expected 'r', 'w' or 'a', got {flag!r}")
        self.open()

    @property
    def writable(self):
        return self.flag != "r"

    @property
    def is_open(self):
        return self._handle is not None

    def open(self):
        """Opens the file again, from its beginning; a writer makes a new one."""
        self.close()
        path = self.uri.encode()
        if self.writable:
            out = ffi.new("mxn_record_writer_t **")
            check(lib.mxn_record_writer_create(path, self.flag == "a", out))
            self._handle = ffi.gc(out[0], lib.mxn_record_writer_free)
        else:
            out = ffi.new("mxn_record_reader_t **")
            check(lib.mxn_record_reader_create(path, *self._share, out))
            self._handle = ffi.gc(out[0], lib.mxn_record_reader_free)
            self._data = ffi.new("void **")
        self._number = ffi.new("int64_t *")

    def close(self):
        """What was written is in the file when it returns. May be called twice."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            if self.writable:
                check(lib.mxn_record_writer_flush(handle, 1))
        finally:
            ffi.release(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getstate__(self):
        if self.writable:
            raise TypeError(f"[recordio] {self.uri}: only a reader can be pickled")
        state = dict(self.__dict__, _open=self.is_open)
        for name in ("_handle", "_data", "_number"):
            state.pop(name, None)
        return state

    def __setstate__(self, state):
        is_open = state.pop("_open")
        self.__dict__.update(state, _handle=None)
        if is_open:
            self.open()

    def _need(self, writable, what):
        if self._handle is None:
            raise MXNetError(f"[recordio {what}] {self.uri}: expected an open file, got a closed one")
        if self.writable != writable:
            raise MXNetError(f"[recordio {what}] {self.uri}: expected a file opened for {'writing' if writable else 'reading'}, got flag {self.flag!r}")
        return self._handle

    def reset(self):
        """Back to the beginning; a writer begins the file anew."""
        if self.writable:
            self.open()
        else:
            check(lib.mxn_record_reader_seek(self._need(False, "reset"), -1))

    def write(self, buf):
        """Writes bytes as a record, at most 2^29 - 1; returns where it begins."""
        handle = self._need(True, "write")
        data = ffi.from_buffer(buf)
        check(lib.mxn_record_writer_write(handle, data, len(data), self._number))
        return self._number[0]

    def read(self):
        """The next record as bytes, or None at the end. What is no record raises MXNetError once and is skipped by the next call."""
        check(lib.mxn_record_reader_next(self._need(False, "read"), self._data, self._number))
        return None if self._data[0] == ffi.NULL else bytes(ffi.buffer(self._data[0], self._number[0]))

    def __iter__(self):
        """The records from here to the end."""
        return iter(self.read, None)


class MXIndexedRecordIO(MXRecordIO):
    """Records by key: an index file has a line `KEY TAB OFFSET` for each. keys lists them in order; idx is the dict of places."""

    def __init__(self, idx_path, uri, flag, key_type=int):
        self.idx_path, self.key_type = os.fspath(idx_path), key_type
        self.idx, self.keys, self._index = {}, [], None
        super().__init__(uri, flag)

    def open(self):
        super().open()
        self.idx, self.keys = {}, []
        if self.flag != "w":
            self._read_index()
        if self.writable:
            self._index = open(self.idx_path, self.flag)

    def _read_index(self):
        with self._open_index() as file:
            for number, line in enumerate(file, 1):
                key, _, place = line.rstrip("\n").partition("\t")
                try:
                    self._add(self.key_type(key), int(place))
                except ValueError:
                    raise MXNetError(f"[recordio] {self.idx_path} line {number}: expected a key, a tab and a place, got {line.rstrip()!r}") from None

    def _open_index(self):
        if "://" not in self.idx_path:
            return open(self.idx_path)
        from .io import read_bytes

        return io.StringIO(read_bytes(self.idx_path).decode())

    def _add(self, key, place):
        self.idx[key] = place
        self.keys.append(key)

    def close(self):
        try:
            super().close()
        finally:
            index, self._index = self._index, None
            if index is not None:
                index.close()

    def __getstate__(self):
        return {**super().__getstate__(), "_index": None}

    def seek(self, idx):
        """The next read gives the record with this key."""
        handle = self._need(False, "seek")
        if idx not in self.idx:
            raise KeyError(f"[recordio seek] {self.idx_path}: expected one of its {len(self.keys)} keys, got {idx!r}")
        check(lib.mxn_record_reader_seek(handle, self.idx[idx]))

    def tell(self):
        """Where the next record of a reader begins, or the next that is written."""
        tell = lib.mxn_record_writer_tell if self.writable else lib.mxn_record_reader_tell
        check(tell(self._need(self.writable, "tell"), self._number))
        return self._number[0]

    def read_idx(self, idx):
        """The record with this key."""
        self.seek(idx)
        return self.read()

    def write_idx(self, idx, buf):
        """Writes a record and its key."""
        key = self.key_type(idx)
        place = self.write(buf)
        self._index.write(f"{key}\t{place}\n")
        self._add(key, place)


def pack(header, s):
    """The bytes of an image record: header (flag, label, id, id2), then s. A label of several numbers goes behind the header as float32, and flag counts
    them; with one number flag is 0."""
    header = IRHeader(*header)
    if isinstance(header.label, numbers.Number):
        return HEADER.pack(0, header.label, header.id, header.id2) + s
    label = np.asarray(header.label, dtype=np.float32)
    return HEADER.pack(label.size, 0, header.id, header.id2) + label.tobytes() + s


def unpack(s):
    """(header, bytes) of an image record; the label is a number, or an array of float32 where flag counts several."""
    if len(s) < HEADER.size:
        raise MXNetError(f"[recordio unpack] expected a header of {HEADER.size} bytes, got {len(s)} bytes")
    header = IRHeader(*HEADER.unpack_from(s))
    s = s[HEADER.size :]
    if header.flag > 0:
        if len(s) < 4 * header.flag:
            raise MXNetError(f"[recordio unpack] expected {header.flag} labels behind the header, got {len(s)} bytes")
        header = header._replace(label=np.frombuffer(s, np.float32, header.flag))
        s = s[4 * header.flag :]
    return header, s


def _pixels(img):
    """An image as an array of (height, width, channels) bytes."""
    img = img.asnumpy() if hasattr(img, "asnumpy") else np.asarray(img)
    if img.ndim == 2:
        img = img[:, :, None]
    if img.ndim != 3 or img.dtype != np.uint8:
        raise MXNetError(f"[recordio pack_img] img: expected (height, width) or (height, width, channels) of uint8, got {img.shape} of {img.dtype}")
    return img


def pack_img(header, img, quality=95, img_fmt=".jpg"):
    """The bytes of an image record: header and the image as a JPEG (quality 1 to 100) or PNG file (quality is the compression, 1 to 9).

    img is uint8 of shape (height, width) or (height, width, channels), blue first, as OpenCV reads images; JPEG leaves the fourth channel out.
    Raises MXNetError for other arrays and other formats than .jpg, .jpeg and .png.
    """
    from . import nd

    img = _pixels(img)
    if img.shape[2] == 4 and img_fmt.lower() != ".png":
        img = np.ascontiguousarray(img[:, :, :3])
    file = nd._cvimencode(nd.array(img, dtype=np.uint8), ext=img_fmt, quality=min(max(quality, 0), 100), from_rgb=False)
    return pack(header, file.asnumpy().tobytes())


def unpack_img(s, iscolor=-1):
    """(header, image) of an image record: uint8 of shape (height, width, channels), blue first as in OpenCV, or (height, width) where it is grey.

    iscolor -1: the channels of the file, not turned; 0: grey; 1: colour; the latter two turned as JPEG's EXIF says. Raises MXNetError for bytes that
    are no JPEG or PNG image, or a broken one. PNG's 16 bits become 8.
    """
    from . import nd

    if iscolor not in (-1, 0, 1):
        raise MXNetError(f"[recordio unpack_img] iscolor: expected -1, 0 or 1, got {iscolor!r}")
    header, file = unpack(s)
    file = nd.array(np.frombuffer(file, np.uint8), dtype=np.uint8)
    img = nd._cvimdecode(file, flag=iscolor, to_rgb=False, orient=iscolor >= 0).asnumpy()
    return header, img[:, :, 0] if img.shape[2] == 1 else img
