"""Files of ready embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np

from knnal.errors import InputError, ItemError
from knnal.items.archives import NpzVectors
from knnal.items.arrays import NpyVectors
from knnal.items.base import Item, Skip
from knnal.items.checks import listed, reject_options, require_column, require_file
from knnal.items.parquet import ParquetRows, ParquetVectors, vector_columns
from knnal.items.readers import VectorReader, VectorRow
from knnal.items.text import cell_id, cell_label
from knnal.types import Modality

ARRAY_SUFFIXES = (".npy", ".npz")
VECTOR_SUFFIXES = (*ARRAY_SUFFIXES, ".parquet")


class VectorFile:
    """One vector a row of a ``.npy``, ``.npz`` or ``.parquet`` file.

    In a ``.npy`` the ids are "0" to "n-1", or the lines of the file ``ids``. In an ``.npz`` the
    vectors are the array ``embeddings`` or the only 2-d one, beside optional arrays ``ids`` and
    ``labels``. In a ``.parquet`` they are the column ``vector_column`` or the only one with lists
    of floats; ids are in ``id_column``, or else in the column "id" if there is one.

    An item's vector is 1-d and of the file's precision, its stamp the sha256 of it as little-endian
    float32. Vectors that are missing, not finite as float32, or of another length than the first
    are yielded as Skips. Raises InputError when made if the file does not hold what is described.
    """

    modality: Modality = Modality.VECTOR

    def __init__(
        self,
        location: Path | str,
        *,
        ids: Path | str | None = None,
        id_column: str | None = None,
        vector_column: str | None = None,
        label_column: str | None = None,
    ) -> None:
        self.location = require_file(location)
        if self.location.suffix.lower() == ".parquet":
            reject_options(self.location, "a Parquet file", {"--ids": ids})
            self._reader: VectorReader = _parquet(
                self.location, vector_column, id_column, label_column
            )
        else:
            columns = {
                "--id-column": id_column,
                "--vector-column": vector_column,
                "--label-column": label_column,
            }
            reject_options(self.location, "a file of arrays", columns)
            self._reader = _arrays(self.location, None if ids is None else require_file(ids))

    def __iter__(self) -> Iterator[Item | Skip]:
        """Every row as an Item or a Skip; rows count from 1."""
        dimension: int | None = None
        for number, row in enumerate(self._reader.rows(), start=1):
            if dimension is None and row.vector is not None:
                dimension = len(row.vector) or None  # an empty first one tells nothing
            try:
                outcome: Item | Skip = _item(row, dimension)
            except ItemError as error:
                outcome = Skip(f"row {number}", error.reason)
            yield outcome

    def count(self) -> int:
        """The number of vectors."""
        return self._reader.count()


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


def _arrays(location: Path, ids: Path | None) -> VectorReader:
    suffix = location.suffix.lower()
    if suffix == ".npy":
        return NpyVectors(location, ids)
    if suffix == ".npz":
        return NpzVectors(location, ids)
    raise InputError(
        f"Expected a file of vectors ({', '.join(VECTOR_SUFFIXES)}), but came {location}. "
        "Save them as one of these."
    )


def _parquet(
    location: Path, vectors: str | None, names: str | None, labels: str | None
) -> VectorReader:
    columns = ParquetRows(location).columns()
    if names is not None:
        require_column(location, columns, names, option="--id-column")
    if labels is not None:
        require_column(location, columns, labels, option="--label-column")
    if names is None and columns.count("id") == 1:
        names = "id"
    vectors = _vector_column(location, columns, vectors)
    return ParquetVectors(location, vectors, names=names, labels=labels)


def _vector_column(location: Path, columns: list[str], name: str | None) -> str:
    found = vector_columns(location)
    if name is not None:
        require_column(location, columns, name)
        found = [column for column in found if column == name]
    if len(found) == 1:
        return found[0]
    wanted = "lists of floats in exactly one column" if name is None else f"them in {name!r}"
    raise InputError(
        f"Expected {wanted}, but {location} has such lists in {listed(vector_columns(location))}. "
        "Keep one column of vectors, or name it as vector_column."
    )
