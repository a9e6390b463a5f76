"""Approximate graphs: their recall, measured and true, and what they say when it is low."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from knnal.index import graph as graph_module
from knnal.index import graph_candidates
from knnal.index.graph import build_graph
from knnal.index.graph_candidates import CandidateIndex, sample_of
from knnal.index.graph_facts import GraphMethod
from knnal.index.parallel import thread_count, use_threads
from knnal.index.search import Nearest, offer
from knnal.types import LogNarrator

from ..narrators import Hearing


def unit(X: Any) -> Any:
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module", name="X")
def clusters() -> Any:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(60, 200)) * (0.95 ** np.arange(200))
    return unit(centers[rng.integers(0, 60, 6000)] + rng.normal(size=(6000, 200)) * 0.1)


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "EXACT_LIMIT", 1000)


@pytest.fixture
def threads() -> Iterator[None]:
    before = thread_count()
    yield
    use_threads(before)


def shares_found(graph: Any, X: Any) -> Any:
    """Of each live row's true neighbors, ties as good as one another."""
    rows = np.flatnonzero(graph.live)
    true = Nearest.empty(len(rows), graph.ids.shape[1])
    offer(X, rows, rows, true)
    return (graph.similarities[rows] >= true.similarities[:, -1:]).mean(axis=1)


def test_the_recall_is_high_and_as_stated(X: Any) -> None:
    live = np.random.default_rng(1).random(len(X)) < 0.9
    graph = build_graph(X, live)
    assert graph.facts.method is GraphMethod.APPROXIMATE
    assert (graph.facts.rows, graph.facts.neighbors) == (live.sum(), 20)
    found = shares_found(graph, X)
    assert found.mean() > 0.95
    assert graph.facts.recall == pytest.approx(found.mean(), abs=0.02)
    assert str(graph.facts) == (
        f"approximate, recall@20 {graph.facts.recall:.3f} on 500 of {live.sum():,} items"
    )


def test_what_it_holds_are_true_similarities_in_order(X: Any) -> None:
    live = np.arange(len(X)) % 3 > 0
    graph = build_graph(X, live)
    rows = np.flatnonzero(live)
    assert live[graph.ids[rows]].all()
    assert not (graph.ids[rows] == rows[:, None]).any()
    exact = np.einsum("id,ijd->ij", X[rows].astype(np.float64), X[graph.ids[rows]])
    np.testing.assert_allclose(graph.similarities[rows], exact, atol=1e-6)
    assert (np.diff(graph.similarities[rows], axis=1) <= 0).all()
    assert (graph.ids[~live] == -1).all()


def test_progress_counts_the_index_then_the_graph(X: Any) -> None:
    told = Hearing()
    build_graph(X, np.ones(len(X), dtype=bool), narrator=told)
    assert told.steps[0] == ("Neighbor index", 0, 6000)
    assert ("Neighbor index", 6000, 6000) in told.steps
    assert told.steps[-1] == ("Neighbor graph", 6000, 6000)
    assert told.said == []


@pytest.mark.usefixtures("threads")
def test_another_build_gives_the_same_whatever_the_threads(X: Any) -> None:
    graphs = []
    for count in (1, 2, 2):
        use_threads(count)
        graphs.append(build_graph(X, np.ones(len(X), dtype=bool)))
    for other in graphs[1:]:
        np.testing.assert_array_equal(graphs[0].ids, other.ids)
        np.testing.assert_array_equal(graphs[0].similarities, other.similarities)


def test_more_effort_is_made_and_a_low_recall_said_out_loud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without any structure, no reduction can tell who is near."""
    X = unit(np.random.default_rng(2).normal(size=(4000, 600)))
    monkeypatch.setattr(graph_candidates, "_EFFORTS", ((1, 25), (2, 30), (4, 40)))
    told = Hearing()
    graph = build_graph(X, np.ones(len(X), dtype=bool), narrator=told)
    assert graph.facts.recall < 0.5
    assert graph.facts.recall == pytest.approx(shares_found(graph, X).mean(), abs=0.03)
    wider, low = told.said
    assert "40 candidates from 4 cells" in wider
    assert low.startswith(f"The neighbor graph holds {graph.facts.recall:.1%} of the true")


def test_few_dimensions_are_left_as_they_are() -> None:
    X = unit(np.random.default_rng(3).normal(size=(3000, 3)))
    graph = build_graph(X, np.ones(len(X), dtype=bool))
    assert shares_found(graph, X).mean() > 0.99


def test_copies_are_found() -> None:
    X = np.repeat(unit(np.random.default_rng(4).normal(size=(150, 16))), 20, axis=0)
    graph = build_graph(X, np.ones(len(X), dtype=bool), g=19)
    same = np.arange(len(X))[:, None] // 20 == graph.ids // 20
    assert same.all()


def test_each_wanted_row_comes_once_with_its_own_vector(X: Any) -> None:
    rows = np.arange(0, len(X), 2)
    index = CandidateIndex(X, rows, LogNarrator())
    wanted = np.arange(len(X)) % 4 == 0
    batches = list(index.batches(wanted, 400))
    assert all(len(part) >= 400 for part, _ in batches[:-1])
    found = np.concatenate([part for part, _ in batches])
    np.testing.assert_array_equal(np.sort(found), np.flatnonzero(wanted))
    order = np.argsort(found)
    vectors = np.concatenate([vectors for _, vectors in batches])[order]
    np.testing.assert_allclose(vectors, index.reduced(np.flatnonzero(wanted)), atol=1e-5)
    nearest = index.candidates(vectors, 10**6, 1)
    np.testing.assert_array_equal(nearest[:, 0], np.flatnonzero(wanted))


def test_samples_are_the_same_every_time_and_rising() -> None:
    rows = np.arange(100) * 3
    sample = sample_of(rows, 10, seed=1)
    assert len(np.unique(sample)) == 10
    assert (np.diff(sample) > 0).all()
    assert set(sample.tolist()) <= set(rows.tolist())
    np.testing.assert_array_equal(sample, sample_of(rows, 10, seed=1))
    assert sample.tolist() != sample_of(rows, 10, seed=2).tolist()
    np.testing.assert_array_equal(sample_of(rows, 100, seed=1), rows)
