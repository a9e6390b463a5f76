"""Rows and vectors of Parquet files. pyarrow loads when a file is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from knnal.items.readers import Row, VectorRow
from knnal.items.text import reading
from knnal.types import FloatArray

_BLOCK = 1024


class ParquetRows:
    """The rows of a Parquet file, of the columns asked for."""

    def __init__(self, location: Path) -> None:
        self._location = location

    def columns(self) -> list[str]:
        """The names of the top-level columns."""
        with _opened(self._location) as file:
            return list(file.schema_arrow.names)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Strings come as bytes, so that invalid UTF-8 spoils one row instead of its block."""
        for batch in _batches(self._location, columns):
            cells = [_values(batch.column(name)) for name in columns]
            for values in zip(*cells, strict=True):
                yield dict(zip(columns, values, strict=True))

    def count(self) -> int:
        """The number of rows, from the file's metadata."""
        with _opened(self._location) as file:
            return int(file.metadata.num_rows)


class ParquetVectors:
    """The vectors in a list column of floats, named and labelled by other columns."""

    def __init__(
        self, location: Path, vectors: str, *, names: str | None = None, labels: str | None = None
    ) -> None:
        self._location = location
        self._vectors = vectors
        self._names = names
        self._labels = labels

    def rows(self) -> Iterator[VectorRow]:
        """The vectors in order; without a column of names, rows are named 0, 1, 2 and so on."""
        wanted = [name for name in (self._vectors, self._names, self._labels) if name is not None]
        numbers = count()
        for batch in _batches(self._location, wanted):
            size = batch.num_rows
            names = _values(batch.column(self._names)) if self._names else numbers
            labels = _values(batch.column(self._labels)) if self._labels else [None] * size
            vectors = _vectors(batch.column(self._vectors))
            # The vectors come first: zip must not take a number that no vector follows.
            for vector, name, label in zip(vectors, names, labels, strict=False):
                yield VectorRow(name, vector, label)

    def count(self) -> int:
        """The number of rows, from the file's metadata."""
        return ParquetRows(self._location).count()


def vector_columns(location: Path) -> list[str]:
    """The names of the columns that hold lists of floats."""
    with _opened(location) as file:
        return [field.name for field in file.schema_arrow if _holds_vectors(field.type)]


def _holds_vectors(kind: Any) -> bool:
    from pyarrow import types

    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(is_list and types.is_floating(kind.value_type))


@contextmanager
def _opened(location: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with reading(location, pa.ArrowException), pq.ParquetFile(location) as file:
        yield file


def _batches(location: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Blocks of the columns, each read once even if it is asked for in two roles."""
    with _opened(location) as file:
        yield from file.iter_batches(batch_size=_BLOCK, columns=list(dict.fromkeys(columns)))


def _values(array: Any) -> list[object]:
    """Cells as Python values, strings undecoded."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = array.cast(pa.large_binary())
    values: list[object] = array.to_pylist()
    return values


def _vectors(array: Any) -> Iterator[FloatArray | None]:
    """The lists of a block as views into one flat array; None for a null list."""
    import pyarrow.compute as pc

    flat = array.flatten().to_numpy(zero_copy_only=False)
    start = 0
    for present, length in zip(
        array.is_valid().to_pylist(), pc.list_value_length(array).to_pylist(), strict=True
    ):
        if not present:
            yield None
            continue
        yield flat[start : start + length]
        start += length
