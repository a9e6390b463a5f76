"""Clusters against classes, by trying every matching."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.index.pool_index import PoolIndex
from knnal.quality.inspection.clustering import (
    Clustering,
    clustering,
    clustering_accuracy,
)

numberings = st.integers(1, 25).flatmap(
    lambda m: st.tuples(
        *(st.lists(st.integers(0, 4), min_size=m, max_size=m).map(np.array) for _ in range(2))
    )
)


@given(numberings)
def test_accuracy_is_that_of_the_best_matching(pair: Any) -> None:
    classes, clusters = pair
    table = np.zeros((5, 5), dtype=int)
    for one, other in zip(classes, clusters, strict=True):
        table[one, other] += 1
    best = max(sum(table[i, order[i]] for i in range(5)) for order in permutations(range(5)))
    assert clustering_accuracy(classes, clusters) == pytest.approx(best / len(classes))


def clustering_of(X: Any, labels: dict[int, int]) -> Clustering | None:
    unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    rows, classes = np.array(list(labels), dtype=np.int64), np.array(list(labels.values()), int)
    return clustering(PoolIndex.of(unit), rows, classes, 0)


def test_clear_clusters_are_found_without_labels() -> None:
    rng = np.random.default_rng(0)
    X = np.repeat(4 * np.eye(3), 30, axis=0) + 0.3 * rng.normal(size=(90, 3))
    found = clustering_of(X, {row: row // 30 for row in range(0, 90, 7)})
    assert found is not None
    assert (found.clusters, found.labels) == (3, 13)
    assert (found.accuracy, found.nmi, found.ari) == pytest.approx((1.0, 1.0, 1.0))
    wrong = clustering_of(X, {row: row % 3 for row in range(90)})
    assert wrong is not None
    assert wrong.accuracy < 0.5
    assert abs(wrong.ari) < 0.1


def test_it_takes_two_classes() -> None:
    X = np.random.default_rng(0).normal(size=(10, 3))
    assert clustering_of(X, {}) is None
    assert clustering_of(X, {1: 0, 2: 0}) is None
