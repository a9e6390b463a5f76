"""Writes that a crash cannot leave half done, and reads of files that something else damaged."""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import struct
import tokenize
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile

from knnal.errors import PoolUnwritableError

_BRIEF = 120

DAMAGED_ARRAY = (
    EOFError,
    MemoryError,
    OverflowError,
    SyntaxError,
    ValueError,
    tokenize.TokenError,
)
"""What reading an npy file may raise whose bytes are not those written: NumPy reads its header as a
piece of Python.
"""

DAMAGED_ARCHIVE = (
    *DAMAGED_ARRAY,
    BadZipFile,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    struct.error,
    lzma.LZMAError,
    zlib.error,
)
"""What reading an npz file may raise when there is none, or its bytes are not those written."""


def brief(error: BaseException) -> str:
    """What an error says, on one line and short: some quote the bytes that they stumbled on."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}..."


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that takes ``path``'s place, durably, when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in the folder durable, where the system can (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_FULL = (errno.ENOSPC, errno.EDQUOT)
_TINY = 1 << 16
"""A disk with less room than this, in bytes, takes nothing that a pool writes."""


def unwritable(path: Path, reason: object, *, full: bool) -> PoolUnwritableError:
    """The error that says that a file cannot be written, and what to do."""
    if full:
        return PoolUnwritableError(
            f"The disk that holds {path} is full ({reason}). Free some space and try again. "
            "Everything that was stored before is still there."
        )
    return PoolUnwritableError(
        f"{path} cannot be written ({reason}). Check that its disk is not mounted read-only, and "
        "that you may write to the file and its folder. Everything that was stored before is "
        "still there."
    )


def is_full(folder: Path) -> bool:
    """Whether the disk that holds the folder has no room left."""
    try:
        return shutil.disk_usage(folder).free < _TINY
    except OSError:
        return False


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Raise PoolUnwritableError where the system refuses to write a file of a pool."""
    try:
        yield
    except OSError as error:
        full = error.errno in _FULL or is_full(path.parent)
        raise unwritable(path, error.strerror or error, full=full) from error
