"""Files compressed by gzip, for iterators of the library, which read plain ones."""

import contextlib
import gzip
import os
import shutil
import tempfile
import zlib

from ..base import MXNetError

_PATHS = {"MNISTIter": ("image", "label")}


@contextlib.contextmanager
def unpacked(name, params):
    """The parameters of iterator `name` with copies in place of compressed files, for as long as the block runs.

    Only of iterators that read their files when they are made. Errors of the library in the block name the files as they were given.
    """
    with contextlib.ExitStack() as stack:
        copies = {key: params[key] for key in _PATHS.get(name, ()) if _is_packed(params.get(key))}
        if not copies:
            yield params
            return
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        plain = {key: _copy(name, path, os.path.join(folder, key)) for key, path in copies.items()}
        try:
            yield {**params, **plain}
        except MXNetError as error:
            message = str(error)
            for key, path in copies.items():
                message = message.replace(plain[key], os.fspath(path))
            raise MXNetError(message, error.code) from None


def _is_packed(path):
    if not isinstance(path, (str, os.PathLike)):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError:
        return False  # the library says what is wrong


def _copy(name, path, target):
    try:
        with gzip.open(path) as packed, open(target, "wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MXNetError(f"[{name} {path}] gzip: expected an intact file, got {error}") from None
    return target
