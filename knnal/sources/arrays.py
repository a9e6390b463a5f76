"""Arrays of vectors: ``.npy`` files, and ``.npz`` archives read as a stream."""

from __future__ import annotations

import zipfile
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
from knnal.sources.base import Column, Reading, VectorRow, listed
from knnal.sources.cells import cell_label, whole_values
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
            f"{what} must hold floats of shape (n, d), got {dtype} of shape {shape}. "
            "Save one vector per row, as float32."
        )


def require_ids(ids: Path | None, rows: int) -> None:
    """Raise InputError unless the file, if there is one, has a line for each row."""
    if ids is None:
        return
    lines = sum(1 for _ in TextFile(ids).lines())
    if lines != rows:
        raise InputError(
            f"{ids} must have {rows} lines, one id per vector, got {lines}. "
            "Write both files from the same rows."
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


_WHY_VECTORS = {True: "the array of that name", False: "the only one with rows and columns"}

_BROKEN = (*DAMAGED_ARRAY, zipfile.BadZipFile)


class NpzVectors:
    """The rows of the array ``embeddings``, or of the only 2-d array, of an ``.npz`` archive.

    Arrays ``ids`` and ``labels`` of the same length name and label them; a file of ids, if given,
    goes first, and with ``ignore_labels`` there are no labels. Nothing is unpickled. Raises
    InputError when made if the arrays do not fit.
    """

    def __init__(
        self, location: Path, ids: Path | None = None, *, ignore_labels: bool = False
    ) -> None:
        self._location = location
        self._ids = ids
        with reading(location, *_BROKEN), zipfile.ZipFile(location) as archive:
            headers = _headers(archive)
        self._array = _choose(location, headers)
        self._header = headers[self._array]
        require_matrix(f"{self._array!r} in {location}", self._header)
        self._members = {"ids", *(() if ignore_labels else ("labels",))}.intersection(headers)
        for name in self._members:
            _require_column(location, name, headers[name], self.count())
        require_ids(ids, self.count())

    def rows(self) -> Iterator[VectorRow]:
        """The vectors in order; the archive is never held in memory whole.

        An array in Fortran order is the exception, since its rows lie apart.
        """
        own_ids = self._ids is None and "ids" in self._members
        names = self._column("ids") if own_ids else read_ids(self._ids)
        labels = self._column("labels") if "labels" in self._members else None
        matrices = blocks(self._read(self._array)) if self._header.fortran else self._stream()
        yield from named(matrices, names, labels)

    def count(self) -> int:
        """The number of vectors."""
        return self._header.shape[0]

    def reading(self) -> Reading:
        """The format, and which arrays are used."""
        own_ids = self._ids is None and "ids" in self._members
        columns = [
            Column("vector", self._array, _WHY_VECTORS[self._array == "embeddings"]),
            Column("id", "ids", "the array of that name") if own_ids else id_source(self._ids),
        ]
        if "labels" in self._members:
            columns.append(Column("label", "labels", "the array of that name"))
        return Reading("NumPy archive", tuple(columns))

    def label_count(self) -> int:
        """How many vectors have a label inside, that would be taken in."""
        if "labels" not in self._members:
            return 0
        return sum(cell_label(value) is not None for value in self._column("labels"))

    def _column(self, name: str) -> Iterator[object]:
        values = self._read(name).tolist()
        return whole_values(lambda: values, typed=True)

    def _read(self, name: str) -> NDArray[Any]:
        with reading(self._location, *_BROKEN), np.load(self._location) as archive:
            array: NDArray[Any] = archive[name]
        return array

    def _stream(self) -> Iterator[FloatArray]:
        (rows, width), dtype = self._header.shape, self._header.dtype
        with (
            reading(self._location, *_BROKEN),
            zipfile.ZipFile(self._location) as archive,
            archive.open(f"{self._array}.npy") as stream,
        ):
            read_header(stream)
            for start in range(0, rows, BLOCK):
                size = min(BLOCK, rows - start)
                content = stream.read(size * width * dtype.itemsize)
                yield np.frombuffer(content, dtype).reshape(size, width)


def _headers(archive: zipfile.ZipFile) -> dict[str, Header]:
    headers = {}
    for member in archive.namelist():
        if member.endswith(".npy"):
            with archive.open(member) as stream:
                headers[member.removesuffix(".npy")] = read_header(stream)
    return headers


def _choose(location: Path, headers: dict[str, Header]) -> str:
    if "embeddings" in headers:
        return "embeddings"
    matrices = [name for name, header in headers.items() if len(header.shape) == 2]
    if len(matrices) == 1:
        return matrices[0]
    raise InputError(
        f"{location} must hold an array 'embeddings' or a single 2-d array, got {len(matrices)} "
        f"2-d arrays among {listed(headers)}. Save the vectors as 'embeddings'."
    )


def _require_column(location: Path, name: str, header: Header, rows: int) -> None:
    if header.dtype.hasobject:
        raise InputError(
            f"{name!r} in {location} holds Python objects, which are never loaded. Save it as "
            f"np.array({name}, dtype=str)."
        )
    if header.shape != (rows,):
        raise InputError(
            f"{name!r} in {location} must have shape ({rows},), one value per vector, got "
            f"{header.shape}. Save both arrays from the same rows."
        )
