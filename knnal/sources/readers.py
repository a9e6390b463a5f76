"""What a file format must offer to be a table of texts or a file of vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from knnal.errors import ItemError
from knnal.sources.base import Reading
from knnal.types import FloatArray

Row: TypeAlias = "Mapping[str, object] | ItemError"
"""A row's cells by column, or why it has none."""


class TableReader(Protocol):
    """Rows of one file, read lazily.

    ``typed`` is whether its cells have types, so that a string which reads like a number is none.
    """

    typed: bool

    def columns(self) -> list[str]:
        """The names of the columns. Raises InputError if the file has none."""

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """The rows in order; of the cells, at least those of ``columns`` that are there."""

    def count(self) -> int:
        """The number of rows."""

    def may_hold_floats(self, column: str) -> bool:
        """Whether numbers like 1.0 may be in the column, told without reading it."""

    def layout(self) -> str:
        """The format in a few words, with the encoding and the separator where there are any."""

    def notes(self) -> list[str]:
        """Sentences on what the user may not expect in how the file is read."""


@dataclass(frozen=True, slots=True)
class VectorRow:
    """One vector, 1-d or missing, with the raw cells that name and label it."""

    name: object
    vector: FloatArray | None
    label: object = None


class VectorReader(Protocol):
    """Vectors of one file, read in blocks."""

    def rows(self) -> Iterator[VectorRow | ItemError]:
        """The vectors in order; an ItemError for a row that cannot be used."""

    def count(self) -> int:
        """How many there are."""

    def reading(self) -> Reading:
        """How the file is read."""
