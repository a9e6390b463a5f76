"""Review of labels that may be wrong: which ones, in what order, and the decisions on them.

The modes are those of RAD (Z. Zhao et al., "Enhancing Robustness of On-line Learning Models on
Highly Noisy Data", arXiv 2103.10824), without a model to train: an item is predicted from the
labels of the others.
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
"""The two models that vote besides the label: powers of kNN, graph and class means."""


class Mode(StrEnum):
    """Which labels a review is about.

    SUSPICION: labels that are older than the item's content, disputed by someone else, not
    predicted, or errors by confident learning. VOTING: labels that neither of two models predicts.
    ACTIVE: those of them on which the two models disagree. SLIM: labels that are not predicted.
    """

    SUSPICION = "suspicion"
    VOTING = "voting"
    ACTIVE = "active"
    SLIM = "slim"


@dataclass(frozen=True, slots=True)
class Left:
    """``suspicious`` labels are left to review. Of them, ``outdated`` are older than the item's
    content, ``disputed`` have two different labels, ``confident`` are wrong by confident learning.
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
    """Reviews the labels of a session's pool. Its decisions are events in the log.

    A label that was kept or given in a review is not reviewed again until the label or the content
    of its item changes. Neither is the only label of a class, unless it is outdated or disputed,
    since nothing else predicts the class. The models of VOTING and ACTIVE vote once on all labels,
    when the review starts.

    Parameters
    ----------
    session
        The session whose labels to review.
    mode
        Which labels to review.
    """

    def __init__(self, session: Session, mode: Mode = Mode.SUSPICION) -> None:
        self.session = session
        self.mode = mode
        self._kept: tuple[int, Judged] | None = None
        session.refresh()
        self._outvoted = self._vote() if mode in (Mode.VOTING, Mode.ACTIVE) else {}

    def suspects(self, limit: int | None = None) -> list[Suspect]:
        """The labels left to review, at most ``limit``: outdated ones, then disputed ones, then
        the others; in each group by suspicion, ties by lower row.

        Raises InputError for a limit below 1.
        """
        if limit is not None and limit < 1:
            raise InputError(f"`limit` must be at least 1, got {limit}.")
        judged, places = self._rank(self.mode)
        return self._describe(judged, places[:limit])

    def suspect(self, item: str) -> Suspect | None:
        """One item like those of ``suspects``, whether suspicious or not; None without a label
        that can be judged. Raises InputError for an unknown id.
        """
        judged = self._judge()
        places = np.flatnonzero(judged.rows == self.session.pool.catalog.get(item).row)
        return next(iter(self._describe(judged, places.tolist())), None)

    def left(self) -> Left:
        """Count the labels left to review."""
        judged, places = self._rank(self.mode)
        masks = (judged.outdated, judged.disputed, judged.confident)
        return Left(len(places), *(int(np.count_nonzero(mask[places])) for mask in masks))

    def answer(self, suspect: Suspect, label: str | None) -> Event:
        """Keep the label, change it, or, with None, withdraw it and skip the item.

        Raises as ``Session.relabel`` does.
        """
        return self.session.review(
            suspect.item, label, suspicion=suspect.suspicion, was=suspect.label
        )

    def consult(self, answers: Mapping[str, str], limit: int | None = None) -> Decided:
        """Decide from true labels by item, the most suspicious first, at most ``limit`` times.

        Items without a true label keep theirs. Raises as ``suspects`` and ``answer`` do.
        """
        known = [suspect for suspect in self.suspects() if suspect.item in answers]
        return self._answer_all([(suspect, answers[suspect.item]) for suspect in known[:limit]])

    def apply_votes(self) -> Decided:
        """Of the labels that neither model predicts, change those on which the two models agree,
        and withdraw the others. Raises as ``answer`` does; InputError in other modes.
        """
        if self.mode not in (Mode.VOTING, Mode.ACTIVE):
            raise InputError(f"`mode` must be 'voting' or 'active', got '{self.mode}'.")
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
        """The judged labels, and the indices of those left to review, in order."""
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
        """Which labels a mode is about, including reviewed ones, ``(n,)``."""
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
        """All labels, judged; cached until the next decision."""
        decided = self.session.ledger.last_seq
        if self._kept is None or self._kept[0] != decided:
            self._kept = decided, judge(self.session)
        return self._kept[1]

    def _vote(self) -> dict[int, str | None]:
        """The rows whose label neither model predicts, with the class on which the two agree."""
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
