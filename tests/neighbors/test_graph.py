"""The neighbour graph against scikit-learn, and the kernel on it against dense matrices."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from knnal.neighbors import graph as module
from knnal.neighbors.graph import KernelGraph, NeighbourGraph, build_graph, stored_graph
from knnal.neighbors.similarity import similarities
from knnal.store.pool import Pool


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def everyone(X: Any) -> Any:
    return np.ones(len(X), dtype=bool)


@pytest.fixture(name="X")
def vectors() -> Any:
    return unit(np.random.default_rng(0).normal(size=(180, 12)))


def dense(kernel: KernelGraph) -> Any:
    K = np.eye(len(kernel))
    for row in range(len(kernel)):
        targets, values = kernel.neighbours(row)
        assert (np.diff(targets) > 0).all()
        K[row, targets] = values
    return K


def dense_reference(X: Any, g: int = 20, tenth: int = 10) -> tuple[Any, float]:
    """Kernel matrix and width, straight from the definition, from all pairs of similarities."""
    n = len(X)
    S = np.array([similarities(X, x) for x in X])
    D = np.maximum(2 - 2 * S.astype(np.float64), 0)
    edge = np.zeros((n, n), dtype=bool)
    widths = []
    for row in range(n):
        others = np.delete(np.arange(n), row)
        nearest = others[np.lexsort((others, -S[row, others]))][:g]
        edge[row, nearest] = True
        if len(nearest):
            widths.append(D[row, nearest[: min(tenth, len(nearest))][-1]])
    h = max(float(np.median(widths)), 1e-12) if widths else 1.0
    K = np.where(edge | edge.T, np.exp(-D / h), 0)
    np.fill_diagonal(K, 1)
    return K, h


@pytest.mark.parametrize("block", [2048, 7])
def test_neighbours_are_those_of_scikit_learn(
    X: Any, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    graph = build_graph(X, everyone(X), g=9)
    exact = NearestNeighbors(n_neighbors=9, metric="cosine", algorithm="brute")
    distances, ids = exact.fit(X.astype(np.float64)).kneighbors()
    np.testing.assert_array_equal(graph.nearest.ids, ids)
    np.testing.assert_allclose(1 - graph.nearest.similarities, distances, atol=1e-6)


def test_the_kernel_is_symmetric_and_as_defined(X: Any) -> None:
    kernel = KernelGraph(build_graph(X, everyone(X)))
    K, h = dense_reference(X)
    np.testing.assert_allclose(dense(kernel), K, atol=1e-12)
    np.testing.assert_array_equal(dense(kernel), dense(kernel).T)
    np.testing.assert_allclose(kernel.sums, K.sum(axis=1) - 1, atol=1e-12)
    assert kernel.width == pytest.approx(h, abs=1e-12)


def test_the_width_is_the_median_squared_distance_to_the_tenth_neighbour(X: Any) -> None:
    exact = X.astype(np.float64)
    squared = np.sort(((exact[:, None] - exact[None]) ** 2).sum(axis=2), axis=1)[:, 10]
    assert KernelGraph(build_graph(X, everyone(X))).width == pytest.approx(
        np.median(squared), rel=1e-5
    )


def test_rows_that_are_not_live_are_nobodys_neighbours(X: Any) -> None:
    live = np.random.default_rng(1).random(len(X)) < 0.6
    graph = build_graph(X, live, g=7)
    inside = build_graph(X[live], everyone(X[live]), g=7)
    rows = np.flatnonzero(live)
    np.testing.assert_array_equal(graph.nearest.ids[live], rows[inside.nearest.ids])
    assert (graph.nearest.ids[~live] == -1).all()
    kernel = KernelGraph(graph)
    assert kernel.width == KernelGraph(inside).width
    assert (kernel.sums[~live] == 0).all()


@pytest.mark.parametrize("n", [1, 2, 5, 11, 20, 21])
def test_fewer_items_than_neighbours(n: int) -> None:
    X = unit(np.random.default_rng(n).normal(size=(n, 4)))
    graph = build_graph(X, everyone(X))
    assert ((graph.nearest.ids != -1).sum(axis=1) == min(n - 1, 20)).all()
    np.testing.assert_allclose(dense(KernelGraph(graph)), dense_reference(X)[0], atol=1e-12)


def test_copies_cover_copies() -> None:
    X = np.repeat(unit([[1.0, 2.0, 3.0]]), 30, axis=0)
    kernel = KernelGraph(build_graph(X, everyone(X)))
    assert np.isfinite(kernel.kernel).all()
    np.testing.assert_allclose(dense(kernel), dense_reference(X)[0], atol=1e-12)


def test_two_heaps_of_copies_stay_apart() -> None:
    X = unit(np.repeat(np.eye(4)[:2], 25, axis=0))
    K = dense(KernelGraph(build_graph(X, everyone(X))))
    assert (K[:25, 25:] == 0).all()
    assert K[0, 1] == 1


def test_an_empty_pool_has_an_empty_graph() -> None:
    graph = build_graph(np.empty((0, 3), np.float32), np.zeros(0, dtype=bool))
    assert len(KernelGraph(graph)) == 0


def test_it_comes_back_from_its_file(X: Any, tmp_path: Path) -> None:
    live = np.random.default_rng(2).random(len(X)) < 0.9
    graph = build_graph(X, live)
    graph.save(tmp_path / "graph.npz")
    again = NeighbourGraph.load(tmp_path / "graph.npz", live)
    assert again is not None
    np.testing.assert_array_equal(again.nearest.ids, graph.nearest.ids)
    np.testing.assert_array_equal(again.nearest.similarities, graph.nearest.similarities)
    assert again.nearest.ids.dtype == np.int64


def test_a_graph_of_other_rows_is_not_taken(X: Any, tmp_path: Path) -> None:
    file = tmp_path / "graph.npz"
    build_graph(X, everyone(X)).save(file)
    other = everyone(X)
    other[3] = False
    assert NeighbourGraph.load(file, other) is None
    assert NeighbourGraph.load(file, everyone(X)[:-1]) is None
    assert NeighbourGraph.load(tmp_path / "none.npz", everyone(X)) is None


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
    assert NeighbourGraph.load(file, everyone(X)) is None


def test_another_kind_of_numpy_file_is_no_graph(X: Any, tmp_path: Path) -> None:
    with (tmp_path / "graph.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    assert NeighbourGraph.load(tmp_path / "graph.npz", everyone(X)) is None


def test_a_pool_stores_its_graph_and_makes_it_anew_where_it_is_damaged(
    X: Any, make_pool: Any
) -> None:
    pool = make_pool(X)
    first = stored_graph(pool, pool.live)
    assert pool.graph_file.exists()
    pool.graph_file.write_bytes(b"")
    second = stored_graph(pool, pool.live)
    np.testing.assert_array_equal(second.nearest.ids, first.nearest.ids)
    assert NeighbourGraph.load(pool.graph_file, pool.live) is not None


def test_a_pool_in_memory_stores_none(X: Any) -> None:
    with closing(Pool.in_memory(X)) as pool:
        assert len(stored_graph(pool, pool.live).nearest.ids) == len(X)
        assert pool.graph_file is None
