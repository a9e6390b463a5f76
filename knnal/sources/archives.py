"""Vectors of ``.npz`` archives, read as a stream."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knnal.errors import InputError
from knnal.files import DAMAGED_ARRAY
from knnal.sources.arrays import (
    BLOCK,
    Header,
    blocks,
    id_source,
    named,
    read_header,
    read_ids,
    require_ids,
    require_matrix,
)
from knnal.sources.base import Column, Reading
from knnal.sources.cells import cell_label, whole_values
from knnal.sources.checks import listed
from knnal.sources.readers import VectorRow
from knnal.sources.text import reading
from knnal.types import FloatArray

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
        f"Expected an array 'embeddings' or a single 2-d array, but {location} has "
        f"{len(matrices)} 2-d arrays among {listed(headers)}. Save the vectors as 'embeddings'."
    )


def _require_column(location: Path, name: str, header: Header, rows: int) -> None:
    if header.dtype.hasobject:
        raise InputError(
            f"Expected strings or numbers, but {name!r} in {location} holds Python objects, "
            f"which are not loaded. Save it as np.array({name}, dtype=str)."
        )
    if header.shape != (rows,):
        raise InputError(
            f"Expected {name!r} of shape ({rows},), one for each vector, but in {location} its "
            f"shape is {header.shape}. Save both from the same rows."
        )
