"""``embeddings.npy`` and other arrays of rows: memory-mapped, appended in chunks, checksummed.

A file is a plain npy array at every moment. A chunk's bytes are durable before the header counts
them: a crash in between leaves bytes that the next append overwrites.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128

from knnal.errors import PoolDamagedError, Repair
from knnal.files import DAMAGED_ARRAY, brief, storing
from knnal.pool.checksums import row_checksums
from knnal.pool.connection import Connection
from knnal.types import Float32Array, IntArray, UInt64Array

EMBEDDINGS = "embeddings.npy"


class RowFile:
    """``rows x shape`` numbers of a type, that a network made of a pool's items."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        self.path = path
        self.shape = shape
        self._type = np.dtype(dtype)
        self._row_bytes = int(np.prod(shape, dtype=np.int64)) * self._type.itemsize

    def append(self, start: int, rows: NDArray[Any]) -> None:
        """Write ``(n, *shape)`` as rows ``start``, ``start + 1``, ..., durably.

        Raises PoolUnwritableError where that cannot be.
        """
        with storing(self.path):
            if not self.path.exists():
                self.path.touch()
            with self._written(start, rows, new=start == 0) as file:
                self._write_header(file, start + len(rows))

    def replace(self, start: int, rows: NDArray[Any]) -> None:
        """Write ``(n, *shape)`` in the place of rows that are there, durably. Raises likewise."""
        with storing(self.path), self._written(start, rows, new=False):
            pass

    def restore_header(self, rows: int) -> None:
        """Rewrite the header for a number of rows; those that are missing become zeros."""
        with storing(self.path):
            if not self.path.exists():
                self.path.touch()
            with self.path.open("r+b") as file:
                size = self._write_header(file, rows) + rows * self._row_bytes
                if self.path.stat().st_size < size:
                    file.truncate(size)
                _sync(file)

    @contextmanager
    def _written(self, start: int, rows: NDArray[Any], *, new: bool) -> Iterator[IO[bytes]]:
        if rows.shape[1:] != self.shape:
            raise ValueError(f"expected (n, {', '.join(map(str, self.shape))}), got {rows.shape}")
        with self.path.open("r+b") as file:
            offset = self._write_header(file, start) if new else self._offset(file)
            file.seek(offset + start * self._row_bytes)
            file.write(np.ascontiguousarray(rows, dtype=self._type).tobytes())
            _sync(file)
            yield file
            _sync(file)

    def count(self) -> int:
        """How many rows the header counts; 0 where there is no file, or none with a header yet."""
        begun = self.path.exists() and self.path.stat().st_size > 0
        return len(self._stored()) if begun else 0

    def rows(self, count: int) -> NDArray[Any]:
        """The first ``count`` rows as a read-only memory map.

        Raises PoolDamagedError if the file holds fewer, or others.
        """
        if count == 0:
            return np.empty((0, *self.shape), dtype=self._type)
        stored = self._stored()
        if len(stored) < count:
            raise self._damaged(f"it holds {len(stored)} rows of {count}")
        return stored[:count]

    def _stored(self) -> NDArray[Any]:
        try:
            stored = np.load(self.path, mmap_mode="r")
        except FileNotFoundError as error:
            raise self._damaged("it is missing") from error
        except (OSError, *DAMAGED_ARRAY) as error:
            raise self._damaged(f"it cannot be read ({brief(error)})") from error
        if not isinstance(stored, np.memmap):
            raise self._damaged("it is an archive of arrays")
        if stored.dtype != self._type or stored.shape[1:] != self.shape or not stored.ndim:
            raise self._damaged(
                f"its header says {stored.dtype.str}, {_size(stored.shape)}, where "
                f"{self._type.str}, {_size(('rows', *self.shape))} was written"
            )
        if not stored.flags.c_contiguous:
            raise self._damaged("its header says Fortran order, where C order was written")
        if stored.offset != len(self._header(len(stored))):
            raise self._damaged("its header is of another length than the one that was written")
        return stored

    def _damaged(self, why: str) -> PoolDamagedError:
        return PoolDamagedError(self.path, why, Repair.EMBED)

    def _offset(self, file: IO[bytes]) -> int:
        try:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
        except DAMAGED_ARRAY as error:
            raise self._damaged(str(error)) from error
        return file.tell()

    def _write_header(self, file: IO[bytes], rows: int) -> int:
        """Write the npy header, return its size. numpy pads it so that its size never changes."""
        file.seek(0)
        return file.write(self._header(rows))

    def _header(self, rows: int) -> bytes:
        header = {"descr": self._type.str, "fortran_order": False, "shape": (rows, *self.shape)}
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(stream, header)
        return stream.getvalue()


