"""How far each label agrees with the other labels, and with other people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.session.session import Session
from knnal.session.suspicion import likeliest_classes, off_diagonal, suspicion
from knnal.types import BoolArray, Float64Array, IntArray, Neighbor, Prediction


@dataclass(frozen=True, slots=True)
class Opinion:
    """Another label of an item, by someone who did not know the first."""

    label: str
    annotator: str


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that may be wrong, and whose it is. ``suspicion``, in [0, 1], is above a half where
    another class is likelier; ``confident``: the item is confidently of another class (confident
    learning). ``opinions`` are those of others that are not the label; ``outdated``: the item's
    content has changed since it got the label.

    ``prediction`` is that by the labels of the others; ``voted`` is the class on which two models
    agree against the label, None where they do not or where nobody voted.
    """

    item: str
    label: str
    annotator: str
    opinions: tuple[Opinion, ...]
    suspicion: float
    confident: bool
    prediction: Prediction
    voted: str | None
    outdated: bool
    path: Path | None
    text: str | None

    @property
    def against(self) -> tuple[Neighbor, ...]:
        """The neighbors that have another label."""
        return tuple(n for n in self.prediction.neighbors if n.label != self.label)


@dataclass(frozen=True, slots=True)
class Judged:
    """Labeled rows, sorted, with their classes and predictions. ``judgeable``: others have the
    class too; ``outdated``: the label is older than the content; ``opinions``: other labels by row.
    """

    rows: IntArray
    classes: IntArray
    predicted: IntArray
    suspicion: Float64Array
    confident: BoolArray
    judgeable: BoolArray
    outdated: BoolArray
    opinions: Mapping[int, tuple[Opinion, ...]]

    @property
    def disputed(self) -> BoolArray:
        """Where someone disagrees with the label, ``(n,)``."""
        return np.isin(self.rows, list(self.opinions))


def judge(session: Session) -> Judged:
    """Judge all labels."""
    state, opinions = session.state, _disagreeing(session)
    usual = judgeable(state)
    outdated = _outdated(session)
    rows = np.union1d(usual, np.array([*opinions, *outdated], dtype=np.int64))
    classes = state.labeling.classes[rows].astype(np.int64)
    P = state.classifier.probabilities(rows)
    judged = np.isin(rows, usual)
    confident = np.zeros(len(rows), dtype=bool)
    confident[judged] = off_diagonal(P[judged], classes[judged])
    return Judged(
        rows=rows,
        classes=classes,
        predicted=likeliest_classes(P),
        suspicion=suspicion(P, classes),
        confident=confident,
        judgeable=judged,
        outdated=np.isin(rows, outdated),
        opinions=opinions,
    )


def _disagreeing(session: Session) -> dict[int, tuple[Opinion, ...]]:
    """The live rows with a disputed label, and the other labels."""
    conflicts = session.ledger.conflicts()
    rows = session.pool.catalog.rows_of({str(first.item) for first, _ in conflicts})
    found: dict[int, tuple[Opinion, ...]] = {}
    for first, other in conflicts:
        row = rows.get(str(first.item))
        if row is not None and session.geometry.live[row]:
            opinion = Opinion(str(other.label), other.annotator)
            found[row] = (*found.get(row, ()), opinion)
    return found


def _outdated(session: Session) -> list[int]:
    """The live rows whose label is older than their content."""
    rows = session.pool.catalog.rows_of(session.ledger.outdated()).values()
    live = session.geometry.live
    return [row for row in rows if row < len(live) and live[row]]


def judgeable(state: PoolState) -> IntArray:
    """The live labeled rows that are not the only ones of their class, sorted."""
    labeled = state.labeling.labeled
    others = state.labeling.class_sizes()[state.labeling.classes[labeled]] > 1
    rows: IntArray = labeled[state.geometry.live[labeled] & others]
    return rows
