"""Inconsistency under feature masks and what is asked by it, against plain arithmetic."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.acquisition.strategies.base import PoolView, create_strategy
from knnal.acquisition.strategies.published.disagreement import MaskedVotes
from knnal.acquisition.strategies.published.dropquery import Inconsistency
from knnal.classifiers.knn import KNNVote
from knnal.classifiers.vote import VoteOptions
from knnal.pool.pool import Pool
from knnal.session.session import Session


def vectors(seed: int) -> Any:
    """Three clusters that overlap."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 12))[rng.integers(0, 3, 80)] + rng.normal(size=(80, 12))


def by_definition(session: Session, options: VoteOptions) -> Any:
    """The share of masks whose likeliest class is not that of the plain vote."""
    labeling = session.state.labeling
    everyone = np.arange(len(session.geometry))
    if not session.classes:
        return np.zeros(len(everyone))
    plain = KNNVote(labeling, options).probabilities(everyone)
    masked = MaskedVotes(labeling, options).probabilities(everyone)
    return np.array([
        np.mean([int(p.argmax()) != int(plain[row].argmax()) for p in masked[row]])
        for row in everyone
    ])  # fmt: skip


@pytest.mark.parametrize(
    "options", [VoteOptions(), VoteOptions(k=2, balanced=True)], ids=["plain", "balanced"]
)
def test_inconsistency_is_kept_through_labels_and_undos(options: VoteOptions) -> None:
    with closing(Pool.in_memory(vectors(0))) as pool:
        session = Session(pool, vote=options)
        seen = 0.0
        for step in range(30):
            if step % 7 == 6:
                session.undo()
            elif step == 12:
                session.relabel("0", "c")
            else:
                session.tell(str(step), "abc"[step % 3])
            found = session.state.statistic(Inconsistency).share()
            np.testing.assert_allclose(found, by_definition(session, options), atol=1e-6)
            seen = max(seen, float(found.max()))
        assert seen > 0.5


@pytest.mark.parametrize("labels", [0, 1, 20])
def test_it_asks_the_best_covering_of_those_that_most_masks_doubt(labels: int) -> None:
    with closing(Pool.in_memory(vectors(1))) as pool:
        session = Session(pool)
        for row in range(labels):
            session.tell(str(row), "abc"[row % 3])
        rows = session.candidates
        doubted = by_definition(session, VoteOptions())[rows] > 0.5
        gain = session.state.coverage_gain()[rows]
        best = max(range(len(rows)), key=lambda at: (doubted[at], gain[at], -at))
        view = PoolView(session.state, session.state.unlabeled, np.random.default_rng(0))
        assert create_strategy("dropquery").pick(view).row == rows[best]
        assert doubted.any() == (labels == 20)
