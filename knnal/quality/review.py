"""Labels looked at again: which ones are suspicious, and what is decided on them.

The modes are those of RAD (Z. Zhao et al., "Enhancing Robustness of On-line Learning Models on
Highly Noisy Data", arXiv 2103.10824), with no model to train: an item is predicted by the labels of
the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from knnal.classifiers.ensemble import Ensemble
from knnal.errors import InputError
from knnal.pool.labels.ledger import Event, EventKind
from knnal.pool.storage import Record
from knnal.quality.label_errors import Judged, Suspect, judge, judgeable
from knnal.session.session import Session
from knnal.session.suspicion import NONE, likeliest_classes, majority
from knnal.types import BoolArray, Prediction

VOTERS = ((1, 0, 0), (0, 1, 1))
"""The two models that vote beside the label: powers of kNN, graph and class means."""


class Mode(StrEnum):
    """Which labels a review is about.

    SUSPICION: those older than their item's content, those that somebody else disagrees with, that
    are not predicted, or that confident learning finds among another class's.
    VOTING: those that neither of two models predicts. ACTIVE: those of them on which the two models
    do not agree either. SLIM: those that are not predicted.
    """

    SUSPICION = "suspicion"
    VOTING = "voting"
    ACTIVE = "active"
    SLIM = "slim"


@dataclass(frozen=True, slots=True)
class Left:
    """``suspicious`` labels are left to review; of them ``outdated`` are older than their item's
    content, on ``disputed`` two people disagree, and ``confident`` are confidently wrong.
    """

    suspicious: int
    outdated: int
    disputed: int
    confident: int


@dataclass(slots=True)
class Decided:
    """How many labels were ``kept``, ``changed``, and ``set_aside``."""

    kept: int = 0
    changed: int = 0
    set_aside: int = 0

    def __add__(self, other: Decided) -> Decided:
        return Decided(
            self.kept + other.kept,
            self.changed + other.changed,
            self.set_aside + other.set_aside,
        )


class Review:
    """Reviews the labels of a session's pool; its answers are events in the log like any other.

    A label that a review has kept or given is not asked about again, until it is another one or
    its item's content changes. Nor is a class's only label, unless its item's content has changed
    or somebody disagrees with it: left out, nothing speaks for its class. The models of VOTING and
    ACTIVE vote once, when the review begins, on all labels there are.
    """

    def __init__(self, session: Session, mode: Mode = Mode.SUSPICION) -> None:
        self.session = session
        self.mode = mode
        self._kept: tuple[int, Judged] | None = None
        session.refresh()
        self._outvoted = self._vote() if mode in (Mode.VOTING, Mode.ACTIVE) else {}

    def suspects(self, limit: int | None = None) -> list[Suspect]:
        """What is left to review: labels older than their item's content first, then those that
        somebody disagrees with, then the others; each the most suspicious first, ties by lower row.

        Raises InputError for a limit below 1.
        """
        if limit is not None and limit < 1:
            raise InputError(f"Expected to review at least 1 label, came {limit}.")
        judged, places = self._rank(self.mode)
        return self._describe(judged, places[:limit])

    def look(self, item: str) -> Suspect | None:
        """One item as ``suspects`` has them, whether suspicious or not; None if it has no label,
        or one that cannot be judged. Raises InputError for an unknown id.
        """
        judged = self._judge()
        places = np.flatnonzero(judged.rows == self.session.pool.catalog.get(item).row)
        return next(iter(self._describe(judged, places.tolist())), None)

    def left(self) -> Left:
        """How much there is to review."""
        judged, places = self._rank(self.mode)
        masks = (judged.outdated, judged.disputed, judged.confident)
        return Left(len(places), *(int(np.count_nonzero(mask[places])) for mask in masks))

    def answer(self, suspect: Suspect, label: str | None) -> Event:
        """Keep the label, change it, or, by None, take it out of force and set the item aside.

        Raises as ``Session.relabel`` does.
        """
        return self.session.review(
            suspect.item, label, suspicion=suspect.suspicion, was=suspect.label
        )

    def consult(self, answers: Mapping[str, str], limit: int | None = None) -> Decided:
        """Answer from a table of true labels, the most suspicious first, at most ``limit`` times.

        What the table does not know is left as it is. Raises as ``suspects`` and ``answer`` do.
        """
        known = [suspect for suspect in self.suspects() if suspect.item in answers]
        return self._answer_all([(suspect, answers[suspect.item]) for suspect in known[:limit]])

    def apply_votes(self) -> Decided:
        """Of the labels that neither model predicts, change those against which the two agree, and
        set the others aside. Raises as ``answer`` does, InputError in other modes.
        """
        if self.mode not in (Mode.VOTING, Mode.ACTIVE):
            raise InputError(f"Expected the mode 'voting' or 'active', came '{self.mode}'.")
        outvoted = self._describe(*self._rank(Mode.VOTING))
        return self._answer_all([(suspect, suspect.voted) for suspect in outvoted])

    def _answer_all(self, answers: Sequence[tuple[Suspect, str | None]]) -> Decided:
        decided = Decided()
        for suspect, label in answers:
            kind = self.answer(suspect, label).kind
            decided.kept += kind is EventKind.KEEP
            decided.changed += kind is EventKind.RELABEL
            decided.set_aside += kind is EventKind.SKIP
        return decided

    def _rank(self, mode: Mode) -> tuple[Judged, list[int]]:
        """What is judged, and the places in it that are left to review, in order."""
        self.session.refresh()
        judged = self._judge()
        wanted = np.flatnonzero(self._is_about(mode, judged))
        keys = (-judged.suspicion[wanted], ~judged.disputed[wanted], ~judged.outdated[wanted])
        order = wanted[np.lexsort(keys)]
        catalog, ledger = self.session.pool.catalog, self.session.ledger
        return judged, [
            place
            for place, row in zip(order.tolist(), judged.rows[order].tolist(), strict=True)
            if judged.outdated[place] or not ledger.is_reviewed(catalog.at(row).id)
        ]

    def _is_about(self, mode: Mode, judged: Judged) -> BoolArray:
        """Which of the labels a mode is about, reviewed ones too, ``(n,)``."""
        if mode in (Mode.VOTING, Mode.ACTIVE):
            rows = [
                row for row, voted in self._outvoted.items() if mode is Mode.VOTING or not voted
            ]
            return np.isin(judged.rows, np.array(rows, dtype=np.int64))
        unpredicted: BoolArray = judged.judgeable & (judged.predicted != judged.classes)
        if mode is Mode.SLIM:
            return unpredicted
        return judged.outdated | judged.disputed | unpredicted | judged.confident

    def _judge(self) -> Judged:
        """What is thought of all labels; the same until something is decided."""
        decided = self.session.ledger.last_seq
        if self._kept is None or self._kept[0] != decided:
            self._kept = decided, judge(self.session)
        return self._kept[1]

    def _vote(self) -> dict[int, str | None]:
        """The rows whose label neither model predicts, and the class on which the two agree."""
        state, names = self.session.state, self.session.classes
        rows = judgeable(state)
        models = Ensemble(state.labeling, state.classifier.options)
        given = state.labeling.classes[rows].astype(np.int64)
        predicted = []
        for powers in VOTERS:
            models.mix(np.array(powers))
            predicted.append(likeliest_classes(models.probabilities(rows)))
        voted = majority(given, *predicted)
        lost = np.flatnonzero(voted != given)
        return {
            row: None if number == NONE else names[number]
            for row, number in zip(rows[lost].tolist(), voted[lost].tolist(), strict=True)
        }

    def _describe(self, judged: Judged, places: Sequence[int]) -> list[Suspect]:
        session = self.session
        records = [session.pool.catalog.at(row) for row in judged.rows[places].tolist()]
        predictions = session.predict([record.id for record in records])
        return [
            self._suspect(judged, place, record, prediction)
            for place, record, prediction in zip(places, records, predictions, strict=True)
        ]

    def _suspect(
        self, judged: Judged, place: int, record: Record, prediction: Prediction
    ) -> Suspect:
        decision = self.session.ledger.decision(record.id)
        assert decision is not None
        return Suspect(
            item=record.id,
            label=self.session.classes[judged.classes[place]],
            annotator=decision.annotator,
            opinions=judged.opinions.get(record.row, ()),
            suspicion=float(judged.suspicion[place]),
            confident=bool(judged.confident[place]),
            prediction=prediction,
            voted=self._outvoted.get(record.row),
            outdated=bool(judged.outdated[place]),
            path=record.path,
            text=record.text,
        )
