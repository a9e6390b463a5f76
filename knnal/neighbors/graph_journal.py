"""Finished blocks of a graph in the making, so that a build goes on where it was killed.

The file begins with a fingerprint of what is built. Each record after it is the number of rows, a
CRC of what follows, and then row numbers, ids and similarities, little-endian. What a crash cut
off in the middle is dropped when the file is opened next.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from knnal.neighbors.graph_lists import NearestLists
from knnal.types import BoolArray, Float32Array, IntArray

_VERSION = b"knnal graph 1"
_RECORD = struct.Struct("<II")
_PROBES = 64


class Journal:
    """Lists that are done, on disk; with ``path`` None nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def open(self, fingerprint: bytes, lists: NearestLists) -> IntArray:
        """Fill in what an earlier run has left of the same build; the rows that are done."""
        if self._path is None:
            return np.empty(0, dtype=np.int64)
        done = [np.empty(0, dtype=np.int64)]
        self._path.touch()
        self._file = self._path.open("r+b")
        if self._file.read(len(fingerprint)) != fingerprint:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(fingerprint)
        end = self._file.tell()
        for rows, block in _records(self._file, lists.ids.shape[1]):
            if np.min(rows) < 0 or np.max(rows) >= len(lists.ids):
                break
            lists.put(rows, block)
            done.append(rows)
            end = self._file.tell()
        self._file.seek(end)
        self._file.truncate()
        return np.concatenate(done)

    def append(self, rows: IntArray, block: NearestLists) -> None:
        """The lists of these rows are done."""
        if self._file is None:
            return
        parts = (rows.astype("<i4"), block.ids.astype("<i4"), block.similarities.astype("<f4"))
        data = b"".join(part.tobytes() for part in parts)
        self._file.write(_RECORD.pack(len(rows), zlib.crc32(data)) + data)
        self._file.flush()

    def close(self) -> None:
        """Let go of the file; what it holds is for the next run."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """The graph is stored: nothing is left to go on with."""
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def fingerprint(X: Float32Array, live: BoolArray, g: int, method: str) -> bytes:
    """Of all that a graph depends on; of the vectors, a sample."""
    digest = hashlib.sha256(_VERSION)
    digest.update(f"{X.shape} {g} {method}".encode())
    digest.update(np.packbits(live).tobytes())
    for row in np.linspace(0, len(X) - 1, min(len(X), _PROBES)).astype(np.int64):
        digest.update(np.ascontiguousarray(X[row]).tobytes())
    return digest.digest()


def _records(file: IO[bytes], g: int) -> Iterator[tuple[IntArray, NearestLists]]:
    """The whole and sound records from here on."""
    end = os.fstat(file.fileno()).st_size
    while len(head := file.read(_RECORD.size)) == _RECORD.size:
        count, check = _RECORD.unpack(head)
        size = count * (1 + 2 * g) * 4
        if not 0 < size <= end - file.tell():
            return
        data = file.read(size)
        if zlib.crc32(data) != check:
            return
        numbers = np.frombuffer(data[: count * (1 + g) * 4], dtype="<i4")
        sims = np.frombuffer(data[count * (1 + g) * 4 :], dtype="<f4")
        ids = numbers[count:].reshape(count, g)
        yield numbers[:count].astype(np.int64), NearestLists(ids, sims.reshape(count, g))
