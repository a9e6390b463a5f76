"""Rows of numbers in an npy file: memory-mapped for reading, appended in chunks.

The file is a plain npy array at every moment. A chunk's bytes are durable before the header counts
them: a crash in between leaves bytes that the next append overwrites.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from knnal.errors import PoolError
from knnal.files import DAMAGED_ARRAY


class RowFile:
    """``rows x shape`` numbers of a type. Messages say ``what`` they are, and the ``remedy`` where
    they are damaged.
    """

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: str, what: str, remedy: str
    ) -> None:
        self.path = path
        self.shape = shape
        self._type = np.dtype(dtype)
        self._row_bytes = int(np.prod(shape, dtype=np.int64)) * self._type.itemsize
        self._what = what
        self._remedy = remedy

    def append(self, start: int, rows: NDArray[Any]) -> None:
        """Write ``(n, *shape)`` as rows ``start``, ``start + 1``, ..., durably."""
        if not self.path.exists():
            self.path.touch()
        with self._written(start, rows, new=start == 0) as file:
            self._write_header(file, start + len(rows))

    def replace(self, start: int, rows: NDArray[Any]) -> None:
        """Write ``(n, *shape)`` in the place of rows that are there, durably."""
        with self._written(start, rows, new=False):
            pass

    @contextmanager
    def _written(self, start: int, rows: NDArray[Any], *, new: bool) -> Iterator[IO[bytes]]:
        if rows.shape[1:] != self.shape:
            raise ValueError(f"expected (n, {', '.join(map(str, self.shape))}), got {rows.shape}")
        with self.path.open("r+b") as file:
            offset = self._write_header(file, start) if new else _offset(file)
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

        Raises PoolError if the file holds fewer.
        """
        if count == 0:
            return np.empty((0, *self.shape), dtype=self._type)
        stored = self._stored(count)
        if len(stored) < count or stored.shape[1:] != self.shape:
            raise PoolError(
                f"Expected {_size((count, *self.shape))} {self._what} in {self.path}, found "
                f"{_size(stored.shape)}. {self._remedy}"
            )
        return stored[:count]

    def _stored(self, count: int | None = None) -> NDArray[Any]:
        try:
            stored: NDArray[Any] = np.load(self.path, mmap_mode="r")
        except (OSError, *DAMAGED_ARRAY) as error:
            expected = self._what if count is None else f"{count} {self._what}"
            raise PoolError(
                f"Expected {expected} in {self.path}, but it cannot be read ({error}). "
                f"{self._remedy}"
            ) from error
        return stored

    def _write_header(self, file: IO[bytes], rows: int) -> int:
        """Write the npy header, return its size. numpy pads it so that its size never changes."""
        file.seek(0)
        header = {"descr": self._type.str, "fortran_order": False, "shape": (rows, *self.shape)}
        np.lib.format.write_array_header_1_0(file, header)
        return file.tell()


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _offset(file: IO[bytes]) -> int:
    file.seek(0)
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
    return file.tell()


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
