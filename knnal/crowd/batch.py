"""Items for several people at once: good ones, and no two that are much alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from knnal.asking import Question
from knnal.session import Session
from knnal.store.ledger import AUDIT

_SPARE = 2
"""Items ranked for each that is wanted: the rest replaces those too close to others."""

_BATCH = 2
"""Tells these draws from those of ``knnal.asking``, which have the same seed and step."""


def choose_batch(
    session: Session, count: int, taken: Collection[str], audit: float, seed: int
) -> list[Question]:
    """Up to ``count`` questions to ask at the same time, none of them about a ``taken`` item.

    The highest scores as they are now, best first, but nothing that is next to a chosen or taken
    item in the neighbour graph while there is anything else: two people with the same photo teach
    as much as one. Of them a share ``audit`` is drawn uniformly instead.
    """
    rng = np.random.default_rng((seed, session.ledger.step, _BATCH))
    ranked = [q for q in session.rank(_SPARE * count + len(taken)) if q.item not in taken]
    rows = session.pool.catalogue.rows_of([*taken, *(q.item for q in ranked)])
    graph = session.geometry.graph
    near = {int(n) for item in taken if item in rows for n in graph.neighbours(rows[item])[0]}
    apart, close = list[Question](), list[Question]()
    for question in ranked:
        row = rows[question.item]
        if row in near:
            close.append(question)
        else:
            apart.append(question)
            near.update(map(int, graph.neighbours(row)[0]))
    chosen = [*apart, *close][:count]
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
    free = (session.pool.catalogue.at(int(row)).id for row in drawn)
    for place, item in zip(audited, (item for item in free if item not in used), strict=False):
        chosen[place] = replace(session.explain(item), origin=AUDIT)
    return chosen
