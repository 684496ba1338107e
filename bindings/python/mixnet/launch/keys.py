"""The key pair of a group: a file of two lines, public and secret in Z85, readable by its owner only."""

import os
import pathlib
import stat

from ..base import MXNetError

LENGTH = 40


def read(path):
    """(public, secret). A file that others may read is refused: whoever has it can join the group."""
    path = pathlib.Path(path)
    try:
        mode, lines = path.stat().st_mode, path.read_text().split()
    except OSError as error:
        raise MXNetError(f"[launch] key: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        lines = []
    if stat.S_IMODE(mode) & 0o077:
        raise MXNetError(f"[launch] key: expected {path} to be its owner's alone (mode 600), got mode {stat.S_IMODE(mode):o}")
    if len(lines) != 2 or any(len(line) != LENGTH for line in lines):
        raise MXNetError(f"[launch] key: expected two lines of {LENGTH} characters in {path}, public and secret")
    return tuple(lines)


def write(folder, pair):
    """Path of a new file in a private folder."""
    path = pathlib.Path(folder) / "key"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(pair) + "\n")
    return path


def make():
    """A new pair; needs libzmq."""
    from ..kvstore_server import make_keys

    return tuple(make_keys())
