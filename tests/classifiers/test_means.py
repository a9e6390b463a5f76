"""Class means against the definition, and against what is really removed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from knnal.classifiers.means import NearestMean
from knnal.index.pool_index import UNLABELED, QueryVectors


@pytest.fixture(scope="module")
def new_pool(expert_pool: Any) -> Any:
    return partial(expert_pool, NearestMean)


def by_definition(Z: Any, labels: dict[int, int], classes: int, queries: Any = None) -> Any:
    """Softmax at temperature 0.1 over cosines to class means, each row without its own label."""
    inside = queries is None
    targets = Z if inside else queries
    E = np.zeros((len(targets), classes))
    for x in range(len(targets)):
        for c in range(classes):
            members = [y for y, of in labels.items() if of == c and not (inside and y == x)]
            if members:
                mean = Z[members].mean(axis=0)
                E[x, c] = np.exp(targets[x] @ mean / np.linalg.norm(mean) / 0.1)
    total = E.sum(axis=1, keepdims=True)
    return np.where(total > 0, E / np.where(total > 0, total, 1), 1 / classes)


def directions(X: Any, queries: Any) -> Any:
    """Centered on the pool, in its first 128 principal directions, unit norm."""
    mean = X.astype(np.float64).mean(axis=0)
    axes = np.linalg.svd(X - mean, full_matrices=False)[2][:128]
    Z = (queries - mean) @ axes.T
    return Z / np.linalg.norm(Z, axis=1, keepdims=True)


@pytest.mark.parametrize("d", [2, 12, 128, 300])
def test_probabilities_follow_the_definition(new_pool: Any, vectors: Any, d: int) -> None:
    X, queries = vectors(400, d), vectors(30, d, 9)
    pool, rng = new_pool(X, 3), np.random.default_rng(1)
    labels = {int(row): int(rng.integers(3)) for row in rng.permutation(400)[:40]}
    for row, c in labels.items():
        pool.label(row, c)
    codes = pool.geometry.reduced.first.codes.astype(np.float64)
    kept = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    np.testing.assert_allclose(pool.all(), by_definition(kept, labels, 3), atol=5e-4)
    # Eight bits turn a direction by about a hundredth.
    exact = directions(X, X)
    np.testing.assert_allclose(pool.all(), by_definition(exact, labels, 3), atol=0.03)
    P = pool.expert.predict(QueryVectors(pool.geometry, queries))
    outside = by_definition(exact, labels, 3, directions(X, queries))
    np.testing.assert_allclose(P, outside, atol=0.03)


def test_the_only_label_of_a_class_says_nothing_of_itself(new_pool: Any, vectors: Any) -> None:
    pool = new_pool(vectors(20, 12), 3)
    pool.label(4, 0)
    np.testing.assert_allclose(pool.all()[4], [1 / 3] * 3)
    assert pool.all()[5].tolist() == [1.0, 0.0, 0.0]
    pool.label(7, 1)
    assert pool.all()[4].tolist() == [0.0, 1.0, 0.0]


def test_what_is_added_is_taken_back_exactly(new_pool: Any, vectors: Any) -> None:
    pool, rng = new_pool(vectors(50, 12), 3), np.random.default_rng(2)
    for row in rng.permutation(50)[:20].tolist():
        pool.label(row, row % 3)
    before, closeness = pool.all(), pool.expert.closeness.copy()
    for row in range(50):
        was = int(pool.labeling.classes[row])
        for c in ((was + 2) % 3, UNLABELED, was):
            if pool.labeling.classes[row] != c:
                pool.label(row, c)
    np.testing.assert_array_equal(pool.expert.closeness, closeness)
    np.testing.assert_array_equal(pool.all(), before)
    for row in pool.labeling.labeled.tolist():
        pool.label(row, UNLABELED)
    assert not pool.expert.closeness.any()


def test_opposite_members_have_no_mean_direction(new_pool: Any) -> None:
    half = np.random.default_rng(3).normal(size=(10, 4))
    X = np.vstack([half, -half]) / np.linalg.norm(np.vstack([half, -half]), axis=1, keepdims=True)
    pool = new_pool(X.astype(np.float32), 2)
    pool.label(0, 0)
    pool.label(10, 0)
    pool.label(3, 1)
    expected = np.exp(np.array([0.0, 1.0]) / 0.1)
    P = pool.all()
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
    if (pool.geometry.reduced.first.codes[0] == -pool.geometry.reduced.first.codes[10]).all():
        closest = X @ X[3]
        np.testing.assert_allclose(
            P[5], np.exp([0, closest[5] / 0.1]) / np.exp([0, closest[5] / 0.1]).sum(), atol=0.03
        )
    assert expected[1] > expected[0]


def test_copies_of_one_point(new_pool: Any, vectors: Any) -> None:
    pool = new_pool(np.tile(vectors(1, 12), (12, 1)), 2)
    pool.label(0, 0)
    pool.label(1, 1)
    P = pool.all()
    np.testing.assert_allclose(P[2:], 0.5, atol=1e-6)
    assert np.isfinite(P).all()
