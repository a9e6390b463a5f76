"""The graph expert against dense equations, and its sums against what is really removed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.classifiers import graph
from knnal.classifiers.graph import LabelDiffusion
from knnal.index.diffusion import RESTART, Diffusion
from knnal.index.linalg import unit_rows
from knnal.index.pool_index import UNLABELED, QueryVectors

UNIT = 2.0**22


@pytest.fixture(scope="module")
def new_pool(expert_pool: Any) -> Any:
    return partial(expert_pool, LabelDiffusion)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels spread until next to nothing is left to spread."""
    monkeypatch.setattr(graph, "Diffusion", lambda kernel: Diffusion(kernel, 1e-10))


def solved(pool: Any) -> Any:
    """``[(I - a P)^-1](x, l) / sqrt(D_l)``, from dense matrices."""
    kernel = pool.geometry.graph
    W = np.zeros((len(kernel), len(kernel)))
    for row in range(len(kernel)):
        targets, values = kernel.neighbors(row)
        W[row, targets] = values.astype(np.float64) ** 4
    sums = W.sum(axis=1)
    typical = np.median(sums[sums > 0])
    D = np.maximum(sums / typical, 0.01)
    return np.linalg.inv(np.eye(len(W)) - (1 - RESTART) * W / typical / D[:, None]) / np.sqrt(D)


def shares(S: Any) -> Any:
    total = S.sum(axis=1, keepdims=True)
    return np.where(total > 0, S / np.where(total > 0, total, 1), 1 / S.shape[1])


@pytest.mark.usefixtures("exact")
def test_probabilities_are_shares_of_the_solved_scores(new_pool: Any, vectors: Any) -> None:
    pool, rng = new_pool(vectors(70, 6), 3), np.random.default_rng(1)
    S = solved(pool)
    labels = {int(row): int(rng.integers(3)) for row in rng.permutation(70)[:15]}
    for row, c in labels.items():
        pool.label(row, c)
    expected = np.zeros((70, 3))
    for row, c in labels.items():
        expected[:, c] += np.where(np.arange(70) == row, 0, S[:, row])
    np.testing.assert_allclose(pool.all(), shares(expected), atol=1e-4)
    whole = expected.copy()
    for row, c in labels.items():
        whole[row, c] += S[row, row]
    np.testing.assert_allclose(
        pool.expert.scores.columns(3, np.arange(70)).T / UNIT, whole, atol=1e-5
    )

    queries = vectors(20, 6, 9)
    similarities = queries.astype(np.float64) @ pool.geometry.X.T.astype(np.float64)
    W = np.exp(-np.maximum(2 - 2 * similarities, 0) / pool.geometry.graph.width) ** 4
    twentieth = np.sort(W, axis=1)[:, -20]
    W[twentieth[:, None] > W] = 0
    P = pool.expert.predict(QueryVectors(pool.geometry, queries))
    np.testing.assert_allclose(P, shares(W @ whole), atol=1e-4)


def test_an_item_from_far_outside_is_what_its_nearest_ones_are(new_pool: Any) -> None:
    """Where the kernel to all of the pool is too small for a number."""
    rng = np.random.default_rng(0)
    X = unit_rows(np.eye(2, 8)[np.arange(60) % 2] + rng.normal(0, 1e-7, (60, 8)))
    pool = new_pool(X, 2)
    for row in range(6):
        pool.label(row, row % 2)
    outsider = unit_rows(np.eye(1, 8, 7) + 0.1 * np.eye(1, 8, 1))
    assert (np.exp(-(2 - 2 * outsider @ X.T) / pool.geometry.graph.width) == 0).all()
    P = pool.expert.predict(QueryVectors(pool.geometry, outsider))
    np.testing.assert_allclose(P, [[0, 1]], atol=1e-3)


def test_without_a_pool_nothing_reaches_an_item_from_outside(new_pool: Any) -> None:
    pool = new_pool(np.empty((0, 8), np.float32), 2)
    P = pool.expert.predict(QueryVectors(pool.geometry, np.eye(3, 8, dtype=np.float32)))
    np.testing.assert_array_equal(P, np.full((3, 2), 0.5))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 29), st.integers(-1, 3)), max_size=25))
def test_what_is_added_is_taken_back_exactly(
    new_pool: Any, vectors: Any, changes: list[tuple[int, int]]
) -> None:
    pool = new_pool(vectors(30, 6), 4)
    for row, c in changes:
        if pool.labeling.classes[row] != c:
            pool.label(row, c)
    everyone = np.arange(30)
    before = pool.expert.scores.columns(4, everyone)
    for row in range(0, 30, 4):
        was = int(pool.labeling.classes[row])
        for c in (3, UNLABELED, 1, was):
            if pool.labeling.classes[row] != c:
                pool.label(row, c)
        np.testing.assert_array_equal(pool.expert.scores.columns(4, everyone), before)
    for row in pool.labeling.labeled.tolist():
        pool.label(row, UNLABELED)
    assert not pool.expert.scores.columns(4, everyone).any()


def test_an_update_names_what_the_label_reaches(new_pool: Any, vectors: Any) -> None:
    pool = new_pool(vectors(300, 3), 2)
    before = pool.all()
    reached = pool.label(7, 0)
    changed = np.flatnonzero((pool.all() != before).any(axis=1))
    assert set(changed) <= set(reached.tolist()) < set(range(300))


def test_rows_that_no_label_reaches_are_even(new_pool: Any, vectors: Any) -> None:
    live = np.ones(30, dtype=bool)
    live[4] = False
    pool = new_pool(vectors(30, 6), 2, live)
    pool.label(0, 1)
    assert pool.all()[4].tolist() == [0.5, 0.5]
    pool.label(4, 1)  # a vanished item may still have a label, which then goes nowhere
    assert pool.all()[4].tolist() == [0.5, 0.5]


def test_the_most_that_sums_may_come_to_fits(new_pool: Any, vectors: Any) -> None:
    """Hundreds of labels around an outlier, whose degree counts as a hundredth."""
    X = np.vstack([vectors(400, 3), -np.eye(1, 3, dtype=np.float32)])
    pool = new_pool(X, 1)
    for row in range(401):
        pool.label(row, 0)
    scores = pool.expert.scores.columns(1, np.arange(401))
    assert scores.min() >= 0
    assert scores.max() / UNIT <= 200
