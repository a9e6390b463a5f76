"""The neighbour graph against scikit-learn, and how a pool stores it and keeps it in step."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from sklearn.neighbors import NearestNeighbors

from knnal.neighbors import graph_build, graph_lists
from knnal.neighbors.graph import NeighbourGraph, build_graph, stored_graph
from knnal.store.catalogue import NewRecord
from knnal.store.manifest import GraphFacts, GraphMethod, Manifest
from knnal.store.pool import Pool

from ..patience import PATIENCE_S


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def everyone(X: Any) -> Any:
    return np.ones(len(X), dtype=bool)


@pytest.fixture(name="X")
def vectors() -> Any:
    return unit(np.random.default_rng(0).normal(size=(180, 12)))


class Told:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int | None]] = []
        self.said: list[str] = []
        self.spoken_to = threading.Event()

    def progress(self, stage: str, done: int, total: int | None) -> None:
        self.steps.append((stage, done, total))

    def say(self, message: str) -> None:
        self.said.append(message)
        self.spoken_to.set()


def assert_same(one: NeighbourGraph, other: NeighbourGraph) -> None:
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.similarities, other.similarities)
    np.testing.assert_array_equal(one.live, other.live)


@pytest.mark.parametrize("block", [2048, 7])
def test_neighbours_are_those_of_scikit_learn(
    X: Any, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_build, "_BLOCK", block)
    monkeypatch.setattr(graph_lists, "_QUERIES", block)
    monkeypatch.setattr(graph_lists, "_OTHERS", block)
    graph = build_graph(X, everyone(X), g=9)
    exact = NearestNeighbors(n_neighbors=9, metric="cosine", algorithm="brute")
    distances, ids = exact.fit(X.astype(np.float64)).kneighbors()
    np.testing.assert_array_equal(graph.ids, ids)
    np.testing.assert_allclose(1 - graph.similarities, distances, atol=1e-6)
    assert graph.facts == GraphFacts(GraphMethod.EXACT, 9, 180, recall=1.0, sample=0, built=180)


def test_rows_that_are_not_live_are_nobodys_neighbours(X: Any) -> None:
    live = np.random.default_rng(1).random(len(X)) < 0.6
    graph = build_graph(X, live, g=7)
    inside = build_graph(X[live], everyone(X[live]), g=7)
    np.testing.assert_array_equal(graph.ids[live], np.flatnonzero(live)[inside.ids])
    assert (graph.ids[~live] == -1).all()
    assert np.isneginf(graph.similarities[~live]).all()


@pytest.mark.parametrize("n", [1, 2, 5, 20, 21])
def test_fewer_items_than_neighbours(n: int) -> None:
    X = unit(np.random.default_rng(n).normal(size=(n, 4)))
    graph = build_graph(X, everyone(X))
    assert ((graph.ids != -1).sum(axis=1) == min(n - 1, 20)).all()


def test_progress_counts_the_live_rows(X: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_build, "_BLOCK", 50)
    told = Told()
    build_graph(X, np.arange(180) % 2 == 0, narrator=told)
    assert told.steps == [("Neighbour graph", 50, 90), ("Neighbour graph", 90, 90)]
    assert told.said == []


def test_it_comes_back_from_its_file(X: Any, tmp_path: Path) -> None:
    live = np.random.default_rng(2).random(len(X)) < 0.9
    graph = build_graph(X, live)
    graph.save(tmp_path / "graph.npz")
    again = NeighbourGraph.load(tmp_path / "graph.npz")
    assert again is not None
    assert_same(again, graph)
    assert again.facts == graph.facts
    assert again.ids.dtype == np.int32
    assert again.fits(live)
    assert not again.fits(everyone(X))
    assert not again.fits(live[:-1])


def test_there_is_none_without_a_file(tmp_path: Path) -> None:
    assert NeighbourGraph.load(tmp_path / "none.npz") is None


def test_the_first_format_held_exact_graphs(X: Any, tmp_path: Path) -> None:
    graph = build_graph(X, everyone(X))
    file = tmp_path / "graph.npz"
    np.savez(file, ids=graph.ids, similarities=graph.similarities, live=graph.live)
    again = NeighbourGraph.load(file)
    assert again is not None
    assert_same(again, graph)
    assert again.facts == graph.facts


DAMAGE = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "last byte missing": lambda data: data[:-1],
    "a flipped byte inside": lambda data: data[:400] + bytes([data[400] ^ 255]) + data[401:],
    "text": lambda data: b"not a graph at all",
    "zip header, then nothing": lambda data: data[:4],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_no_graph(X: Any, tmp_path: Path, damage: Any) -> None:
    file = tmp_path / "graph.npz"
    build_graph(X, everyone(X)).save(file)
    file.write_bytes(damage(file.read_bytes()))
    assert NeighbourGraph.load(file) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"facts": np.array("{}")},
        {"facts": np.array("not json")},
        {"facts": np.array("[]")},
        {"similarities": np.zeros((180, 3), np.float32)},
        {"live": np.ones(5, dtype=bool)},
    ],
)
def test_parts_that_do_not_belong_together_are_no_graph(
    X: Any, tmp_path: Path, changed: dict[str, Any]
) -> None:
    file = tmp_path / "graph.npz"
    build_graph(X, everyone(X)).save(file)
    with np.load(file) as stored:
        parts = {**stored, **changed}
    np.savez(file, **parts)
    assert NeighbourGraph.load(file) is None


def test_another_kind_of_numpy_file_is_no_graph(tmp_path: Path) -> None:
    with (tmp_path / "graph.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    assert NeighbourGraph.load(tmp_path / "graph.npz") is None


def test_a_pool_stores_its_graph_and_makes_it_anew_where_it_is_damaged(
    X: Any, make_pool: Any
) -> None:
    pool = make_pool(X)
    first = stored_graph(pool, pool.live)
    assert pool.graph_file.exists()
    pool.graph_file.write_bytes(b"")
    assert_same(stored_graph(pool, pool.live), first)
    assert NeighbourGraph.load(pool.graph_file) is not None


def test_a_pool_in_memory_stores_none(X: Any) -> None:
    with closing(Pool.in_memory(X)) as pool:
        assert len(stored_graph(pool, pool.live).ids) == len(X)
        assert pool.graph_file is None
        assert pool.manifest.graph is None


def test_the_manifest_says_how_it_was_found(X: Any, make_pool: Any, tmp_path: Path) -> None:
    pool = make_pool(X)
    graph = stored_graph(pool, pool.live)
    manifest = tmp_path / "pool" / "manifest.json"
    assert Manifest.read(manifest).graph == pool.manifest.graph == graph.facts
    # A pool from before the manifest said so has it added, without another build.
    Manifest(1, pool.manifest.modality, pool.manifest.embedder).write(manifest)
    again, told = make_pool(), Told()
    stored_graph(again, again.live, told)
    assert told.steps == []
    assert Manifest.read(manifest).graph == graph.facts


def add(pool: Pool, X: Any, ids: list[str]) -> None:
    with pool.transaction():
        pool.store(1, [NewRecord(name, "stamp", "digest") for name in ids], unit(X))
    pool.reload()


def test_new_changed_and_vanished_items_update_it(
    X: Any, make_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(X)
    stored_graph(pool, pool.live)
    rng = np.random.default_rng(3)
    add(pool, rng.normal(size=(9, 12)), ["item-4", "item-90", *(f"new-{i}" for i in range(7))])
    pool.catalogue.begin_scan()
    for record in list(pool.catalogue.records())[3:]:
        pool.catalogue.see(record.id)
    assert pool.catalogue.end_scan(1) == (3, 0)
    with monkeypatch.context() as no_build:
        no_build.setattr("knnal.neighbors.graph.build_lists", None)
        updated = stored_graph(pool, pool.live)
    assert_same(updated, build_graph(pool.embeddings, pool.live))
    stored = NeighbourGraph.load(pool.graph_file)
    assert stored is not None
    assert_same(stored, updated)
    assert pool.manifest.graph.rows == 184


def test_a_session_that_began_earlier_leaves_the_newer_graph_alone(X: Any, make_pool: Any) -> None:
    earlier = make_pool(X)
    live = earlier.live
    pool = make_pool()
    add(pool, np.random.default_rng(4).normal(size=(5, 12)), list("abcde"))
    newer = stored_graph(pool, pool.live)
    then = stored_graph(earlier, live)
    assert_same(then, build_graph(X, live))
    stored = NeighbourGraph.load(pool.graph_file)
    assert stored is not None
    assert_same(stored, newer)
    assert pool.manifest.graph.rows == 185


def test_it_waits_while_another_process_builds_it(X: Any, make_pool: Any) -> None:
    pool = make_pool(X)
    live, told = pool.live, Told()
    made = build_graph(X, live)
    held = threading.Event()

    def build_elsewhere() -> None:
        with FileLock(pool.graph_file.with_name("graph.lock")):
            held.set()
            told.spoken_to.wait(PATIENCE_S)
            made.save(pool.graph_file)

    other = threading.Thread(target=build_elsewhere)
    other.start()
    held.wait()
    assert_same(stored_graph(pool, live, told), made)
    other.join()
    assert told.steps == []
    assert told.said == ["Another process is building the neighbour graph; waiting for it."]
