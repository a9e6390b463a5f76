"""Many items given one label together, and that taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from knnal.errors import LabelConflictError
from knnal.names import checked_name
from knnal.session import Session
from knnal.store.ledger import NAMED, Event, EventKind


def label_items(session: Session, items: Sequence[str], label: str) -> list[Event]:
    """Label those of the items that have no label, each by an event as if it were the only one.

    What was predicted is of before the first of them. All are on disk when this returns, or none.
    Raises InputError for an unknown item or an empty label.
    """
    label = checked_name(label)
    log = session.pool.log
    with log.writing(session.refresh):
        unlabelled = [item for item in dict.fromkeys(items) if session.ledger.label(item) is None]
        predicted = _predicted(session, unlabelled)
        events = [
            log.append_label(
                EventKind.LABEL,
                label,
                annotator=session.annotator,
                item=item,
                origin=NAMED,
                scores=scores,
            )[0]
            for item, scores in zip(unlabelled, predicted, strict=True)
        ]
    session.refresh()
    return events


def undo_events(session: Session, events: Sequence[int]) -> list[Event]:
    """Take back decisions by their numbers, the latest first; they must be the annotator's latest.

    Raises LabelConflictError at the first one that is not.
    """
    taken_back = []
    for number in sorted(events, reverse=True):
        latest = session.ledger.last_of(session.annotator)
        if latest is None or latest.seq != number:
            raise LabelConflictError(
                "Something else was decided since. Take that back first, or go back one by one."
            )
        taken_back.append(session.undo())
    return taken_back


def _predicted(session: Session, items: Sequence[str]) -> list[dict[str, Any]]:
    """For the log: the prediction of each item and its probability; nothing before any label."""
    rows = session.pool.catalogue.rows_of(items)
    for item in items:
        session.pool.catalogue.get(item)  # raises for an unknown one
    if not session.ledger.label_count or not items:
        return [{}] * len(items)
    P = session.state.classifier.probabilities(np.array([rows[item] for item in items]))
    return [
        {"prediction": session.classes[best], "probability": float(P[place, best])}
        for place, best in enumerate(P.argmax(axis=1).tolist())
    ]
