"""Decisions on labels that somebody doubts, each on the label that was seen."""

from __future__ import annotations

import numpy as np

from knnal.pool.labels.ledger import Event
from knnal.session.session import Session
from knnal.session.suspicion import suspicion


def settle(session: Session, item: str, label: str | None, was: str | None) -> Event:
    """Keep an item's label, change it, or, by None, take it out of force and set the item aside.

    Raises as ``Decisions.review`` does.
    """
    current, doubt = session.ledger.label(item), 0.0
    if current is not None:
        (prediction,) = session.predict([item])
        names = list(prediction.probabilities)
        P = np.array([list(prediction.probabilities.values())])
        doubt = float(suspicion(P, np.array([names.index(current)]))[0])
    return session.review(item, label, suspicion=doubt, was=was)