def _size(shape: tuple[object, ...]) -> str:
    return " x ".join(map(str, shape))


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


class EmbeddingFile(RowFile):
    """The vectors of a pool, ``rows x dimension``."""

    def __init__(self, path: Path, dimension: int) -> None:
        super().__init__(path, (dimension,), "<f4")


_TYPE = np.dtype("<u8")
BLOCK = 512
"""Rows that are compared at once: few, so that a thread that does it holds up nobody."""


class VectorSums:
    """One checksum a row, written in the transaction that writes the row's record."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._read: UInt64Array = np.empty(0, dtype=np.uint64)

    def append(self, start: int, rows: Float32Array) -> None:
        """Note the checksums of rows ``start``, ``start + 1``, ..., ``(n, d)``."""
        sums = row_checksums(rows).astype(_TYPE).tobytes()
        self._db.run("INSERT INTO vector_sums VALUES (?, ?)", (start, sums))

    def replace(self, rows: IntArray, vectors: Float32Array) -> None:
        """Note the checksums of vectors ``(n, d)`` that took the place of others."""
        sums = self.read(self.count())
        sums[rows] = row_checksums(vectors)
        self._db.run("DELETE FROM vector_sums")
        self._db.run("INSERT INTO vector_sums VALUES (0, ?)", (sums.astype(_TYPE).tobytes(),))
        self._read = sums

    def count(self) -> int:
        """How many rows have a checksum. Raises PoolDamagedError where some in between have not."""
        end = 0
        for start, size in self._db.rows(
            "SELECT start, LENGTH(sums) FROM vector_sums ORDER BY start"
        ):
            if start != end or size % _TYPE.itemsize:
                raise self._db.damaged(f"the checksums of vectors from row {end} on are missing")
            end += size // _TYPE.itemsize
        return end

    def read(self, rows: int) -> UInt64Array:
        """The checksums of the first rows, ``(rows,)``."""
        if len(self._read) < rows:
            blobs = self._db.stream("SELECT sums FROM vector_sums ORDER BY start")
            self._read = np.frombuffer(b"".join(blob for (blob,) in blobs), _TYPE).astype(np.uint64)
        return self._read[:rows]

    def key(self, rows: int) -> str:
        """What names the first rows by their content, for files that are made of them."""
        digest = xxh3_128(self.read(rows).astype(_TYPE).tobytes()).hexdigest()
        return f"{rows} rows {digest}"

    def damaged(self, X: Float32Array, start: int = 0) -> Iterator[IntArray]:
        """The rows of ``X`` ``(n, d)`` that are not those written, block by block.

        It begins at the row ``start`` and comes back to those before.
        """
        known = self.read(len(X))
        sums = np.zeros(len(X), dtype=np.uint64)  # rows whose checksum is missing count as damaged
        sums[: len(known)] = known
        for at in _round(start, len(X)):
            block = X[at : at + BLOCK]
            yield at + np.flatnonzero(row_checksums(block) != sums[at : at + BLOCK])


def _round(start: int, rows: int) -> Iterator[int]:
    first = start // BLOCK * BLOCK
    yield from range(first, rows, BLOCK)
    yield from range(0, min(first, rows), BLOCK)
