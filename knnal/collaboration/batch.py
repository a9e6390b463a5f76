"""Questions for several people at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from knnal.pool.labels.ledger import AUDIT
from knnal.session.question_selection import Question
from knnal.session.session import Session

_BATCH = 2
"""Distinguishes these draws from those of a session with the same seed and step."""


def choose_batch(
    session: Session, count: int, taken: Collection[str], audit: float, seed: int
) -> list[Question]:
    """Up to ``count`` questions to ask at the same time, none of them about a ``taken`` item.

    They are those that the session would ask together with the taken ones, which are still to be
    labeled; of them a share ``audit`` is drawn uniformly instead.
    """
    asked = session.ask_many(count + len(taken))
    chosen = [question for question in asked if question.item not in taken][:count]
    rng = np.random.default_rng((seed, session.ledger.step, _BATCH))
    if not session.ledger.label_count:  # nothing is predicted yet that could be audited
        return chosen
    return _with_audits(session, chosen, taken, audit, rng)


def _with_audits(
    session: Session,
    chosen: list[Question],
    taken: Collection[str],
    audit: float,
    rng: np.random.Generator,
) -> list[Question]:
    """Each question replaced, with that probability, by one about an item drawn uniformly."""
    audited = np.flatnonzero(rng.random(len(chosen)) < audit)
    if not len(audited):
        return chosen
    used = {*taken, *(question.item for question in chosen)}
    drawn = rng.permutation(session.candidates)[: len(audited) + len(used)]
    free = (session.pool.catalog.at(int(row)).id for row in drawn)
    for place, item in zip(audited, (item for item in free if item not in used), strict=False):
        chosen[place] = replace(session.explain(item), origin=AUDIT)
    return chosen
