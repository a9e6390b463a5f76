"""Writes that a crash cannot leave half done, and reads of files that something else damaged."""

from __future__ import annotations

import lzma
import os
import tokenize
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile

DAMAGED_ARRAY = (ValueError, SyntaxError, tokenize.TokenError)
"""What reading an npy file may raise whose bytes are not those written: NumPy reads its header as a
piece of Python.
"""

DAMAGED_ARCHIVE = (
    *DAMAGED_ARRAY,
    BadZipFile,
    EOFError,
    IndexError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    lzma.LZMAError,
    zlib.error,
)
"""What reading an npz file may raise when there is none, or its bytes are not those written."""


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
