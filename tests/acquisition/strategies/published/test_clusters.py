"""k-means on the reduced copy, and typicality on the graph, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from knnal.acquisition.strategies.published.clusters import cluster, typicality
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.linalg import unit_rows
from knnal.index.parallel import thread_count, use_threads
from knnal.index.reduced import ReducedCopy
from knnal.index.search import NO_NEIGHBOR


def reduced_of(X: Any) -> ReducedCopy:
    return ReducedCopy.fit(X, np.arange(len(X)))


def test_clusters_apart_are_found_as_scikit_learn_finds_them() -> None:
    rng = np.random.default_rng(0)
    centers = np.eye(16)[:4]
    X = unit_rows(
        np.repeat(centers, [200, 100, 50, 30], axis=0) + 0.05 * rng.normal(size=(380, 16))
    )
    theirs = KMeans(4, n_init=10, random_state=0).fit_predict(X)
    ours = cluster(reduced_of(X), np.arange(len(X)), 4)
    assert adjusted_rand_score(theirs, ours) == 1.0


def test_rows_without_structure_are_clustered_about_as_tightly_as_by_scikit_learn() -> None:
    X = unit_rows(np.random.default_rng(1).normal(size=(600, 12)))
    clusters = cluster(reduced_of(X), np.arange(600), 20)
    within = sum(((X[clusters == c] - X[clusters == c].mean(axis=0)) ** 2).sum() for c in range(20))
    assert within < 1.03 * KMeans(20, n_init=3, random_state=0).fit(X).inertia_


def test_some_rows_are_clustered_the_same_way_whatever_the_threads() -> None:
    X = unit_rows(np.random.default_rng(2).normal(size=(400, 8)))
    rows = np.arange(0, 400, 3)
    threads = thread_count()
    found = []
    for count in (1, 3):
        use_threads(count)
        found.append(cluster(reduced_of(X), rows, 9))
    use_threads(threads)
    np.testing.assert_array_equal(found[0], found[1])
    others = np.setdiff1d(np.arange(400), rows)
    assert (found[0][others] == NO_NEIGHBOR).all()
    assert set(found[0][rows]) == set(range(9))


@pytest.mark.parametrize("count", [1, 3, 50])
def test_copies_and_more_clusters_than_rows(count: int) -> None:
    X = unit_rows(np.ones((10, 4)))
    clusters = cluster(reduced_of(X), np.arange(10), count)
    assert len(set(clusters.tolist())) == 1
    assert 0 <= clusters.min() <= clusters.max() < count


@pytest.mark.parametrize(("n", "d"), [(300, 10), (12, 3), (2, 2)])
def test_typicality_is_one_over_the_mean_distance_to_twenty_neighbors(n: int, d: int) -> None:
    X = unit_rows(np.random.default_rng(n).normal(size=(n, d)))
    graph = KernelGraph(build_graph(X, np.ones(n, dtype=bool)))
    exact = X.astype(np.float64)
    found = NearestNeighbors(n_neighbors=min(20, n - 1)).fit(exact).kneighbors()[0]
    np.testing.assert_allclose(typicality(graph), 1 / found.mean(axis=1), rtol=2e-3)


def test_typicality_of_copies_and_of_one_alone() -> None:
    X = np.tile(np.eye(1, 3, dtype=np.float32), (30, 1))
    np.testing.assert_allclose(
        typicality(KernelGraph(build_graph(X, np.ones(30, dtype=bool)))), 1e6
    )
    alone = KernelGraph(build_graph(X[:1], np.ones(1, dtype=bool)))
    assert typicality(alone).tolist() == [0.0]
