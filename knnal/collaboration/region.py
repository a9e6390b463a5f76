"""Many items labeled together, which is undone as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from knnal.names import checked_name
from knnal.pool.labels.ledger import NAMED, Event, EventKind
from knnal.session.session import Session


def label_items(
    session: Session, items: Sequence[str], label: str, batch: int | None = None
) -> list[Event]:
    """Label those of the items that have no label. They are undone as one, together with ``batch``,
    the number of an earlier label, if that is given and was not undone.

    What was predicted is of before the first of them. All are on disk when this returns, or none.
    Raises InputError for an unknown item or an empty label.
    """
    label = checked_name(label)
    log, ledger = session.pool.log, session.ledger
    events: list[Event] = []
    with log.writing(session.refresh):
        unlabeled = [item for item in dict.fromkeys(items) if ledger.label(item) is None]
        batch = ledger.joinable(batch, session.annotator)
        for item, scores in zip(unlabeled, _predicted(session, unlabeled), strict=True):
            event, *_ = log.append_label(
                EventKind.LABEL,
                label,
                new_class=not events and ledger.lacks_class(label),
                annotator=session.annotator,
                item=item,
                origin=NAMED,
                scores=scores,
                batch=batch,
            )
            batch = event.first
            events.append(event)
    session.refresh()
    return events


def label_together(session: Session, given: Sequence[tuple[str, str]]) -> list[Event]:
    """Label items, as pairs of item and label, but for those that have a label. They are undone as
    one.

    An item that was asked about alone is labeled as such, so that it counts as what it was drawn
    for; the rest is as if the user had named it. Raises as ``label_items`` does.
    """
    events: list[Event] = []
    for item, label in given:
        if session.pool.log.offered(item) is not None and session.ledger.label(item) is None:
            events.append(session.tell(item, label, batch=events[0].seq if events else None))
    for label in dict.fromkeys(label for _, label in given):
        items = [item for item, other in given if other == label]
        events += label_items(session, items, label, events[0].seq if events else None)
    return events


def _predicted(session: Session, items: Sequence[str]) -> list[dict[str, Any]]:
    """For the log: the prediction of each item and its probability; nothing before any label."""
    rows = session.pool.catalog.rows_of(items)
    for item in items:
        session.pool.catalog.get(item)  # raises for an unknown one
    if not session.ledger.label_count or not items:
        return [{}] * len(items)
    P = session.state.classifier.probabilities(np.array([rows[item] for item in items]))
    return [
        {"prediction": session.classes[best], "probability": float(P[place, best])}
        for place, best in enumerate(P.argmax(axis=1).tolist())
    ]
