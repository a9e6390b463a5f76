"""What people at a desk change: second thoughts, and what is not an answer to a question."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from knnal.collaboration.engine import SessionThread
from knnal.collaboration.floor import Assignments, Held
from knnal.collaboration.settling import settle
from knnal.errors import LabelConflictError
from knnal.pool.labels.ledger import Event, EventKind
from knnal.session.question_selection import Question
from knnal.session.session import Session

Result = TypeVar("Result")


class MultiUserChanges:
    """Decisions by the session's thread, for a seat; ``MultiUserSession`` adds questions and
    answers. ``clock`` gives seconds.
    """

    def __init__(
        self, engine: SessionThread, floor: Assignments, clock: Callable[[], float]
    ) -> None:
        self._engine = engine
        self._floor = floor
        self._clock = clock
        self._lock = threading.Lock()

    def renew(self, seat: str) -> str:
        """A sign of life; the annotator on the seat. Raises SeatUnknownError."""
        with self._lock:
            return self._floor.renew(seat, self._clock())

    def look(self, item: str) -> Question:
        """What asking about an item would be, whoever has it. Raises InputError."""
        return self._engine.call(lambda session: session.explain(item))

    def work(self, work: Callable[[Session], Result]) -> Result:
        """Have something read off the session, which must be left as it is."""
        return self._engine.call(work)

    def relabel(self, seat: str, item: str, label: str, was: str | None = None) -> Event:
        """Give a labeled item another label; ``was`` is the one that the person saw.

        Raises SeatUnknownError, LabelConflictError if it has another one by now, and what
        ``Session.relabel`` raises.
        """

        def decide(session: Session) -> Event:
            return session.relabel(item, label, was=was)

        return self._change(seat, decide)

    def settle(self, seat: str, item: str, label: str | None, was: str | None = None) -> Event:
        """Keep a doubtful label, change it, or, by None, take it out of force and set the item
        aside; in all cases it counts as reviewed. Raises as ``relabel`` does.
        """

        def decide(session: Session) -> Event:
            return settle(session, session.pool.catalog.get(item).id, label, was)

        return self._change(seat, decide)

    def unlabel(self, seat: str, item: str, was: str | None = None) -> Event:
        """Take an item's label away, or that it is skipped: it may be asked about again.

        Raises as ``relabel`` does, and what ``Session.unlabel`` raises.
        """

        def decide(session: Session) -> Event:
            return session.unlabel(item, was=was)[0]

        return self._change(seat, decide)

    def label_items(
        self, seat: str, items: Sequence[str], label: str, batch: int | None = None
    ) -> list[Event]:
        """Label together those of the items that have no label and are with nobody else; they are
        undone as one, together with the earlier ``batch``.

        Raises SeatUnknownError and what ``Decisions.label_items`` raises.
        """
        with self._lock:
            self._floor.renew(seat, self._clock())
            own = self._floor.leases.item_of(seat)
            elsewhere = self._floor.leases.held_items() - {own}
        known = [self._known(item) for item in items]
        free = [item for item in known if item not in elsewhere]
        events = self._change(seat, lambda session: session.label_items(free, label, batch))
        if own in free:
            with self._lock:
                self._floor.give_back(seat, own)
        return events

    def undoable(self, seat: str) -> list[Event]:
        """What ``undo`` would take back. Raises SeatUnknownError, NothingToUndoError."""
        annotator = self.renew(seat)
        with self._lock:
            decisions = self._floor.book.decisions.by(annotator)
            return decisions.ledger.batch_of(decisions.undoable())

    def undo(self, seat: str, expected: int | None = None) -> list[Event]:
        """Take back the annotator's latest decision, and hand its item to the seat again; or what
        was decided at once, such as an import. With ``expected``, the number of its first event,
        nothing else is taken back.

        Raises SeatUnknownError, and what ``Session.undo`` raises.
        """
        events = self._change(seat, lambda session: _batch(session, session.undo(expected)))
        taken_back = events[0]
        alone = len(events) == 1 and taken_back.kind in (EventKind.LABEL, EventKind.SKIP)
        if alone and taken_back.item is not None:
            renamings = self._renamings()
            question = replace(self.look(taken_back.item), origin=taken_back.origin)
            with self._lock:
                self._floor.renew(seat, self._clock())
                if self._floor.is_open(taken_back.item):
                    self._floor.give_back(seat)
                    self._floor.hand_out(seat, Held(question, renamings))
        return events

    def redo(self, seat: str) -> list[Event]:
        """Bring back what the annotator's latest undo took back.

        Raises SeatUnknownError, and what ``Session.redo`` raises.
        """
        events = self._change(seat, lambda session: _batch(session, session.redo()))
        with self._lock:
            own = self._floor.leases.item_of(seat)
            if any(event.decides and event.item == own for event in events):
                self._floor.give_back(seat, own)
        return events

    def note(self, seat: str, item: str, text: str) -> Event:
        """Put a note on an item; an empty text removes it. Raises InputError, SeatUnknownError."""
        return self._change(seat, lambda session: session.note(item, text))

    def rename_class(self, seat: str, old: str, new: str) -> Event:
        """Give a class another name, for everybody; where that is a class too, the two become one.

        Raises SeatUnknownError, and what ``Session.rename_class`` raises.
        """
        return self._change(seat, lambda session: session.rename_class(old, new))

    def remove_class(self, seat: str, name: str) -> Event:
        """Remove a class without labels, for everybody.

        Raises SeatUnknownError, and what ``Session.remove_class`` raises.
        """
        return self._change(seat, lambda session: session.remove_class(name))

    def add_class(self, seat: str, name: str) -> None:
        """Declare a class before any item has it. Raises InputError, SeatUnknownError."""
        self._change(seat, lambda session: session.add_class(name))

    def _known(self, item: str) -> str:
        """The item's id as the pool writes it. Raises InputError for an unknown one."""
        with self._lock:
            return self._floor.book.pool.catalog.get(item).id

    def _renamings(self) -> int:
        with self._lock:
            self._floor.book.catch_up()
            return self._floor.renamings

    def _change(self, seat: str, work: Callable[[Session], Result]) -> Result:
        result = self._decide(self.renew(seat), work)
        self._prepare_later()
        return result

    def _decide(
        self,
        annotator: str,
        work: Callable[[Session], Result],
        seat: str | None = None,
        item: str | None = None,
    ) -> Result:
        """Have the annotator decide something, on an item that no other seat has."""
        with self._lock:
            if seat is not None and item is not None:
                self._floor.leases.require_free(item, seat)
        try:
            return self._engine.call_as(annotator, work)
        except LabelConflictError:
            with self._lock:
                if seat is not None:
                    self._floor.give_back(seat, item)
            raise
        finally:
            with self._lock:
                self._floor.book.catch_up()

    def _prepare_later(self) -> None:
        """Called when something has changed by which other questions may be better."""
        raise NotImplementedError


def _batch(session: Session, first: Event) -> list[Event]:
    return session.ledger.batch_of(first)
