"""Items that are alike and predicted alike, to be labeled together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.errors import InputError
from knnal.index.similarity import similarities
from knnal.session.session import Session
from knnal.types import Float32Array, IntArray

LOOKED_AT = 50
"""The number of most similar items considered for each item wanted."""


@dataclass(frozen=True, slots=True)
class Member:
    """An item of a batch: its ``similarity`` to the first one, and the ``probability`` of the class
    that all of them are predicted to be of.
    """

    item: str
    path: Path | None
    text: str | None
    probability: float
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarItems:
    """Unlabeled items predicted as ``label``, the first one and those most similar to it."""

    label: str
    members: tuple[Member, ...]


def find_similar(session: Session, item: str, count: int) -> SimilarItems | None:
    """An item and up to ``count - 1`` others that may be asked about and have its prediction, the
    most similar first, ties by lower row. None before there is any label to predict by.

    Raises InputError for an unknown item, one that has a label, and a count below 1.
    """
    if count < 1:
        raise InputError(f"Expected to look for at least 1 item, came {count}.")
    session.refresh()
    if session.ledger.label(item) is not None:
        raise InputError(f"Expected an item without a label, but '{item}' has one.")
    (prediction,) = session.predict([item])
    if prediction.label is None:
        return None
    catalog, label = session.pool.catalog, session.classes.index(prediction.label)
    near, sims = _nearest(session, catalog.get(item).row, LOOKED_AT * count)
    P = session.state.classifier.probabilities(near)
    members = []
    for place in np.flatnonzero(P.argmax(axis=1) == label)[:count].tolist():
        record = catalog.at(int(near[place]))
        chance = float(P[place, label])
        members.append(Member(record.id, record.path, record.text, chance, float(sims[place])))
    return SimilarItems(prediction.label, tuple(members))


def _nearest(session: Session, row: int, count: int) -> tuple[IntArray, Float32Array]:
    """The row and that number of candidates, the most similar first, and their similarities."""
    X, candidates = session.geometry.X, session.candidates
    others = candidates[candidates != row]
    sims = similarities(X, X[row])
    order = np.argsort(-sims[others], kind="stable")[:count]
    near = np.concatenate([[row], others[order]])
    return near, sims[near]
