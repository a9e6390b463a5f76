"""Parquet files and Hugging Face's schema in them. pyarrow loads when a file is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from knnal.errors import ItemError
from knnal.sources.base import Row
from knnal.sources.text import reading
from knnal.types import FloatArray

_BLOCK = 1024


class ParquetRows:
    """The rows of a Parquet file, of the columns asked for.

    Numbers of a column that Hugging Face's schema calls a ClassLabel become the names there.
    """

    typed = True

    def __init__(self, location: Path) -> None:
        self._location = location

    def columns(self) -> list[str]:
        """The names of the top-level columns."""
        with _opened(self._location) as file:
            return list(file.schema_arrow.names)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Strings come as bytes, so that invalid UTF-8 spoils one row instead of its block."""
        names = self.class_names()
        for batch in _batches(self._location, columns):
            cells = [_values(batch.column(name)) for name in columns]
            for values in zip(*cells, strict=True):
                yield _named(dict(zip(columns, values, strict=True)), names)

    def count(self) -> int:
        """The number of rows, from the file's metadata."""
        with _opened(self._location) as file:
            return int(file.metadata.num_rows)

    def may_hold_floats(self, column: str) -> bool:
        """Whether 1.0 may be in the column."""
        from pyarrow import types

        with _opened(self._location) as file:
            kind = file.schema_arrow.field(column).type
        return bool(types.is_floating(kind) or types.is_nested(kind) or types.is_dictionary(kind))

    def layout(self) -> str:
        """The format."""
        return "Parquet"

    def notes(self) -> list[str]:
        """None."""
        return []

    def class_names(self) -> dict[str, Sequence[str]]:
        """The columns whose numbers stand for names, and these."""
        with _opened(self._location) as file:
            features = features_of(file.schema_arrow.metadata)
        found = {column: class_names(feature) for column, feature in features.items()}
        return {column: names for column, names in found.items() if names is not None}


class ParquetVectors:
    """The vectors in a list column of floats."""

    def __init__(self, location: Path, column: str) -> None:
        self._location = location
        self._column = column

    def __iter__(self) -> Iterator[FloatArray | None]:
        """The vectors in order; None for a null."""
        for batch in _batches(self._location, [self._column]):
            yield from _vectors(batch.column(self._column))


def vector_columns(location: Path) -> list[str]:
    """The names of the columns that hold lists of floats."""
    with _opened(location) as file:
        return [field.name for field in file.schema_arrow if _holds_vectors(field.type)]


def image_columns(location: Path) -> list[str]:
    """The names of the columns that hold images: those that Hugging Face's schema calls so, and
    structs of ``bytes`` and ``path``, as which it stores them.
    """
    with _opened(location) as file:
        schema = file.schema_arrow
        features = features_of(schema.metadata)
        return [f.name for f in schema if is_image(features.get(f.name)) or _is_file(f.type)]


def _is_file(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"})


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


def _named(row: dict[str, object], names: Mapping[str, Sequence[str]]) -> Row:
    """The row with names for the numbers that stand for them."""
    if not names:
        return row
    try:
        return {
            column: named(value, names[column]) if column in names else value
            for column, value in row.items()
        }
    except ItemError as error:
        return error


def _values(array: Any) -> list[object]:
    """Cells as Python values, strings undecoded."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if _is_string(array.type):
        array = array.cast(pa.large_binary())
    elif pa.types.is_list(array.type) and _is_string(array.type.value_type):
        array = array.cast(pa.list_(pa.large_binary()))
    values: list[object] = array.to_pylist()
    return values


def _is_string(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


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


_KEY = b"huggingface"
_NO_LABEL = -1  # of test sets whose labels are kept back


def features_of(metadata: Mapping[bytes, bytes] | None) -> dict[str, object]:
    """The features of the columns, by name; none where there are none or they are broken."""
    try:
        described = json.loads((metadata or {})[_KEY])
        features = described["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return features if isinstance(features, dict) else {}


def class_names(feature: object) -> Sequence[str] | None:
    """The names of a ClassLabel, or of a list of them; None for another feature."""
    if isinstance(feature, list) and len(feature) == 1:
        return class_names(feature[0])
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return names if is_list else None
    return class_names(feature.get("feature"))


def is_image(feature: object) -> bool:
    """Whether the column holds images."""
    return isinstance(feature, dict) and feature.get("_type") == "Image"


def named(value: object, names: Sequence[str]) -> object:
    """A number of a ClassLabel as its name; None for -1, which stands for a missing label.

    Raises ItemError for a number without a name.
    """
    if isinstance(value, list):
        return [named(element, names) for element in value]
    if value is None or value == _NO_LABEL:
        return None
    if isinstance(value, int | float) and value in range(len(names)):
        return names[int(value)]
    raise ItemError("number without a class name in the file's schema")
