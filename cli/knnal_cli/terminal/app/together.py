"""Labels that were given together, and are taken back together."""

from __future__ import annotations

from collections.abc import Sequence

from knnal.crowd.region import label_items, undo_events
from knnal.session import Session
from knnal.store.ledger import Event


class Together:
    """The batches labelled since the application began; everything else goes one by one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batches: list[list[int]] = []
        self._taken_back: list[list[int]] = []

    def label(self, given: Sequence[tuple[str, str]]) -> int:
        """Label items, as pairs of item and label, and how many got one: those that have a label
        already keep it. Raises InputError for an unknown item or an empty label.

        An item that was asked about alone is labelled as such, so that it counts as what it was
        drawn for; the rest is as if the user had named it.
        """
        session = self._session
        numbers: list[int] = []
        for item, label in given:
            if session.pool.log.offered(item) is not None and session.ledger.label(item) is None:
                numbers.append(session.tell(item, label).seq)
        for label in dict.fromkeys(label for _, label in given):
            items = [item for item, other in given if other == label]
            numbers += [event.seq for event in label_items(session, items, label)]
        if numbers:
            self._batches.append(sorted(numbers))
        return len(numbers)

    def undo(self) -> list[Event]:
        """Take back the latest decision, or the batch that it was of; the events taken back.

        Raises NothingToUndoError when there is none.
        """
        latest = self._session.ledger.last_of(self._session.annotator)
        if latest is None or not self._batches or latest.seq != self._batches[-1][-1]:
            return [self._session.undo()]
        batch = self._batches.pop()
        events = undo_events(self._session, batch)
        self._taken_back.append(batch)
        return events

    def redo(self) -> list[Event]:
        """Bring back what was taken back last, a batch as a whole. Raises as ``Session.redo``."""
        events = [self._session.redo()]
        if self._taken_back and events[0].seq == self._taken_back[-1][0]:
            batch = self._taken_back.pop()
            events += [self._session.redo() for _ in batch[1:]]
            self._batches.append(batch)
        return events
