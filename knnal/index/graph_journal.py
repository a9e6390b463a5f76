"""Finished blocks of a graph under construction, so that a killed build resumes.

The file begins with a fingerprint of what is built. Each block after it is the number of records, a
CRC of what follows, and then records of a row number, its ids and similarities, little-endian. What
a crash cut off in the middle is dropped when the file is opened next.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from knnal.index.search import NO_NEIGHBOR, Nearest
from knnal.types import BoolArray, Float32Array, IntArray, LogNarrator, Narrator

_VERSION = b"knnal graph 3"
_HEAD = struct.Struct("<II")
_SAMPLE = 64


class Journal:
    """Finished lists on disk.

    If the disk cannot be written, the narrator says so and the build continues without a journal.

    Parameters
    ----------
    path : Path or None
        None keeps nothing.
    made_of : str
        Names the vectors that the graph is of.
    narrator : Narrator, optional
    """

    def __init__(
        self, path: Path | None, made_of: str = "", narrator: Narrator | None = None
    ) -> None:
        self._path = path
        self._made_of = made_of
        self._narrator = narrator or LogNarrator()
        self._file: IO[bytes] | None = None

    def open(self, X: Float32Array, live: BoolArray, method: str, lists: Nearest) -> IntArray:
        """Fill in what an earlier run has left of the same build; returns the finished rows."""
        done = [np.empty(0, dtype=np.int64)]
        if self._path is not None:
            with self._tolerating_errors():
                self._path.touch()
                self._file = self._path.open("r+b")
                begin = _fingerprint(X, live, lists.ids.shape[1], method, self._made_of)
                done.extend(_resume(self._file, begin, lists))
        return np.concatenate(done)

    def append(self, rows: IntArray, block: Nearest) -> None:
        """Add the finished lists of these rows."""
        if self._file is None:
            return
        records = np.empty(len(rows), dtype=_record(block))
        records["row"], records["ids"] = rows, block.ids
        records["similarities"] = block.similarities
        data = records.tobytes()
        with self._tolerating_errors():
            self._file.write(_HEAD.pack(len(rows), zlib.crc32(data)) + data)
            self._file.flush()

    def close(self) -> None:
        """Close the file, and keep it for the next run."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take
                file.close()

    def remove(self) -> None:
        """Remove the file, once the graph is stored."""
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _tolerating_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            self._narrator.say(
                f"{self._path} cannot be written ({error.strerror or error}): a build that is "
                "interrupted starts over."
            )


def _record(lists: Nearest) -> np.dtype[np.void]:
    g = lists.ids.shape[1]
    return np.dtype([("row", "<i4"), ("ids", "<i4", (g,)), ("similarities", "<f4", (g,))])


def _fingerprint(X: Float32Array, live: BoolArray, g: int, method: str, made_of: str) -> bytes:
    """Of all that a graph depends on; of the vectors, their name and a sample."""
    digest = hashlib.sha256(_VERSION)
    digest.update(f"{X.shape} {g} {method} {made_of}".encode())
    digest.update(np.packbits(live).tobytes())
    for row in np.linspace(0, len(X) - 1, min(len(X), _SAMPLE)).astype(np.int64):
        digest.update(np.ascontiguousarray(X[row]).tobytes())
    return digest.digest()


def _resume(file: IO[bytes], begin: bytes, lists: Nearest) -> list[IntArray]:
    """Fill in the blocks after the fingerprint ``begin``, and cut off what is damaged."""
    if file.read(len(begin)) != begin:
        file.seek(0)
        file.truncate()
        file.write(begin)
    end, done, n = file.tell(), [], len(lists.ids)
    for block in _blocks(file, _record(lists)):
        rows, ids = block["row"].astype(np.int64), block["ids"]
        lowest, highest = ids.min(initial=NO_NEIGHBOR), ids.max(initial=NO_NEIGHBOR)
        if not (0 <= rows.min() <= rows.max() < n and NO_NEIGHBOR <= lowest <= highest < n):
            break
        lists.put(rows, Nearest(ids, block["similarities"]))
        done.append(rows)
        end = file.tell()
    file.seek(end)
    file.truncate()
    return done


def _blocks(file: IO[bytes], record: np.dtype[np.void]) -> Iterator[NDArray[Any]]:
    """The undamaged blocks from here on."""
    end = os.fstat(file.fileno()).st_size
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        count, check = _HEAD.unpack(head)
        if not 0 < count * record.itemsize <= end - file.tell():
            return
        data = file.read(count * record.itemsize)
        if zlib.crc32(data) != check:
            return
        yield np.frombuffer(data, dtype=record)
