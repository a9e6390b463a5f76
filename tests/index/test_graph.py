"""The neighbor graph against scikit-learn; its updates and parts against building it again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from knnal.index import graph as graph_module
from knnal.index import search
from knnal.index.graph import NeighborGraph, build_graph, graph_within, updated_graph
from knnal.index.graph_facts import GraphFacts, GraphMethod
from knnal.index.search import Nearest, offer

from ..narrators import Hearing


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    X = np.where(np.all(X == 0, axis=1, keepdims=True), 1.0, X)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def everyone(X: Any) -> Any:
    return np.ones(len(X), dtype=bool)


@pytest.fixture(name="X")
def vectors() -> Any:
    return unit(np.random.default_rng(0).normal(size=(180, 12)))


def assert_same(one: NeighborGraph | None, other: NeighborGraph) -> None:
    assert one is not None
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.similarities, other.similarities)
    np.testing.assert_array_equal(one.live, other.live)
    assert one.facts == other.facts


@pytest.mark.parametrize("block", [2048, 7])
def test_neighbors_are_those_of_scikit_learn(
    X: Any, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "_BLOCK", block)
    monkeypatch.setattr(search, "_QUERIES", block)
    monkeypatch.setattr(search, "_OTHERS", block)
    graph = build_graph(X, everyone(X), g=9)
    exact = NearestNeighbors(n_neighbors=9, metric="cosine", algorithm="brute")
    distances, ids = exact.fit(X.astype(np.float64)).kneighbors()
    np.testing.assert_array_equal(graph.ids, ids)
    np.testing.assert_allclose(1 - graph.similarities, distances, atol=1e-6)
    assert graph.facts == GraphFacts(GraphMethod.EXACT, 9, 180, recall=1.0, sample=0, built=180)


def test_rows_that_are_not_live_are_nobodys_neighbors(X: Any) -> None:
    live = np.random.default_rng(1).random(len(X)) < 0.6
    graph = build_graph(X, live, g=7)
    inside = build_graph(X[live], everyone(X[live]), g=7)
    np.testing.assert_array_equal(graph.ids[live], np.flatnonzero(live)[inside.ids])
    assert (graph.ids[~live] == -1).all()
    assert np.isneginf(graph.similarities[~live]).all()


@pytest.mark.parametrize("n", [1, 2, 5, 20, 21])
def test_fewer_items_than_neighbors(n: int) -> None:
    X = unit(np.random.default_rng(n).normal(size=(n, 4)))
    graph = build_graph(X, everyone(X))
    assert ((graph.ids != -1).sum(axis=1) == min(n - 1, 20)).all()


def test_progress_counts_the_live_rows(X: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "_BLOCK", 50)
    told = Hearing()
    build_graph(X, np.arange(180) % 2 == 0, narrator=told)
    assert told.steps == [("Neighbor graph", 50, 90), ("Neighbor graph", 90, 90)]
    assert told.said == []


@settings(max_examples=150)
@given(st.integers(1, 40), st.integers(0, 20), st.sampled_from([1, 3, 20]), st.data())
def test_an_updated_exact_graph_is_one_built_anew(
    before: int, added: int, g: int, data: st.DataObject
) -> None:
    """Items come, vanish, come back and are superseded; many are copies of one another."""
    whole = st.sampled_from([2, 3]).flatmap(
        lambda d: hnp.arrays(np.float64, (before + added, d), elements=st.integers(-2, 2))
    )
    X = unit(data.draw(whole))
    was = data.draw(hnp.arrays(np.bool_, before))
    flips = data.draw(st.sets(st.integers(0, before - 1), max_size=3))
    live = np.append(was, data.draw(hnp.arrays(np.bool_, added)))
    live[list(flips)] = ~live[list(flips)]
    fresh = build_graph(X, live, g)
    updated = updated_graph(build_graph(X[:before], was, g), X, live)
    if updated is not None:
        assert_same(updated, fresh)
    # An older session asks for the rows of then.
    back = updated_graph(fresh, X[:before], was)
    if back is not None:
        assert_same(back, build_graph(X[:before], was, g))


def test_few_changes_are_an_update_and_many_a_build() -> None:
    X = unit(np.random.default_rng(0).normal(size=(400, 9)))
    old = build_graph(X[:380], np.ones(380, dtype=bool), 5)
    live = np.ones(400, dtype=bool)
    live[:3] = False
    assert_same(updated_graph(old, X, live), build_graph(X, live, 5))
    assert updated_graph(old, X[:380], np.arange(380) < 150) is None


def clusters(n: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(40, 160)) * (0.95 ** np.arange(160))
    return unit(centers[rng.integers(0, 40, n)] + rng.normal(size=(n, 160)) * 0.1)


def recall(graph: NeighborGraph, X: Any) -> float:
    """Against all pairs, in double precision."""
    rows = np.flatnonzero(graph.live)
    S = X[rows].astype(np.float64) @ X[rows].T.astype(np.float64)
    np.fill_diagonal(S, -np.inf)
    g = graph.ids.shape[1]
    true = rows[np.argpartition(-S, g, axis=1)[:, :g]]
    shared = [len(np.intersect1d(a, b)) for a, b in zip(graph.ids[rows], true, strict=True)]
    return float(np.mean(shared)) / g


@pytest.fixture
def soon_approximate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "EXACT_LIMIT", 1000)
    monkeypatch.setattr(graph_module, "EXACT_UPDATE", 100)


@pytest.mark.usefixtures("soon_approximate")
def test_a_few_rows_enter_an_approximate_graph_exactly() -> None:
    X = clusters(3000)
    live = np.ones(2950, dtype=bool)
    old = build_graph(X[:2950], live)
    live = np.append(live, np.ones(50, dtype=bool))
    new = updated_graph(old, X, live)
    assert new is not None
    every_pair = Nearest.empty(50, 20)
    offer(X, np.arange(2950, 3000), np.arange(3000), every_pair)
    np.testing.assert_array_equal(new.ids[2950:], every_pair.ids)
    assert new.facts.method is GraphMethod.APPROXIMATE
    assert (new.facts.rows, new.facts.built, new.facts.recall) == (3000, 2950, old.facts.recall)
    assert recall(new, X) >= recall(old, X[:2950]) - 0.005


@pytest.mark.usefixtures("soon_approximate")
def test_many_rows_enter_by_way_of_the_index() -> None:
    X = clusters(4000)
    old = build_graph(X[:3200], np.ones(3200, dtype=bool))
    live = np.arange(4000) != 17
    new = updated_graph(old, X, live)
    assert new is not None
    assert (new.facts.rows, new.facts.built) == (3999, 3200)
    assert new.facts.sample == 500
    assert recall(new, X) == pytest.approx(new.facts.recall, abs=0.02)
    assert recall(new, X) > 0.95
    assert not (new.ids == 17).any()
    rows = np.flatnonzero(live)
    assert (np.diff(new.similarities[rows], axis=1) <= 0).all()
    assert all(len(set(near)) == 20 for near in new.ids[rows].tolist())
    assert not (new.ids[rows] == rows[:, None]).any()


@pytest.mark.usefixtures("soon_approximate")
def test_an_exact_graph_that_outgrows_the_limit_goes_on() -> None:
    X = clusters(1500)
    old = build_graph(X[:900], np.ones(900, dtype=bool))
    step = updated_graph(old, X[:1010], np.ones(1010, dtype=bool))
    assert step is not None
    assert step.facts.method is GraphMethod.APPROXIMATE
    few = updated_graph(old, X[:990], np.ones(990, dtype=bool))
    assert few is not None
    over = updated_graph(few, X[:1050], np.ones(1050, dtype=bool))
    assert over is not None
    assert over.facts.method is GraphMethod.EXACT
    assert over.facts.built == 1050
    assert recall(over, X[:1050]) == 1.0


@pytest.mark.usefixtures("soon_approximate")
def test_it_is_built_anew_where_an_update_would_not_do() -> None:
    X = clusters(2450)
    old = build_graph(X[:1200], np.ones(1200, dtype=bool))
    more = updated_graph(old, X[:1700], np.ones(1700, dtype=bool))
    assert more is not None
    assert updated_graph(more, X[:2400], np.ones(2400, dtype=bool)) is not None
    assert updated_graph(more, X, np.ones(2450, dtype=bool)) is None  # more than twice as many
    assert updated_graph(old, X[:1200], np.arange(1200) < 900) is None  # exact from here on


@pytest.mark.usefixtures("soon_approximate")
def test_it_is_built_anew_where_the_recall_would_suffer(monkeypatch: pytest.MonkeyPatch) -> None:
    X = clusters(2000)
    old = build_graph(X[:1400], np.ones(1400, dtype=bool))
    monkeypatch.setattr(graph_module, "offer_back", lambda *ignored: None)
    assert updated_graph(old, X, np.ones(2000, dtype=bool)) is None


@pytest.mark.parametrize("wide", [9, 12, 40])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_it_is_the_graph_built_anew(wide: int, share: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6)).astype(np.float32)
    X[40:60] = X[:20]  # equal rows tie
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    whole = build_graph(X, np.ones(80, dtype=np.bool_), wide)
    live = rng.random(80) >= share
    part, anew = graph_within(whole, X, live, 8), build_graph(X, live, 8)
    np.testing.assert_array_equal(part.ids, anew.ids)
    np.testing.assert_array_equal(part.similarities, anew.similarities)
    assert part.facts == anew.facts
    assert part.fits(live)
