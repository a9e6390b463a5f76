"""The checksums of the rows of ``embeddings.npy``, kept in ``labels.sqlite``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from xxhash import xxh3_128

from knnal.pool.checksums import row_checksums
from knnal.pool.connection import Connection
from knnal.types import Float32Array, IntArray, UInt64Array

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
