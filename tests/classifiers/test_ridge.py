"""Ridge regression against scikit-learn's, fitted anew for everything that is asked."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import Ridge

from knnal.classifiers import ridge
from knnal.classifiers.ridge import PENALTY, TEMPERATURE, RidgeRegression
from knnal.index.pool_index import UNLABELED, QueryVectors


@pytest.fixture(scope="module")
def new_pool(expert_pool: Any) -> Any:
    return partial(expert_pool, RidgeRegression)


def fitted(Z: Any, labels: dict[int, int], classes: int, queries: Any) -> Any:
    rows = sorted(labels)
    targets = np.eye(classes)[[labels[row] for row in rows]]
    scores = Ridge(alpha=PENALTY).fit(Z[rows], targets).predict(queries)
    return softmax(scores.reshape(len(queries), classes) / TEMPERATURE, axis=1)


def by_definition(Z: Any, labels: dict[int, int], classes: int) -> Any:
    """Of every row, labeled ones by a regression without them."""
    P = fitted(Z, labels, classes, Z)
    for row in labels:
        others = {other: c for other, c in labels.items() if other != row}
        P[row] = fitted(Z, others, classes, Z[row : row + 1])[0]
    return P


def by_svd(X: Any) -> Any:
    """Centered, in the first 384 principal directions, unit norm."""
    centered = X - X.astype(np.float64).mean(axis=0)
    Z = centered @ np.linalg.svd(centered, full_matrices=False)[2][:384].T
    return Z / np.linalg.norm(Z, axis=1, keepdims=True)


@pytest.mark.parametrize("d", [2, 12, 500])
def test_probabilities_are_those_of_a_new_fit(new_pool: Any, vectors: Any, d: int) -> None:
    X, queries = vectors(500, d), vectors(30, d, 9)
    pool, rng = new_pool(X, 3), np.random.default_rng(1)
    labels = {int(row): int(rng.integers(3)) for row in rng.permutation(500)[:16]}
    for row, c in labels.items():
        pool.label(row, (c + 1) % 3)  # wrong at first
        pool.label(row, c)
    for row in list(labels)[::4]:
        pool.label(row, UNLABELED)
        del labels[row]
    directions = pool.geometry.directions
    kept, exact = directions.of_rows(np.arange(500)), directions.of_vectors(X)
    np.testing.assert_allclose(exact @ exact.T, by_svd(X) @ by_svd(X).T, atol=1e-4)
    assert (np.vecdot(kept, exact) > 0.999).all()
    np.testing.assert_allclose(pool.all(), by_definition(kept, labels, 3), atol=2e-3)
    P = pool.expert.predict(QueryVectors(pool.geometry, queries))
    outside = fitted(kept, labels, 3, directions.of_vectors(queries))
    np.testing.assert_allclose(P, outside, atol=1e-4)


def test_many_labels_at_once_are_the_same_as_one_by_one(
    new_pool: Any, vectors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ridge, "_BLOCK", 16)  # as if they did not fit into one
    X, rng = vectors(200, 6), np.random.default_rng(2)
    one_by_one, at_once = new_pool(X, 2), new_pool(X, 2)
    for row, c in enumerate(rng.integers(0, 2, 40)):
        one_by_one.label(row, int(c))
    at_once.labeling.classes[:] = one_by_one.labeling.classes
    at_once.labeling.neighbors.rebuild(np.arange(40))
    at_once.expert.rebuild()
    np.testing.assert_array_equal(at_once.all(), one_by_one.all())


def test_labeled_rows_count_alike_however_many_are_asked_about(new_pool: Any, vectors: Any) -> None:
    pool = new_pool(vectors(40, 5), 2)
    pool.label(3, 0)
    np.testing.assert_allclose(pool.all()[3], [0.5, 0.5])
    pool.label(8, 1)
    P = pool.all()
    assert P[3].argmax() == 1  # what is left without it
    assert P[8].argmax() == 0
