"""Finished blocks of a graph in the making, so that a build goes on where it was killed.

The file begins with a fingerprint of what is built. Each record after it is the number of rows, a
CRC of what follows, and then row numbers, ids and similarities, little-endian. What a crash cut
off in the middle is dropped when the file is opened next.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from knnal.index.graph_lists import NearestLists
from knnal.index.search import NOBODY
from knnal.types import BoolArray, Float32Array, IntArray, LogNarrator, Narrator

_VERSION = b"knnal graph 2"
_RECORD = struct.Struct("<II")
_PROBES = 64


class Journal:
    """Lists that are done, on disk; with ``path`` None nothing is kept.

    ``made_of`` names the vectors that the graph is of. Where the disk takes nothing more, that is
    said, and the build goes on without a journal.
    """

    def __init__(
        self, path: Path | None, made_of: str = "", narrator: Narrator | None = None
    ) -> None:
        self._path = path
        self._made_of = made_of
        self._narrator = narrator or LogNarrator()
        self._file: IO[bytes] | None = None

    def open(self, X: Float32Array, live: BoolArray, method: str, lists: NearestLists) -> IntArray:
        """Fill in what an earlier run has left of the same build; the rows that are done."""
        done = [np.empty(0, dtype=np.int64)]
        if self._path is not None:
            with self._unless_unwritable():
                self._path.touch()
                self._file = self._path.open("r+b")
                begin = _fingerprint(X, live, lists.ids.shape[1], method, self._made_of)
                done.extend(_taken_over(self._file, begin, lists))
        return np.concatenate(done)

    def append(self, rows: IntArray, block: NearestLists) -> None:
        """The lists of these rows are done."""
        if self._file is None:
            return
        parts = (rows.astype("<i4"), block.ids.astype("<i4"), block.similarities.astype("<f4"))
        data = b"".join(part.tobytes() for part in parts)
        with self._unless_unwritable():
            self._file.write(_RECORD.pack(len(rows), zlib.crc32(data)) + data)
            self._file.flush()

    def close(self) -> None:
        """Let go of the file; what it holds is for the next run."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take
                file.close()

    @contextlib.contextmanager
    def _unless_unwritable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            self._narrator.say(
                f"{self._path} cannot be written ({error.strerror or error}): a build that is "
                "interrupted starts over."
            )

    def remove(self) -> None:
        """The graph is stored: nothing is left to go on with."""
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _taken_over(file: IO[bytes], begin: bytes, lists: NearestLists) -> list[IntArray]:
    """Fill in the records behind a fingerprint, and cut off what is none of them."""
    if file.read(len(begin)) != begin:
        file.seek(0)
        file.truncate()
        file.write(begin)
    end, done, n = file.tell(), [], len(lists.ids)
    for rows, block in _records(file, lists.ids.shape[1]):
        named = block.ids if block.ids.size else rows
        if not (0 <= rows.min() <= rows.max() < n and NOBODY <= named.min() <= named.max() < n):
            break
        lists.put(rows, block)
        done.append(rows)
        end = file.tell()
    file.seek(end)
    file.truncate()
    return done


def _fingerprint(X: Float32Array, live: BoolArray, g: int, method: str, made_of: str) -> bytes:
    """Of all that a graph depends on; of the vectors, their name and a sample."""
    digest = hashlib.sha256(_VERSION)
    digest.update(f"{X.shape} {g} {method} {made_of}".encode())
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
