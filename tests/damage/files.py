"""Damage: arrays in NumPy's format with another header, flipped bits, and a full disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

HEADERS = {
    "a quote missing": "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), 'x}",
    "a bracket missing": "{'descr': '<f4',",
    "indentation": "if x:\n   a\n b",
    "another type": "{'descr': 'what', 'fortran_order': False, 'shape': (4, 3)}",
}


def array_with(header: str) -> bytes:
    """An ``.npy`` file with that header, and data."""
    padded = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(48)


def flip(file: Path, at: int, bit: int = 0) -> None:
    """Flip one bit of the byte at ``at``; a negative one counts from the end."""
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


def flip_in(file: Path, text: bytes) -> None:
    """Flip a bit of the last byte of a text that the file holds once."""
    data = file.read_bytes()
    assert data.count(text) == 1, (file, text, data.count(text))
    flip(file, data.index(text) + len(text) - 1)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file in a folder, by its path."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def full_disk(path: Path) -> NoReturn:
    """What ``atomic_writer`` does where there is no room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
