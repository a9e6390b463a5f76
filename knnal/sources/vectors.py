"""Files of ready embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import repeat
from pathlib import Path

import numpy as np

from knnal.errors import InputError, ItemError
from knnal.sources.arrays import NpyVectors, NpzVectors, id_source
from knnal.sources.base import (
    Column,
    Item,
    Reading,
    Skip,
    VectorReader,
    VectorRow,
    listed,
    reject_options,
    require_column,
    require_file,
)
from knnal.sources.cells import cell_id, cell_label
from knnal.sources.parquet import ParquetRows, ParquetVectors, vector_columns
from knnal.sources.roles import Cells, Table
from knnal.sources.tables import text_columns
from knnal.sources.text import suffix_of
from knnal.types import Modality

ARRAY_SUFFIXES = (".npy", ".npz")
VECTOR_SUFFIXES = (*ARRAY_SUFFIXES, ".parquet")


class VectorFile:
    """One vector a row of a ``.npy``, ``.npz`` or ``.parquet`` file.

    In a ``.npy`` the ids are "0" to "n-1", or the lines of the file ``ids``. In an ``.npz`` the
    vectors are the array ``embeddings`` or the only 2-d one, with optional arrays ``ids`` and
    ``labels``, which ``ignore_labels`` leaves. In a ``.parquet`` they are the column
    ``vector_column`` or the only one with lists of floats; ids are in ``id_column``, or else in
    the column "id" if there is one.

    An item's vector is 1-d and of the file's precision, its stamp the sha256 of it as little-endian
    float32. Vectors that are missing, not finite as float32, or of another length than the first
    are yielded as Skips. Raises InputError when made if the file does not hold what is described.
    """

    summary = "a file of vectors (.npy, .npz, .parquet)"
    precedence = 20
    modality: Modality = Modality.VECTOR

    @classmethod
    def reads(cls, location: Path, options: Mapping[str, object]) -> bool:
        """A Parquet file if it has a column of vectors, and neither a text column was named nor
        one shows by its name.
        """
        if location.suffix.lower() != ".parquet" or "text_column" in options:
            return suffix_of(location) in ARRAY_SUFFIXES
        columns = ParquetRows(location).columns()
        return len(text_columns(columns)) != 1 and bool(vector_columns(location))

    def __init__(
        self,
        location: Path | str,
        *,
        ids: Path | str | None = None,
        id_column: str | None = None,
        vector_column: str | None = None,
        label_column: str | None = None,
        ignore_labels: bool = False,
    ) -> None:
        self.location = require_file(location)
        if self.location.suffix.lower() == ".parquet":
            options = {"ids": ids, "ignore_labels": ignore_labels}
            reject_options(self.location, "a Parquet file", options)
            self._reader: VectorReader = _ParquetReader(
                self.location, vector_column, id_column, label_column
            )
        else:
            columns = {
                "id_column": id_column,
                "vector_column": vector_column,
                "label_column": label_column,
            }
            reject_options(self.location, "a file of arrays", columns)
            names = None if ids is None else require_file(ids)
            self._reader = _arrays(self.location, names, ignore_labels=ignore_labels)

    def __iter__(self) -> Iterator[Item | Skip]:
        """Every row as an Item or a Skip; rows count from 1."""
        dimension: int | None = None
        for number, row in enumerate(self._reader.rows(), start=1):
            try:
                if isinstance(row, ItemError):
                    raise row
                if dimension is None and row.vector is not None:
                    dimension = len(row.vector) or None  # an empty first one tells nothing
                outcome: Item | Skip = _item(row, dimension)
            except ItemError as error:
                outcome = Skip(f"row {number}", error.reason)
            yield outcome

    def count(self) -> int:
        """The number of vectors."""
        return self._reader.count()

    def reading(self) -> Reading:
        """How the file is read."""
        return self._reader.reading()

    @property
    def labels_inside(self) -> int:
        """How many labels come with the vectors though nobody named them."""
        return self._reader.label_count() if isinstance(self._reader, NpzVectors) else 0


def _item(row: VectorRow, dimension: int | None) -> Item:
    if row.vector is None or not len(row.vector):
        raise ItemError("empty vector")
    if len(row.vector) != dimension:
        raise ItemError("vector of another length than the first")
    with np.errstate(over="ignore"):
        single = row.vector.astype("<f4")
    if not np.isfinite(single).all():
        raise ItemError("vector is not finite")
    stamp = sha256(single.tobytes()).hexdigest()
    return Item(cell_id(row.name), stamp, vector=row.vector, label=cell_label(row.label))


def _arrays(location: Path, ids: Path | None, *, ignore_labels: bool) -> VectorReader:
    suffix = location.suffix.lower()
    if suffix == ".npy":
        reject_options(location, "an array without labels", {"ignore_labels": ignore_labels})
        return NpyVectors(location, ids)
    if suffix == ".npz":
        return NpzVectors(location, ids, ignore_labels=ignore_labels)
    raise InputError(
        f"{location} is not a file of vectors ({', '.join(VECTOR_SUFFIXES)}). Save the vectors as "
        "one of these."
    )


class _ParquetReader:
    """A Parquet file's vectors with the cells that name and label them."""

    def __init__(
        self, location: Path, vectors: str | None, names: str | None, labels: str | None
    ) -> None:
        self._table = Table(location)
        columns = self._table.columns
        for option, name in (("id_column", names), ("label_column", labels)):
            if name is not None:
                self._table.require(name, option=option)
        self._why_id = "you named it" if names is not None else "the column of that name"
        self._names = "id" if names is None and columns.count("id") == 1 else names
        self._labels = labels
        self._why_vectors = (
            "you named it" if vectors is not None else "the only one with lists of floats"
        )
        self._vectors = _vector_column(location, columns, vectors)

    def rows(self) -> Iterator[VectorRow | ItemError]:
        """The vectors in order; without a column of names they are named 0, 1, 2 and so on."""
        vectors = ParquetVectors(self._table.location, self._vectors)
        roles = self._names is not None or self._labels is not None
        cells: Iterable[Cells | ItemError] = (
            self._table.read(id=self._names, label=self._labels) if roles else repeat(Cells())
        )
        # The vectors come first, since cells that are made up never end.
        for number, (vector, row) in enumerate(zip(vectors, cells, strict=False)):
            if isinstance(row, ItemError):
                yield row
            else:
                name = number if self._names is None else row.id
                yield VectorRow(name, vector, row.label)

    def count(self) -> int:
        """The number of rows."""
        return self._table.reader.count()

    def reading(self) -> Reading:
        """The format, and which columns are used."""
        columns = [
            Column("vector", self._vectors, self._why_vectors),
            id_source(None) if self._names is None else Column("id", self._names, self._why_id),
        ]
        if self._labels is not None:
            columns.append(Column("label", self._labels, "you named it"))
        return Reading(self._table.reader.layout(), tuple(columns))


def _vector_column(location: Path, columns: list[str], name: str | None) -> str:
    found = vector_columns(location)
    if name is not None:
        require_column(location, columns, name, option="vector_column")
        found = [column for column in found if column == name]
    if len(found) == 1:
        return found[0]
    vectors = listed(vector_columns(location))
    if name is not None:
        raise InputError(
            f"The column {name!r} of {location} holds no lists of floats. Columns that do: "
            f"{vectors}."
        )
    raise InputError(
        f"{location} has lists of floats in the columns {vectors}; exactly one is needed. Pass "
        "its name as `vector_column`."
    )
