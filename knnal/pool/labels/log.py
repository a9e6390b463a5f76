"""The label log: append-only, durable, shared by every process that labels the pool."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from knnal.errors import SchemaTooNewError
from knnal.pool.checksums import CHECKED, values_checksum
from knnal.pool.connection import Connection
from knnal.pool.labels.ledger import Event, EventKind, Ledger
from knnal.pool.storage import Offer

_KINDS = frozenset(kind.value for kind in EventKind)

_AFTER, _PREDICTED = "after_event", "predicted"
"""Where the scores of an offer keep what the log ended with, and what was predicted then."""

_COLUMNS = ", ".join(CHECKED["events"])


class LabelLog:
    """The ``EventLog`` in SQLite."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def events(self, after: int = 0) -> Iterator[Event]:
        """The events behind the one numbered ``after``, in order.

        Raises PoolDamagedError for events that are missing or not those written.
        """
        seq = after
        for *row, checksum in self._db.stream(
            f"SELECT {_COLUMNS}, checksum FROM events WHERE seq > ? ORDER BY seq",  # noqa: S608
            (after,),
        ):
            seq += 1
            if row[0] != seq or checksum != values_checksum(*row):
                raise self._db.damaged(f"event {seq} is missing or not what was written")
            yield _event(row)
        ((last,),) = self._db.rows("SELECT IFNULL(MAX(seq), 0) FROM events")
        if last < after:
            raise self._db.damaged(
                f"it ends with event {last}, but event {after} was read before. If an older copy "
                "was put in its place meanwhile, open the pool again"
            )

    def read_into(self, ledger: Ledger) -> Ledger:
        """Take what was appended since into a ledger, which is returned."""
        for event in self.events(after=ledger.last_seq):
            ledger.apply(event)
        return ledger

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
        batch: int | None = None,
    ) -> Event:
        """Append one event and return it. It is durable when the transaction around it ends."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        details = json.dumps(scores) if scores else None
        what = (kind.value, item, label, target, origin, annotator, at)
        row = (*what, strategy, details, text, batch)
        seq = self._db.insert(
            f"INSERT INTO events ({_COLUMNS}) VALUES (NULL{', ?' * len(row)})",  # noqa: S608
            row,
        )
        return _event((seq, *row))

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
                        json.dumps(
                            {**offer.scores, _AFTER: offer.after, _PREDICTED: offer.predicted}
                        ),
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
        after, predicted = scores.pop(_AFTER, 0), scores.pop(_PREDICTED, {})
        return Offer(origin, strategy, scores, after, predicted)


def _event(row: Sequence[Any]) -> Event:
    """Raises SchemaTooNewError for a kind that this knnal does not know."""
    seq, kind, item, label, target, origin, annotator, at, strategy, scores, text, batch = row
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
        batch=batch,
    )
