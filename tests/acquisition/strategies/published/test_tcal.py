"""TCAL against its definition, with scikit-learn judging the clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import PoolView
from knnal.acquisition.strategies.published.clusters import cluster
from knnal.acquisition.strategies.published.tcal import BETA, Tcal
from knnal.index.pool_index import PoolIndex

N, GROUPS = 240, 4


def pool(labels: int) -> tuple[PoolState, Any]:
    """Groups far apart, and the group of each row."""
    rng = np.random.default_rng(2)
    groups = rng.integers(0, GROUPS, N)
    X = np.eye(GROUPS)[groups] * 4 + 0.6 * rng.normal(size=(N, GROUPS))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    state = PoolState(PoolIndex.of(X), classifier="knn")
    rows = np.sort(rng.permutation(N)[:labels])
    state.rebuild(rows, rng.integers(0, 3, labels), 3)
    return state, groups


def view(state: PoolState, without: Any = ()) -> PoolView:
    allowed = state.unlabeled.copy()
    allowed[list(without)] = False
    return PoolView(state, allowed, np.random.default_rng(0))


def uncertain(state: PoolState, of: PoolView, count: int) -> list[int]:
    u = state.uncertainty("smallest-margin")
    ordered = sorted(np.flatnonzero(of.allowed).tolist(), key=lambda row: -u[row])
    return [row for row in ordered if u[row] >= u[ordered[:count][-1]]]


def densest(state: PoolState, rows: list[int]) -> int:
    return min(rows, key=lambda row: (-state.local_density[row], row))


@pytest.mark.parametrize("labels", [0, 1, 20, 100])
def test_one_alone_is_the_densest_of_the_most_uncertain(labels: int) -> None:
    state, _ = pool(labels)
    of = view(state, without=range(30))
    among = uncertain(state, of, BETA)
    assert Tcal().pick(of).row == densest(state, among)
    assert [pick.row for pick in Tcal().choose(of, 1)] == [densest(state, among)]
    if not labels:
        assert len(among) == N - 30


@pytest.mark.parametrize("count", [3, 6, 20])
def test_several_are_the_densest_of_each_cluster(count: int) -> None:
    state, _ = pool(40)
    of = view(state)
    among = np.array(sorted(uncertain(state, of, BETA * count)))
    clusters = cluster(state.geometry.reduced, among, count)
    expected = {
        densest(state, [row for row in among.tolist() if clusters[row] == c])
        for c in set(clusters[among].tolist())
    }
    batch = [pick.row for pick in Tcal().choose(of, count)]
    assert len(set(batch)) == count
    assert expected <= set(batch)
    assert len(expected) > count // 2
    assert batch == [pick.row for pick in Tcal().choose(view(state), count)]


def test_at_the_start_each_group_has_its_densest_item_asked() -> None:
    state, groups = pool(0)
    clusters = cluster(state.geometry.reduced, np.arange(N), GROUPS)
    assert adjusted_rand_score(groups, clusters) > 0.9
    batch = [pick.row for pick in Tcal().choose(view(state), GROUPS)]
    assert sorted(groups[batch]) == list(range(GROUPS))


def test_more_than_there_are_gives_all() -> None:
    state, _ = pool(200)
    batch = [pick.row for pick in Tcal().choose(view(state), 99)]
    assert sorted(batch) == np.flatnonzero(state.unlabeled).tolist()
    assert Tcal().choose(view(state, without=range(N)), 3) == []
