"""What several people share: seats, questions, and the decisions in force."""

from __future__ import annotations

from knnal.collaboration.assignments import Assignments
from knnal.collaboration.opinions import Awaiting
from knnal.collaboration.prepared import PreparedQuestion, QuestionStock, Renames
from knnal.pool.labels.ledger import Event, Ledger, is_same
from knnal.pool.pool import Pool
from knnal.session.decisions import Decisions
from knnal.session.questions import Question
from knnal.session.session import offer_of


class SharedState:
    """Who is asked what, and what they decide. Not thread-safe, and never waits for a session."""

    def __init__(self, pool: Pool, overlap: float, seed: int, lease: float) -> None:
        self.assignments = Assignments(lease)
        self.stock = QuestionStock()
        self.ledger = Ledger()
        self.decisions = Decisions(pool, ledger=self.ledger, take_in=self._take_in)
        self._pool = pool
        self._declined: set[tuple[str, str]] = set()
        self._awaiting = Awaiting(overlap, seed)
        self._renames = Renames()
        self.decisions.refresh()

    def _take_in(self, event: Event) -> None:
        self.ledger.apply(event)
        self._awaiting.note(event)
        self._renames.take_in(event, self.ledger)

    @property
    def is_alone(self) -> bool:
        """Whether there are not two seats."""
        return len(self.assignments) < 2

    def heartbeat(self, seat: str, now: float) -> str:
        """Follow the log, and renew the seat's lease; its annotator. Raises SeatUnknownError."""
        self.decisions.refresh()
        return self.assignments.heartbeat(seat, now)

    def known(self, item: str) -> str:
        """The item's id as the pool writes it. Raises InputError for an unknown one."""
        return self._pool.catalog.get(item).id

    def as_named_now(self, prepared: PreparedQuestion) -> Question:
        """The question with the class names of now."""
        return self._renames.applied_to(prepared)

    def awaited(self, annotator: str) -> Event | None:
        """A label that the annotator may give a second opinion on."""
        taken = self.assignments.items()
        labels = self._awaiting.labels_by_others(annotator, self.ledger)
        free = (event for event in labels if event.item not in taken)
        return next((e for e in free if (annotator, e.item) not in self._declined), None)

    def take_ready(self, seat: str, first: Event | None) -> PreparedQuestion | None:
        """Give the seat the best question that is ready; for somebody alone, none is."""
        if first is not None:
            asked = self.stock.answered(str(first.item))
            ready = asked and asked.for_opinion(first)
        elif self.is_alone:
            self.stock.clear()
            ready = None
        else:
            ready = self.stock.take(self.is_open)
        if ready is not None:
            self.assignments.assign(seat, ready)
        return ready

    def is_open(self, item: str, first: Event | None = None) -> bool:
        """Whether nobody has the item, and the decision in force on it is ``first``."""
        is_free = item not in self.assignments.items()
        return is_free and is_same(self.ledger.decision(item), first)

    def given(self, annotator: str, item: str, label: str) -> Event | None:
        """The annotator's own label or opinion in force on the item, if it is that label."""
        decision = self.ledger.decision(item)
        if decision is None:
            return None
        opinions = (o for first, o in self.ledger.opinions() if first.seq == decision.seq)
        mine = annotator, label
        return next((e for e in (decision, *opinions) if (e.annotator, e.label) == mine), None)

    def tell(
        self, decisions: Decisions, seat: str, item: str, label: str, agreement: float | None
    ) -> Event:
        """Label an item, or give an opinion on it if that is what the seat was asked for."""
        held = self.assignments.held(seat, item)
        if held is None:
            self.assignments.require_free(item, seat)
            return decisions.tell(item, label)
        question = self.as_named_now(held)
        if held.first is not None:
            predicted = offer_of(question, held.after).predicted
            return decisions.opinion(item, label, held.first, predicted=predicted)
        event = decisions.tell(
            item, label, offer=offer_of(question, held.after, agreement=agreement)
        )
        self.stock.keep(held)
        return event

    def skip(self, decisions: Decisions, seat: str, item: str) -> Event | None:
        """Set an item aside, or give no opinion on it if the seat was asked for one."""
        held = self.assignments.held(seat, item)
        if held is not None and held.first is not None:
            self._declined.add((decisions.annotator, item))
            return None
        self.assignments.require_free(item, seat)
        event = decisions.skip(item)
        self.stock.keep(held)
        return event

    def release_decided(self, seat: str) -> None:
        """Free what the seat has if that was decided on otherwise."""
        held = self.assignments.held(seat)
        if held is not None and not is_same(self.ledger.decision(held.item), held.first):
            self.assignments.release(seat)
