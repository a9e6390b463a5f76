"""Decisions on labels that somebody doubts, each on the label that was seen."""

from __future__ import annotations

import numpy as np

from knnal.errors import InputError, LabelConflictError
from knnal.pool.labels.ledger import Event, Ledger
from knnal.quality.review import decide
from knnal.session.session import Session
from knnal.session.suspicion import suspicion


def require_still(ledger: Ledger, item: str, was: str | None) -> None:
    """Raises LabelConflictError for an item with another label than it ``was`` seen with."""
    current = ledger.decision(item)
    if was is None or (current is not None and current.label == was):
        return
    if current is None:
        raise LabelConflictError(f"'{item}' has no label any more. Look again before you label it.")
    now = f"labeled '{current.label}'" if current.label else "set aside"
    raise LabelConflictError(
        f"'{item}' was meanwhile {now} by {current.annotator}. Look again before you change it."
    )


def settle(session: Session, item: str, label: str | None) -> Event:
    """Keep an item's label, change it, or, by None, take it out of force and set the item aside.

    Raises InputError for an item without a label.
    """
    current = session.ledger.label(item)
    if current is None:
        raise InputError(f"Expected a labeled item, but '{item}' has no label to settle.")
    (prediction,) = session.predict([item])
    names = list(prediction.probabilities)
    P = np.array([list(prediction.probabilities.values())])
    doubt = float(suspicion(P, np.array([names.index(current)]))[0])
    return decide(session, item, current, label, doubt)
