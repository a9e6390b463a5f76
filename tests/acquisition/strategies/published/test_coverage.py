"""The strategies of coverage and clusters against plain arithmetic over whole matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.acquisition.strategies.base import PoolView, create_strategy
from knnal.acquisition.strategies.published.clusters import cluster
from knnal.acquisition.strategies.published.probcover import pseudo_classes
from knnal.acquisition.strategies.published.typiclust import clusters_for
from knnal.acquisition.terms import MEASURES
from knnal.index.similarity import similarities
from knnal.pool.pool import Pool
from knnal.session.session import Session


def vectors(n: int, seed: int) -> Any:
    """Uneven clusters, and two copies."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, 5)
    X = rng.normal(size=(5, 8))[np.repeat(np.arange(5), sizes * n)[: 5 * n][::5][:n] % 5]
    X = X + 0.4 * rng.normal(size=X.shape)
    X[-1] = X[0]
    return X


def labelings(seed: int, n: int = 60) -> Iterator[Session]:
    """A session after each of some labels and undos."""
    rng = np.random.default_rng(seed)
    with closing(Pool.in_memory(vectors(n, seed))) as pool:
        session = Session(pool)
        yield session
        for row in rng.permutation(n)[:14].tolist():
            session.tell(str(row), str(row % 3))
            yield session
        for _ in range(5):
            session.undo()
            yield session


def kernel(session: Session) -> Any:
    """K over the graph as a whole matrix, 1 on its diagonal."""
    graph = session.state.geometry.graph
    K = np.eye(len(graph))
    for row in range(len(graph)):
        targets, values = graph.neighbors(row)
        K[row, targets] = values
    return K


def cover(session: Session) -> Any:
    """c_j = max over labeled l of K(j, l), on the graph or not, to the nearest 256th."""
    X = session.geometry.X
    S = np.array([similarities(X, x) for x in X]).astype(np.float64)
    K = np.exp(-np.maximum(2 - 2 * S, 0) / session.geometry.graph.width)
    np.fill_diagonal(K, 1.0)
    covered = K[:, session.state.labeling.labeled].max(axis=1, initial=0.0)
    return np.rint(covered.astype(np.float32) * 256) / 256


def scores(strategy: Any, session: Session) -> Any:
    state = session.state
    return strategy.score(PoolView(state, state.unlabeled, np.random.default_rng(0))).values


@pytest.mark.parametrize("seed", range(3))
def test_maxherding_is_the_mass_newly_covered(seed: int) -> None:
    strategy = create_strategy("maxherding")
    for session in labelings(seed):
        K, rows = kernel(session), session.candidates
        expected = np.maximum(K[rows] - cover(session), 0).sum(axis=1)
        np.testing.assert_allclose(scores(strategy, session), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "measure"), [
    ("uherding", "smallest-margin"), ("uherding(entropy)", "entropy"),
])  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_uherding_weighs_what_is_covered_by_its_uncertainty(
    name: str, measure: str, seed: int
) -> None:
    strategy = create_strategy(name)
    for session in labelings(seed):
        K, rows = kernel(session), session.candidates
        u = MEASURES[measure](session.state.classifier.probabilities(np.arange(len(K)))) + 1e-3
        expected = (u * np.maximum(K[rows] - cover(session), 0)).sum(axis=1)
        found = scores(strategy, session)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(found, scores(create_strategy(name), session))


@pytest.mark.parametrize("seed", range(3))
def test_k_center_is_the_distance_to_the_nearest_label(seed: int) -> None:
    strategy = create_strategy("k-center")
    for session in labelings(seed):
        X, rows = session.geometry.X.astype(np.float64), session.candidates
        similarity = X[rows] @ X[session.state.labeling.labeled].T
        expected = 1 - similarity.max(axis=1, initial=-np.inf) if similarity.size else 1.0
        np.testing.assert_allclose(scores(strategy, session), expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_probcover_counts_a_ball_that_is_mostly_pure(seed: int) -> None:
    strategy = create_strategy("probcover")
    for session in labelings(seed):
        K, rows = kernel(session), session.candidates
        everyone = np.arange(len(K))
        clusters = cluster(session.geometry.reduced, everyone, pseudo_classes(len(session.classes)))
        other = clusters[:, None] != clusters[None, :]
        for edge in np.unique([0.0, *K[K < 1]]):  # the widest balls first
            balls = edge < K
            if (~(balls & other).any(axis=1)).mean() >= 0.95:
                break
        covered = balls[:, session.state.labeling.labeled].any(axis=1)
        expected = (balls[rows] & ~covered).sum(axis=1)
        np.testing.assert_array_equal(scores(strategy, session), expected)
        assert 1 < balls.sum(axis=1).mean() < len(K)


def test_pseudo_classes_change_as_classes_pass_a_power_of_two() -> None:
    assert [pseudo_classes(n) for n in (0, 2, 8, 9, 16, 17, 77)] == [8, 8, 8, 16, 16, 32, 128]


@pytest.mark.parametrize("seed", range(3))
def test_typiclust_takes_the_most_typical_of_the_largest_cluster_without_a_label(
    seed: int,
) -> None:
    strategy = create_strategy("typiclust")
    for session in labelings(seed):
        X, labeled = session.geometry.X.astype(np.float64), session.state.labeling.labeled
        distances = np.linalg.norm(X[:, None] - X[None, :], axis=2)
        nearest = np.sort(distances, axis=1)[:, 1:21]
        typical = 1 / np.maximum(nearest.mean(axis=1), 1e-6)
        count = 1
        while count <= len(labeled):
            count *= 2
        clusters = cluster(session.geometry.reduced, np.arange(len(X)), count)
        best = min(
            range(count),
            key=lambda c: (
                (clusters == c).sum() <= 5,
                np.isin(labeled, np.flatnonzero(clusters == c)).sum(),
                -(clusters == c).sum(),
                c,
            ),
        )
        members = [row for row in np.flatnonzero(clusters == best) if row not in labeled]
        found = session.candidates[np.argmax(scores(strategy, session))]
        assert found in members
        assert typical[found] >= typical[members].max() * (1 - 1e-3)


def test_typiclust_has_as_many_clusters_as_labels_in_rounds_that_double() -> None:
    assert [clusters_for(n) for n in (0, 1, 2, 3, 4, 7, 8, 255, 256, 511, 512, 9999)] == [
        1, 2, 4, 4, 8, 8, 16, 256, 512, 512, 512, 512,
    ]  # fmt: skip


def test_balls_and_clusters_leave_out_what_is_not_there() -> None:
    """Rows that hold no item have no cluster, no ball, and no part in anybody's."""
    with closing(Pool.in_memory(vectors(60, 0))) as pool:
        session = Session(pool)
        gone = {3, 4, 40}
        session.tell("3", "a")
        pool.catalog.begin_scan()
        for record in list(pool.catalog.records()):
            if int(record.id) not in gone:
                pool.catalog.see(record.id)
        pool.catalog.end_scan(1)
        rest = np.array([row for row in range(60) if row not in gone])
        X = pool.embeddings[rest]
        for name in ("typiclust", "probcover", "maxherding", "uherding"):
            found = scores(create_strategy(name), Session(pool))
            with closing(Pool.in_memory(X)) as alone:
                np.testing.assert_array_equal(
                    found.shape, scores(create_strategy(name), Session(alone)).shape
                )
            assert np.isfinite(found).all()
