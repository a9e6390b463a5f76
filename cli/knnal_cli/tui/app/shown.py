"""Snapshots of a session, made on its thread, that the screen draws without asking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rich.text import Text

from knnal.pool.pool import Pool
from knnal.quality.label_errors import Suspect
from knnal.session.question_selection import Question
from knnal.session.similar_items import SimilarItems
from knnal.types import Neighbor

Subject: TypeAlias = Question | Suspect
"""What is looked at: an item that is asked about, or a label that may be wrong."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A neighbor, and what there is to see of it."""

    neighbor: Neighbor
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
    neighbors: tuple[Seen, ...]

    @property
    def question(self) -> Question | None:
        return self.subject if isinstance(self.subject, Question) else None

    @property
    def suspect(self) -> Suspect | None:
        return self.subject if isinstance(self.subject, Suspect) else None


@dataclass(frozen=True, slots=True)
class Batch:
    """Similar items to label at once, and the classes that there are."""

    alike: SimilarItems
    counts: Mapping[str, int]
    keys: Mapping[str, str]

    @property
    def first(self) -> str:
        """The item that the others are like."""
        return self.alike.members[0].item


def seen(pool: Pool, neighbors: Sequence[Neighbor]) -> tuple[Seen, ...]:
    """Neighbors, looked up."""
    records = [pool.catalog.get(neighbor.item) for neighbor in neighbors]
    return tuple(
        Seen(neighbor, record.path, record.text)
        for neighbor, record in zip(neighbors, records, strict=True)
    )
