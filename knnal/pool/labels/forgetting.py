"""Items that are gone for good: taken out of use, with their labels, by the log alone."""

from __future__ import annotations

from dataclasses import dataclass

from knnal.pool.labels.ledger import EventKind, Ledger
from knnal.pool.labels.writer import LogWriter
from knnal.pool.pool import Pool


@dataclass(frozen=True, slots=True)
class Vanished:
    """Items that have vanished from their source and are not forgotten; ``labels`` of them have a
    label.
    """

    items: tuple[str, ...]
    labels: int


def find_vanished(pool: Pool, ledger: Ledger | None = None) -> Vanished:
    """The vanished items of a pool, by row; ``ledger`` is read from its log unless it is given."""
    ledger = ledger or pool.log.read_into(Ledger())
    items = tuple(item for item in pool.catalog.vanished() if not ledger.is_forgotten(item))
    return Vanished(items, sum(ledger.label(item) is not None for item in items))


def forget_vanished(pool: Pool, annotator: str | None = None) -> Vanished:
    """Take vanished items out of use: they are not counted any more, and their labels are none.

    An undo by the annotator takes all of it back. An item whose file comes back is an item again,
    without a label. It is durable when this returns.
    """
    writer = LogWriter(pool, annotator)
    with writer.writing() as events:
        found = find_vanished(pool, writer.ledger)
        for item in found.items:
            batch = events[0].seq if events else None
            events.append(writer.append(EventKind.FORGET, item=item, batch=batch))
    return found
