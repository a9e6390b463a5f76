"""Votes under feature masks, against the same written straight from the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.published.disagreement import CANDIDATES, MaskedVotes
from knnal.acquisition.strategies.published.feature_masks import GROUPS, FeatureMasks, MaskedVote
from knnal.classifiers.vote import VoteOptions, guided_class_weights
from knnal.errors import InputError
from knnal.index.pool_index import PoolIndex
from knnal.index.search import NO_NEIGHBOR

CLASSES = 3


def unit(X: Any) -> Any:
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def vectors(n: int, d: int, seed: int = 0) -> Any:
    """Clusters, with copies among them and a row that few masks see."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(4, d))[rng.integers(0, 4, n)] + rng.normal(size=(n, d))
    X[n // 2 :: 7] = X[1]
    X[-1] = np.eye(d)[0]
    return unit(X)


def votes_by_definition(
    X: Any, row: int, candidates: Any, kept: Any, classes: Any, weights: Any, options: VoteOptions
) -> Any:
    """Of one row under one mask, ``kept`` ``(d,)``."""
    x, Q = X[row] * kept, X[candidates] * kept
    lengths = np.linalg.norm(x) * np.linalg.norm(Q, axis=1)
    cosines = np.divide(Q @ x, lengths, out=np.zeros(len(Q)), where=lengths > 0)
    best = np.lexsort((candidates, -np.round(cosines, 5)))[: options.k]
    votes = np.exp((cosines[best] - 1) / options.temperature)
    if options.uniform:
        votes = np.ones(len(best))
    votes = votes * weights[classes[candidates[best]]]
    shares = np.bincount(classes[candidates[best]], votes, len(weights))
    return shares / shares.sum() if len(best) else np.full(len(weights), 1 / len(weights))


@pytest.mark.parametrize("d", [1, 3, 64, 65, 200])
@pytest.mark.parametrize("uniform", [False, True])
def test_votes_are_those_of_the_definition(d: int, uniform: bool) -> None:
    X, rng = vectors(60, d), np.random.default_rng(d)
    classes = rng.integers(0, CLASSES, 60).astype(np.int32)
    weights = np.array([1.0, 2.5, 1.0], dtype=np.float32)
    options = VoteOptions(k=3, temperature=0.3, uniform=uniform)
    masks = FeatureMasks.draw(d, rng, count=5, share=0.4)
    kept = masks.dimensions(d)
    rows = np.array([59, 4, 8, 30])
    candidates = np.stack([rng.permutation(58)[:7] for _ in rows])
    candidates[1, 2:] = NO_NEIGHBOR
    candidates[2, :] = NO_NEIGHBOR
    found = MaskedVote(X, masks).probabilities(rows, candidates, classes, weights, options)
    assert found.shape == (4, 5, CLASSES)
    for at, row in enumerate(rows):
        own = candidates[at][candidates[at] != NO_NEIGHBOR]
        for m in range(5):
            expected = votes_by_definition(X, row, own, kept[:, m], classes, weights, options)
            np.testing.assert_allclose(found[at, m], expected, atol=2e-4)


def test_masks_keep_their_share_of_dimensions_and_repeat_for_a_seed() -> None:
    masks = FeatureMasks.draw(1280, np.random.default_rng(1), count=9, share=0.25)
    kept = masks.dimensions(1280)
    assert kept.shape == (1280, 9)
    np.testing.assert_array_equal(kept.sum(axis=0), [320] * 9)
    assert len(np.unique(kept, axis=1).T) == 9
    again = FeatureMasks.draw(1280, np.random.default_rng(1), count=9, share=0.25)
    np.testing.assert_array_equal(masks.kept, again.kept)
    few = FeatureMasks.draw(3, np.random.default_rng(1), share=0.01)
    np.testing.assert_array_equal(few.dimensions(3).sum(axis=0), [1] * 16)
    assert len(few.kept) == 3
    assert len(masks.kept) == GROUPS


@pytest.mark.parametrize("wrong", [{"count": 0}, {"share": 0.0}, {"share": 1.5}])
def test_masks_that_cannot_be_drawn(wrong: Any) -> None:
    with pytest.raises(InputError, match="must be"):
        FeatureMasks.draw(8, np.random.default_rng(0), **wrong)


@pytest.mark.parametrize("balanced", [False, True])
def test_votes_follow_labels_undos_and_relabels(balanced: bool) -> None:
    X, rng = vectors(120, 20), np.random.default_rng(7)
    options = VoteOptions(k=2, balanced=balanced)
    state = PoolState(PoolIndex.of(X), classifier="knn", vote=options)
    state.declare_classes(CLASSES)
    state.statistic(MaskedVotes).disagreement()
    for step in range(60):
        row = int(rng.integers(0, 40))
        state.assign(row, None if rng.random() < 0.3 else int(rng.integers(0, CLASSES)))
        if step % 4 == 3:
            fresh = PoolState(PoolIndex.of(X), classifier="knn", vote=options)
            labeled = state.labeling.labeled
            fresh.rebuild(labeled, state.labeling.classes[labeled], CLASSES)
            kept, anew = state.statistic(MaskedVotes), fresh.statistic(MaskedVotes)
            np.testing.assert_array_equal(kept.disagreement(), anew.disagreement())
    assert kept.disagreement().max() > 0.1


def test_candidates_are_the_nearest_labeled_rows_but_oneself() -> None:
    X, rng = vectors(80, 70), np.random.default_rng(3)
    state = PoolState(PoolIndex.of(X), classifier="knn", vote=VoteOptions(k=2, balanced=True))
    labeled = np.sort(rng.permutation(80)[:30])
    classes = rng.integers(0, CLASSES, 30)
    state.rebuild(labeled, classes, CLASSES)
    of = np.zeros(80, dtype=np.int64)
    of[labeled] = classes
    votes = state.statistic(MaskedVotes)
    kept = FeatureMasks.draw(70, np.random.default_rng(0)).dimensions(70)
    weights = guided_class_weights(np.bincount(classes, minlength=CLASSES))
    rows = np.array([0, int(labeled[4]), 51])
    found = votes.probabilities(rows)
    for at, row in enumerate(rows):
        others = labeled[labeled != row]
        nearest = others[np.lexsort((others, -np.round(X[others] @ X[row], 5)))[: CANDIDATES * 2]]
        for m in range(16):
            expected = votes_by_definition(X, row, nearest, kept[:, m], of, weights, state.vote)
            np.testing.assert_allclose(found[at, m], expected, atol=2e-4)


def test_a_rebuild_makes_them_anew() -> None:
    X = vectors(50, 12)
    state = PoolState(PoolIndex.of(X), classifier="knn")
    state.rebuild(np.arange(9), np.arange(9) % 3, CLASSES)
    before = state.statistic(MaskedVotes).disagreement().copy()
    assert state.statistic(MaskedVotes) is state.statistic(MaskedVotes)
    state.rebuild(np.arange(30), np.arange(30) % 2, CLASSES)
    fresh = PoolState(PoolIndex.of(X), classifier="knn")
    fresh.rebuild(np.arange(30), np.arange(30) % 2, CLASSES)
    found = state.statistic(MaskedVotes).disagreement()
    np.testing.assert_array_equal(found, fresh.statistic(MaskedVotes).disagreement())
    assert not np.array_equal(found, before)
