"""The records that a source yields, and the protocol that every source keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

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
    """A place that items come from. Iterating it anew starts from the beginning."""

    modality: Modality
    location: Path

    def __iter__(self) -> Iterator[Item | Skip]: ...

    def count(self) -> int | None:
        """How many items to expect, for progress; None where only reading it all would tell."""
