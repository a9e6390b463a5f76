"""What a pool requires of the place that keeps its items and its events.

SQLite is the one implementation: ``Catalog`` and ``LabelLog`` in ``labels.sqlite``. The guarantees
below are those that the rest of knnal relies on; ``tests/contracts/test_storage.py`` tests them on
every implementation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from knnal.pool.labels.ledger import Event, EventKind, Ledger
from knnal.types import BoolArray


class ItemState(StrEnum):
    """Vanished items keep their labels, which go on voting; superseded rows are out of use."""

    LIVE = "live"
    VANISHED = "vanished"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Record:
    """One item as stored. ``path`` is absolute."""

    row: int
    id: str
    source: int
    state: ItemState
    stamp: str
    digest: str
    path: Path | None
    text: str | None

    @property
    def path_exists(self) -> bool:
        return self.path is not None and os.path.lexists(self.path)


@dataclass(frozen=True, slots=True)
class NewRecord:
    """An item about to be stored; ``path`` is relative to its source."""

    id: str
    stamp: str
    digest: str
    path: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """How an item came to be decided on: ``origin`` ("asked", "audit", or "named" without a
    strategy), strategy, scores.

    ``after`` is the number of the last event in the log when it was made. ``predicted`` is what was
    predicted then, as far as it was found: the ``prediction``, None before any label, its
    ``probability``, and the ``agreement`` of predictions with those before the latest label.
    """

    origin: str
    strategy: str | None
    scores: Mapping[str, Any] = field(default_factory=dict)
    after: int = 0
    predicted: Mapping[str, Any] = field(default_factory=dict)


class EventLog(Protocol):
    """Append-only events, numbered 1, 2, 3, ... without a gap, and the latest offer of each item.

    An event is never changed or removed. What it means is the ``Ledger``'s business.
    """

    def events(self, after: int = 0) -> Iterator[Event]:
        """The events behind the one numbered ``after``, in order.

        Raises
        ------
        PoolDamagedError
            If an event is missing, or is not what was written.
        SchemaTooNewError
            For an event of an unknown kind.
        """

    def read_into(self, ledger: Ledger) -> Ledger:
        """Apply the events that a ledger has not seen, and return it."""

    def writing(self, catch_up: Callable[[], None]) -> AbstractContextManager[None]:
        """A transaction in which nobody else appends.

        ``catch_up`` runs first, inside it, so that a decision is made on the whole log. Everything
        is durable when the block ends, or undone if it raises.
        """

    def append(
        self,
        kind: EventKind,
        *,
        annotator: str,
        origin: str,
        item: str | None = None,
        label: str | None = None,
        target: int | None = None,
        strategy: str | None = None,
        scores: Mapping[str, Any] | None = None,
        text: str | None = None,
        batch: int | None = None,
    ) -> Event:
        """Append an event inside ``writing``, and return it as ``events`` will."""

    def offer(self, offers: Mapping[str, Offer]) -> None:
        """Keep how items came to be asked about, by id, in place of earlier offers."""

    def offered(self, item: str) -> Offer | None:
        """How an item was last asked about, or None."""


class ItemCatalog(Protocol):
    """The items of a pool, by id and by row. Rows are numbered from 0 and never reused.

    Methods that change something are called inside ``Storage.transaction``.
    """

    def source(self, location: Path) -> int:
        """The number of a source, registered if it is new."""

    def find_source(self, location: Path) -> int | None:
        """The number of a source, or None if it is unknown."""

    def sources(self) -> list[Path]:
        """The locations of all sources."""

    def locations(self) -> dict[int, Path]:
        """The location of each source, by its number."""

    def move_source(self, source: int, location: Path) -> None:
        """Give a source a new location, with its items."""

    def join_sources(self, source: int, into: int) -> None:
        """Move all items of a source to another one, and remove it."""

    def row_count(self) -> int:
        """The number of rows, superseded ones included."""

    def live_mask(self) -> BoolArray:
        """Which rows hold a live item, ``(rows,)``."""

    def counts(self) -> dict[ItemState, int]:
        """The number of rows in each state."""

    def vanished(self) -> list[str]:
        """The ids of vanished items, by row."""

    def find(self, item: str) -> Record | None:
        """The item of exactly that id, or None."""

    def get(self, item: str) -> Record:
        """The item of an id; one in another Unicode form is found as well.

        Raises
        ------
        InputError
            If no item, or more than one, has the id.
        """

    def at(self, row: int) -> Record:
        """The item in a row. Raises IndexError if there is none."""

    def records(self) -> Iterator[Record]:
        """Live and vanished items, by row."""

    def rows_of(self, items: Iterable[str]) -> dict[str, int]:
        """The rows of those ids that the pool holds."""

    def add(self, source: int, records: Sequence[NewRecord]) -> int:
        """Append rows, superseding items of the same ids; returns the first new row."""

    def touch(self, row: int, stamp: str) -> None:
        """Record a new stamp for unchanged content."""

    def relocate(self, row: int, source: int, path: str | None, stamp: str) -> None:
        """Record that an item's file is at a path below a source. The id stays."""

    def relocated(self, source: int) -> dict[str, str]:
        """The ids of a source's items whose path differs from their id, by path."""

    def has_file_of(self, size: int) -> bool:
        """Whether an item in use is a file of this size in bytes."""

    def files_with(self, size: int, digest: str) -> list[Record]:
        """Items in use whose file has this size in bytes and this digest, by row."""

    def begin_scan(self) -> None:
        """Start a scan of a source."""

    def see(self, item: str) -> bool:
        """Note an id of the scan; False if the scan has seen it before."""

    def end_scan(self, source: int) -> tuple[int, int]:
        """Update the states of a source's items by what the scan saw.

        Returns the numbers of items that vanished and that returned.
        """


class Storage(Protocol):
    """Items and events that change together."""

    @property
    def catalog(self) -> ItemCatalog: ...

    @property
    def log(self) -> EventLog: ...

    def transaction(self) -> AbstractContextManager[None]:
        """A block whose changes are durable when it ends, or undone if it raises."""

    def close(self) -> None:
        """Release the files."""
