"""Arrays of vectors: what is asked of them, their rows in blocks, and ``.npy`` files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, repeat
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from knnal.errors import InputError
from knnal.files import DAMAGED_ARRAY
from knnal.sources.base import Column, Reading
from knnal.sources.cells import whole_values
from knnal.sources.readers import VectorRow
from knnal.sources.text import TextFile, reading
from knnal.types import FloatArray

BLOCK = 1024
"""Vectors read at once."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an array's first bytes tell of it."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


class NpyVectors:
    """The rows of a 2-d ``.npy`` array, memory-mapped, named by the lines of a file or by number.

    Raises InputError when made if the array is none of floats ``(n, d)`` or the ids are not n.
    """

    def __init__(self, location: Path, ids: Path | None = None) -> None:
        self._location = location
        self._ids = ids
        with reading(location, *DAMAGED_ARRAY), location.open("rb") as stream:
            header = read_header(stream)
        require_matrix(str(location), header)
        self._count = header.shape[0]
        require_ids(ids, self._count)

    def rows(self) -> Iterator[VectorRow]:
        """The vectors in order."""
        if not self._count:  # nothing cannot be mapped
            return
        with reading(self._location, *DAMAGED_ARRAY):
            matrix = np.load(self._location, mmap_mode="r", allow_pickle=False)
        yield from named(blocks(matrix), read_ids(self._ids))

    def count(self) -> int:
        """The number of vectors."""
        return self._count

    def reading(self) -> Reading:
        """The format, and where the ids come from."""
        return Reading("NumPy array", (id_source(self._ids),))


def read_header(stream: IO[bytes]) -> Header:
    """Read an array's header, leaving the stream at its data. May raise DAMAGED_ARRAY."""
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return Header(*read(stream))


def require_matrix(what: str, header: Header) -> None:
    """Raise InputError unless the array holds floats of shape ``(n, d)``, d at least 1."""
    shape, dtype = header.shape, header.dtype
    if len(shape) != 2 or shape[1] == 0 or not np.issubdtype(dtype, np.floating):
        raise InputError(
            f"Expected floats of shape (n, d), but {what} holds {dtype} of shape {shape}. "
            "Save one vector a row, as float32."
        )


def require_ids(ids: Path | None, rows: int) -> None:
    """Raise InputError unless the file, if there is one, has a line for each row."""
    if ids is None:
        return
    lines = sum(1 for _ in TextFile(ids).lines())
    if lines != rows:
        raise InputError(
            f"Expected {rows} ids, one a line for each vector, but {ids} has {lines} lines. "
            "Write both from the same rows."
        )


def read_ids(ids: Path | None) -> Iterable[object]:
    """The lines of the file, or without one 0, 1, 2 and so on."""
    return count() if ids is None else whole_values(TextFile(ids).lines, typed=False)


def id_source(ids: Path | None) -> Column:
    """Where ids come from that are in no column."""
    why = "counted from 0: no ids are given" if ids is None else f"the lines of {ids}"
    return Column("id", None, why)


def blocks(matrix: FloatArray) -> Iterator[FloatArray]:
    """Copies of a few rows each, so that no vector keeps a whole file mapped."""
    for start in range(0, len(matrix), BLOCK):
        yield np.array(matrix[start : start + BLOCK], order="C", subok=False)


def named(
    matrices: Iterable[NDArray[Any]],
    names: Iterable[object],
    labels: Iterable[object] | None = None,
) -> Iterator[VectorRow]:
    """The rows of the matrices as views, each with its name and its label, if there are any."""
    vectors = (vector for matrix in matrices for vector in matrix)
    # Names by number never end, so that the vectors say where to stop.
    for vector, name, label in zip(vectors, names, labels or repeat(None), strict=False):
        yield VectorRow(name, vector, label)
