"""Snapshots of a session, made on its thread, that the screen draws without asking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rich.text import Text

from knnal.alike import Alike
from knnal.asking import Question
from knnal.doubts import Suspect
from knnal.store.pool import Pool
from knnal.types import Neighbour

Subject: TypeAlias = Question | Suspect
"""What is looked at: an item that is asked about, or a label that may be wrong."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A neighbour, and what there is to see of it."""

    neighbour: Neighbour
    path: Path | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """An item that was decided on; ``label`` is None where it was set aside."""

    item: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Undoable:
    """What an undo would take back, in ``words``: so many events, the first of them ``first``."""

    first: int
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the screen has: ``subject`` is None when nothing is left; ``label`` is the label in
    force of an item that has one; ``remark`` says what the latest key did; ``lines`` are on top.
    """

    subject: Subject | None
    remark: str
    label: str | None
    note: str | None
    counts: Mapping[str, int]
    keys: Mapping[str, str]
    lines: tuple[Text, ...]
    neighbours: tuple[Seen, ...]

    @property
    def question(self) -> Question | None:
        return self.subject if isinstance(self.subject, Question) else None

    @property
    def suspect(self) -> Suspect | None:
        return self.subject if isinstance(self.subject, Suspect) else None


@dataclass(frozen=True, slots=True)
class Batch:
    """Similar items to label at once, and the classes that there are."""

    alike: Alike
    counts: Mapping[str, int]
    keys: Mapping[str, str]

    @property
    def first(self) -> str:
        """The item that the others are like."""
        return self.alike.members[0].item


def seen(pool: Pool, neighbours: Sequence[Neighbour]) -> tuple[Seen, ...]:
    """Neighbours, looked up."""
    records = [pool.catalogue.get(neighbour.item) for neighbour in neighbours]
    return tuple(
        Seen(neighbour, record.path, record.text)
        for neighbour, record in zip(neighbours, records, strict=True)
    )
