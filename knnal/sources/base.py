"""What a source yields, the protocols of sources and file formats, and checks of their options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from knnal.errors import InputError, ItemError
from knnal.types import FloatArray, Modality


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to embed.

    Exactly one of ``path`` (an image file), ``text`` and ``vector`` (1-d) is set. ``stamp`` tells
    cheaply whether the content may have changed since it was last read: equal stamps mean equal
    content. For files it is made of size and times, for the rest it is the content's sha256.
    """

    id: str
    stamp: str
    path: Path | None = None
    text: str | None = None
    vector: FloatArray | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that cannot become an item: where it is, and why (a phrase that repeats)."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Column:
    """Which column of a file has a role ("text", "id", "label", "vector"), and why.

    The name is None for a role that no column has but the source fills.
    """

    role: str
    name: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source reads its file.

    ``layout`` is the format in a few words, and ``notes`` are sentences on what the user may not
    expect; after the source was iterated they cover what was found on the way.
    """

    layout: str
    columns: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class FileSource(Protocol):
    """A source that is one file, and tells how it reads it."""

    def reading(self) -> Reading:
        """How the file is read."""


class Source(Protocol):
    """A place that items come from. Each iteration starts from the beginning."""

    modality: Modality
    location: Path

    def __iter__(self) -> Iterator[Item | Skip]: ...

    def count(self) -> int | None:
        """How many items to expect, for progress; None where only reading it all would tell."""


class SourceKind(Protocol):
    """A class of sources, as the entry points ``knnal.sources`` register it.

    It is made with a path and the options of ``open_source`` that its signature names.
    ``summary`` says in a few words what it reads. Classes are tried by rising ``precedence``, the
    built-in ones from 10 on.
    """

    summary: str
    precedence: int

    def __call__(self, location: Path, /, **options: Any) -> Source: ...

    def reads(self, location: Path, options: Mapping[str, object]) -> bool:
        """Whether the class reads what lies there, given the options that are set."""


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


def require_file(location: Path | str) -> Path:
    """The location as a Path. Raises InputError unless a file lies there."""
    path = Path(location)
    if path.is_dir():
        raise InputError(f"{path} is a folder. Pass a file inside it.")
    if not path.exists():
        raise InputError(f"There is no file {path}. Check the path.")
    return path


def require_column(
    location: Path, columns: Sequence[str], name: str, *, option: str, hint: str = ""
) -> str:
    """Check that exactly one column has a name.

    Parameters
    ----------
    location : Path
        The file, for the message.
    columns : sequence of str
        Names of the file's columns.
    name : str
        The name to look for.
    option : str
        The parameter that ``name`` was passed as.
    hint : str
        A sentence on why the names may be unexpected.

    Returns
    -------
    str
        ``name``.

    Raises
    ------
    InputError
        If no column, or more than one, has the name.
    """
    found = columns.count(name)
    if found == 1:
        return name
    has = "no column" if found == 0 else f"{found} columns"
    raise InputError(
        f"{location} has {has} {name!r}. Its columns are {listed(columns)}.{hint} Pass one of "
        f"these as `{option}`."
    )


def reject_options(location: Path, kind: str, given: Mapping[str, object]) -> None:
    """Raise InputError for options that are set although the kind of source does not take them."""
    misfits = [f"`{option}`" for option, value in given.items() if value not in (None, False)]
    if misfits:
        raise InputError(
            f"{location} is {kind}, which takes no {' or '.join(misfits)}. Leave it out."
        )


def listed(names: Iterable[str]) -> str:
    """Names for a message. Quoted by repr, so that undecodable ones can be printed as well."""
    return ", ".join(map(repr, names)) or "none"
