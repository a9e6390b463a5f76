"""What people at a desk decided: the log through a connection of its own, ahead of the session."""

from __future__ import annotations

from knnal.collaboration.opinions import Awaiting
from knnal.pool.labels.ledger import Event, Ledger
from knnal.pool.pool import Pool
from knnal.session.decisions import Decisions
from knnal.session.question_selection import Question
from knnal.session.session import offer_of


class Book:
    """A pool's decisions in force, and what is written there without a session. Not thread-safe."""

    def __init__(self, pool: Pool, overlap: float, seed: int) -> None:
        self.pool = pool
        self.ledger = Ledger()
        self.awaiting = Awaiting(overlap, seed)
        self.decisions = Decisions(pool, ledger=self.ledger, take_in=self._note)
        self.catch_up()

    def catch_up(self) -> None:
        """Take in what was appended to the log since."""
        self.decisions.refresh()

    def given(self, item: str, label: str, annotator: str) -> Event | None:
        """The annotator's own label or opinion in force on the item, if it is that label."""
        self.catch_up()
        mine = annotator, label
        decision = self.ledger.decision(item)
        if decision is None:
            return None
        if (decision.annotator, decision.label) == mine:
            return decision
        opinions = (
            opinion for first, opinion in self.ledger.opinions() if first.seq == decision.seq
        )
        return next((o for o in opinions if (o.annotator, o.label) == mine), None)

    def label(
        self, question: Question, label: str, annotator: str, agreement: float | None
    ) -> Event:
        """Label the question's item. It is on disk when this returns.

        Raises LabelConflictError for an item that has a label already.
        """
        offer = offer_of(question, self.ledger.last_seq, agreement=agreement)
        return self.decisions.by(annotator).tell(question.item, label, offer=offer)

    def opinion(self, question: Question, label: str, annotator: str, first: Event) -> Event:
        """Say beside a label what somebody else would have said. It is on disk when this returns.

        Raises LabelConflictError if the label is not in force any more.
        """
        predicted = offer_of(question, self.ledger.last_seq).predicted
        return self.decisions.by(annotator).opinion(question.item, label, first, predicted)

    def _note(self, event: Event) -> None:
        self.ledger.apply(event)
        self.awaiting.note(event)
