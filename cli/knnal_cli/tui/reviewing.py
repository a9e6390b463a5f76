"""A review by a person, whatever it is shown on: what was answered, and what is asked next."""

from __future__ import annotations

from knnal.errors import NothingToUndoError
from knnal.pool.labels.ledger import REVIEW
from knnal.quality.label_errors import Suspect
from knnal.quality.review import Review
from knnal_cli.wording import label_remark


class Reviewing:
    """Asks about suspicious labels, the most suspicious first, up to ``limit`` of them."""

    def __init__(self, review: Review, limit: int | None = None) -> None:
        self.review = review
        self.answered = 0
        self._limit = limit

    @property
    def is_through(self) -> bool:
        """Whether as many were answered as were wanted."""
        return self.answered == self._limit

    def next(self) -> Suspect | None:
        """The next label to look at; None where none is left or as many as wanted are through."""
        return None if self.is_through else next(iter(self.review.suspects(1)), None)

    def answer(self, suspect: Suspect, label: str | None) -> str:
        """Keep, change or, by None, set aside; what to say of it. Raises as ``Review.answer``."""
        classes = self.review.session.classes
        self.review.answer(suspect, label)
        self.answered += 1
        if label is None:
            return f"{suspect.item}: set aside (was {suspect.label})"
        if label == suspect.label:
            return f"{suspect.item}: kept {label}"
        return f"{suspect.item}: {label_remark(label, classes, was=suspect.label)}"

    def undo(self) -> Suspect | None:
        """Take back the latest answer of a review, this one's or an earlier one's: its label again,
        None where that cannot be judged any more.

        Raises NothingToUndoError when the latest decision was not made in a review.
        """
        session = self.review.session
        session.refresh()
        latest = session.ledger.last_of(session.annotator)
        if latest is None or latest.origin != REVIEW or latest.item is None:
            raise NothingToUndoError("No answer of a review is left to take back.")
        session.undo(latest.seq)
        self.answered = max(self.answered - 1, 0)
        return self.review.suspect(latest.item)
