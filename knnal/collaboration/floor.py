"""Who has which question, and what is ready for whom. Bookkeeping alone: no threads, no session."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from knnal.collaboration.book import Book
from knnal.collaboration.leases import Leases
from knnal.errors import LabelConflictError
from knnal.pool.labels.ledger import Event, is_same
from knnal.session.question_selection import Question


@dataclass(frozen=True, slots=True)
class Held:
    """A question that is with somebody. ``by_session``: the session itself waits for the answer;
    ``first``: the label that the answer is a second opinion on; ``renamings``: how many there had
    been when it was asked, which its prediction knows of.
    """

    question: Question
    renamings: int
    by_session: bool = False
    first: Event | None = None


class Assignments:
    """Seats with their questions, and the book that answers go into. Not thread-safe."""

    def __init__(self, book: Book, lease: float) -> None:
        self.book = book
        self.leases = Leases(lease)
        self.agreement: float | None = None
        self._held: dict[str, Held] = {}
        self._prepared: deque[Question] = deque()
        self._prepared_after = 0
        self._declined: set[tuple[str, str]] = set()

    def join(self, seat: str, annotator: str, now: float) -> None:
        self.expire(now)
        self.leases.join(seat, annotator, now)

    def leave(self, seat: str) -> None:
        item = self.leases.leave(seat)
        self._held.pop(item or "", None)

    def renew(self, seat: str, now: float) -> str:
        """A sign of life; the annotator on the seat. Raises SeatUnknownError."""
        self.expire(now)
        return self.leases.renew(seat, now)

    def expire(self, now: float) -> None:
        for item in self.leases.expire(now):
            self._held.pop(item, None)

    @property
    def has_one(self) -> bool:
        """Whether somebody is alone."""
        return len(self.leases) == 1

    @property
    def renamings(self) -> int:
        """How often a class was renamed, as of when the book caught up."""
        return self.book.ledger.renamings

    def held_by(self, seat: str, item: str | None = None) -> Held | None:
        """What the seat has, if it is that item or none is named."""
        own = self.leases.item_of(seat)
        return self._held[own] if own is not None and item in (None, own) else None

    def is_open(self, item: str, first: Event | None = None) -> bool:
        """Whether nobody has the item, and the decision in force on it is ``first``."""
        self.book.catch_up()
        return item not in self.leases.held_items() and is_same(
            self.book.ledger.decision(item), first
        )

    def hand_out(self, seat: str, held: Held) -> Question:
        """Give the question to the seat, in the place of what it has. Raises ItemTakenError."""
        self.leases.require_free(held.question.item, seat)
        self.give_back(seat)
        self.leases.take(seat, held.question.item)
        self._held[held.question.item] = held
        return held.question

    def give_back(self, seat: str, item: str | None = None) -> None:
        """Free what the seat has, if it is that item or none is named."""
        if self.held_by(seat, item) is not None:
            self._held.pop(self.leases.give_back(seat) or "")

    def prepare(
        self, questions: Sequence[Question], agreement: float | None, renamings: int
    ) -> None:
        """What to ask next of whoever comes, instead of what was ready before."""
        self._prepared, self.agreement = deque(questions), agreement
        self._prepared_after = renamings

    def take_prepared(self, seat: str) -> Question | None:
        """Hand out the best question that is ready and still open."""
        if self._prepared_after != self.renamings:
            self._prepared.clear()
        while self._prepared:
            question = self._prepared.popleft()
            if self.is_open(question.item):
                return self.hand_out(seat, Held(question, self.renamings))
        return None

    def awaiting(self, annotator: str) -> Event | None:
        """A label that the annotator may give a second opinion on."""
        taken = self.leases.held_items()
        for label in self.book.awaiting.labels_by_others(annotator, self.book.ledger):
            if label.item not in taken and (annotator, label.item) not in self._declined:
                return label
        return None

    def decline(self, seat: str, annotator: str, item: str) -> bool:
        """Give no second opinion; False where the seat was not asked for one."""
        held = self.held_by(seat, item)
        if held is None or held.first is None:
            return False
        self._declined.add((annotator, item))
        self.give_back(seat)
        return True

    def write_down(self, seat: str, held: Held, label: str, annotator: str) -> Event:
        """The seat's answer, on disk when this returns; the session takes it in when it is free.

        Raises LabelConflictError as ``Book`` does; the seat is free then.
        """
        try:
            if held.first is not None:
                return self.book.opinion(held.question, label, annotator, held.first)
            return self.book.label(held.question, label, annotator, self.agreement)
        except LabelConflictError:
            self.give_back(seat)
            raise
