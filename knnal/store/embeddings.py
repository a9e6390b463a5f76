"""``embeddings.npy``: unit-norm float32 rows, memory-mapped for reading, appended in chunks.

The file is a plain npy array at every moment. A chunk's bytes are durable before the header
counts them, and the catalogue names a row only after that: a crash in between leaves bytes that
the next append overwrites.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import numpy as np

from knnal.errors import PoolError
from knnal.types import Float32Array

_ROW_TYPE = np.dtype("<f4")


class EmbeddingFile:
    """The vectors of a pool, ``rows x dimension``."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension

    def append(self, start: int, vectors: Float32Array) -> None:
        """Write ``(n, dimension)`` vectors as rows ``start``, ``start + 1``, ..., durably."""
        count = len(vectors)
        if vectors.shape != (count, self.dimension):
            raise ValueError(f"expected (n, {self.dimension}), got {vectors.shape}")
        if not self.path.exists():
            self.path.touch()
        with self.path.open("r+b") as file:
            offset = _write_header(file, start, self.dimension) if start == 0 else _offset(file)
            file.seek(offset + start * self.dimension * _ROW_TYPE.itemsize)
            file.write(np.ascontiguousarray(vectors, dtype=_ROW_TYPE).tobytes())
            _sync(file)
            _write_header(file, start + count, self.dimension)
            _sync(file)

    def rows(self, count: int) -> Float32Array:
        """The first ``count`` rows as a read-only memory map.

        Raises PoolError if the file holds fewer.
        """
        if count == 0:
            return np.empty((0, self.dimension), dtype=np.float32)
        try:
            stored = np.load(self.path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise PoolError(
                f"Expected {count} embeddings in {self.path}, but it cannot be read ({error}). "
                "Restore the file from a copy of the pool."
            ) from error
        if len(stored) < count or stored.shape[1] != self.dimension:
            raise PoolError(
                f"Expected {count} x {self.dimension} embeddings in {self.path}, found "
                f"{stored.shape[0]} x {stored.shape[1]}. Restore the file from a copy of the pool."
            )
        rows: Float32Array = stored[:count]
        return rows


def _write_header(file: IO[bytes], rows: int, dimension: int) -> int:
    """Write the npy header, return its size. numpy pads it so that its size never changes."""
    file.seek(0)
    np.lib.format.write_array_header_1_0(
        file, {"descr": _ROW_TYPE.str, "fortran_order": False, "shape": (rows, dimension)}
    )
    return file.tell()


def _offset(file: IO[bytes]) -> int:
    file.seek(0)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    return file.tell()


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
