"""What people at a desk decided: the log through a connection of its own, ahead of the session."""

from __future__ import annotations

from knnal.collaboration.opinions import OPINION, Awaiting
from knnal.errors import LabelConflictError
from knnal.pool.labels.ledger import Event, EventKind, Ledger, is_same
from knnal.pool.pool import Pool
from knnal.session.question_selection import Question
from knnal.session.recording import require_unlabeled
from knnal.session.session import offer_of, provenance


class Book:
    """A pool's decisions in force, and what is written there without a session. Not thread-safe."""

    def __init__(self, pool: Pool, overlap: float, seed: int) -> None:
        self.pool = pool
        self.ledger = Ledger()
        self.awaiting = Awaiting(overlap, seed)
        self.catch_up()

    def catch_up(self) -> None:
        """Take in what was appended to the log since."""
        for event in self.pool.log.events(after=self.ledger.last_seq):
            self._note(event)

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
        why = provenance(offer_of(question, self.ledger.last_seq), question.prediction, agreement)
        with self.pool.log.writing(self.catch_up):
            require_unlabeled(self.ledger, question.item)
            events = self.pool.log.append_label(
                EventKind.LABEL,
                label,
                new_class=self.ledger.lacks_class(label),
                annotator=annotator,
                item=question.item,
                **why,
            )
        return self._noted(events)

    def opinion(self, question: Question, label: str, annotator: str, first: Event) -> Event:
        """Say beside a label what somebody else would have said. It is on disk when this returns.

        Raises LabelConflictError if the label is not in force any more.
        """
        predicted = provenance(None, question.prediction, None)["scores"]
        with self.pool.log.writing(self.catch_up):
            if not is_same(self.ledger.decision(question.item), first):
                raise LabelConflictError(
                    f"The label of '{question.item}' was changed meanwhile, so that there is "
                    "nothing to compare yours with. It was not stored."
                )
            events = self.pool.log.append_label(
                EventKind.OPINION,
                label,
                new_class=self.ledger.lacks_class(label),
                annotator=annotator,
                item=question.item,
                target=first.seq,
                origin=OPINION,
                scores=predicted,
            )
        return self._noted(events)

    def _noted(self, events: list[Event]) -> Event:
        for event in events:
            self._note(event)
        return events[0]

    def _note(self, event: Event) -> None:
        self.ledger.apply(event)
        self.awaiting.note(event)
