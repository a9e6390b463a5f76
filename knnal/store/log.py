"""The label log: append-only, durable, shared by every process that labels the pool."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from knnal.errors import SchemaTooNewError
from knnal.store.connection import Connection
from knnal.store.ledger import IMPORTED, Event, EventKind
from knnal.store.naming import Rename, name_now

_KINDS = frozenset(kind.value for kind in EventKind)

_AFTER = "after_event"
"""Where the scores of an offer keep what the log ended with."""

_NOT_TAKEN_BACK = (
    "NOT EXISTS (SELECT 1 FROM events AS u WHERE u.kind = 'undo' AND u.target = e.seq "
    "AND NOT EXISTS (SELECT 1 FROM events AS r WHERE r.kind = 'redo' AND r.target = u.seq))"
)
"""Holds for an event ``e`` that no undo targets, but for those that were redone."""

_COLUMNS = "seq, kind, origin, annotator, at, item, label, target, strategy, scores, text"


@dataclass(frozen=True, slots=True)
class Offer:
    """How an item came to be asked about: ``origin`` ("asked" or "audit"), strategy, scores.

    ``after`` is the number of the last event in the log when it was made.
    """

    origin: str
    strategy: str
    scores: Mapping[str, Any] = field(default_factory=dict)
    after: int = 0


class Imported(StrEnum):
    """What became of a label that was imported; KEPT: the item keeps another one."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class LabelLog:
    """Reads and appends events. Appending happens inside ``writing``, and nowhere else."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def events(self, after: int = 0) -> Iterator[Event]:
        """The events behind the one numbered ``after``, in order."""
        rows = self._db.stream(
            f"SELECT {_COLUMNS} FROM events WHERE seq > ? ORDER BY seq",  # noqa: S608
            (after,),
        )
        return map(_event, rows)

    @contextmanager
    def writing(self, catch_up: Callable[[], None]) -> Iterator[None]:
        """A transaction in which the log cannot grow under the writer.

        ``catch_up`` runs first, to take in what other processes appended meanwhile, so that what
        is decided inside is decided on the whole log.
        """
        with self._db.transaction():
            catch_up()
            yield

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
    ) -> Event:
        """Append one event and return it. It is durable when the transaction around it ends."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        row = (kind.value, origin, annotator, at, item, label, target, strategy)
        details = json.dumps(scores) if scores else None
        seq = self._db.insert(
            "INSERT INTO events"
            " (kind, origin, annotator, at, item, label, target, strategy, scores, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, details, text),
        )
        return _event((seq, *row, details, text))

    def append_label(self, kind: EventKind, label: str, **fields: Any) -> list[Event]:
        """Append a label or relabel, and the class that it brings if the log has none of that name.

        ``fields`` are those of ``append``.
        """
        ((known,),) = self._db.rows(
            # A name that a rename took away is a new class when it is given again.
            "SELECT EXISTS (SELECT 1 FROM events WHERE label = ? AND kind = 'class' AND seq > ("
            "SELECT IFNULL(MAX(seq), 0) FROM events WHERE text = ? AND kind = 'rename'))",
            (label, label),
        )
        event = self.append(kind, label=label, **fields)
        if known:
            return [event]
        return [event, self.append_class(label, fields["annotator"], brought_by=event.seq)]

    def import_label(
        self, item: str, label: str, annotator: str, *, overwrite: bool = False
    ) -> Imported:
        """Append a label that came with the data; another one that the item has stays in force
        unless it is to be overwritten. Call it inside a transaction.
        """
        current = self.label_of(item)
        if current == label:
            return Imported.UNCHANGED
        if current is not None and not overwrite:
            return Imported.KEPT
        kind = EventKind.LABEL if current is None else EventKind.RELABEL
        self.append_label(kind, label, annotator=annotator, item=item, origin=IMPORTED)
        return Imported.ADDED if current is None else Imported.CHANGED

    def append_class(self, name: str, annotator: str, brought_by: int | None = None) -> Event:
        """Append a class; ``brought_by`` is the label that it came with, None if declared."""
        origin = "declared" if brought_by is None else "label"
        return self.append(
            EventKind.CLASS, annotator=annotator, origin=origin, label=name, target=brought_by
        )

    def label_of(self, item: str) -> str | None:
        """The label in force for one item, read from the log without replaying it all."""
        row = self._db.first(
            "SELECT label, seq FROM events AS e WHERE item = ? "  # noqa: S608
            f"AND kind IN ('label', 'relabel', 'skip') AND {_NOT_TAKEN_BACK} "
            "ORDER BY seq DESC LIMIT 1",
            (item,),
        )
        if row is None or row[0] is None:
            return None
        label, given = row
        renames = self._db.rows(
            "SELECT seq, text, label FROM events AS e "  # noqa: S608
            f"WHERE kind = 'rename' AND seq > ? AND {_NOT_TAKEN_BACK} ORDER BY seq",
            (given,),
        )
        return name_now(label, given, (Rename(*rename) for rename in renames))

    def offer(self, offers: Mapping[str, Offer]) -> None:
        """Remember what was asked about, for answers that another process brings."""
        with self._db.transaction():
            self._db.run_for_each(
                "INSERT OR REPLACE INTO offers (item, origin, strategy, scores)"
                " VALUES (?, ?, ?, ?)",
                [
                    (
                        item,
                        offer.origin,
                        offer.strategy,
                        json.dumps({**offer.scores, _AFTER: offer.after}),
                    )
                    for item, offer in offers.items()
                ],
            )

    def offered(self, item: str) -> Offer | None:
        """How the item was last asked about, or None."""
        row = self._db.first("SELECT origin, strategy, scores FROM offers WHERE item = ?", (item,))
        if row is None:
            return None
        origin, strategy, text = row
        scores = json.loads(text)
        after = scores.pop(_AFTER, 0)
        return Offer(origin, strategy, scores, after)

    def has_answered_since(self, annotator: str, after: int, item: str) -> bool:
        """Whether the annotator has labelled or skipped another item behind the event ``after``."""
        row = self._db.first(
            "SELECT 1 FROM events WHERE seq > ? AND annotator = ? AND item != ?"
            " AND kind IN ('label', 'skip') AND origin != ? LIMIT 1",
            (after, annotator, item, IMPORTED),
        )
        return row is not None


def _event(row: tuple[Any, ...]) -> Event:
    """Raises SchemaTooNewError for a kind that this knnal does not know."""
    seq, kind, origin, annotator, at, item, label, target, strategy, scores, text = row
    if kind not in _KINDS:
        raise SchemaTooNewError(
            f"Expected events of the kinds {', '.join(sorted(_KINDS))} in this pool's log, came "
            f"'{kind}' as number {seq}. Upgrade knnal to open it; nothing in the pool was changed."
        )
    return Event(
        seq=seq,
        kind=EventKind(kind),
        origin=origin,
        annotator=annotator,
        at=at,
        item=item,
        label=label,
        target=target,
        strategy=strategy,
        scores=json.loads(scores) if scores else {},
        text=text,
    )
