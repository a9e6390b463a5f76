"""The map: neighbors stay neighbors, the same pool has the same map, and its file is in step."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from knnal.errors import MissingExtraError
from knnal.index import layout
from knnal.index.graph import NeighborGraph, build_graph
from knnal.index.layout import STEP, compute_layout
from knnal.index.reduced import ReducedCopy
from knnal.pool import index_files as layout_file
from knnal.pool.derived import DerivedFile, read_arrays, write_arrays
from knnal.pool.index_files import load_layout, stored_layout

from ..damage.files import full_disk
from ..narrators import Hearing


def clusters(n: int, groups: int, d: int = 6, seed: int = 0) -> Any:
    """Unit rows in well-parted groups, row r in group r % groups."""
    rng = np.random.default_rng(seed)
    centers = 4 * rng.normal(size=(groups, d))
    X = centers[np.arange(n) % groups] + rng.normal(size=(n, d)) * 0.3
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def placed(X: Any, live: Any = None, seed: int = 0) -> Any:
    there = np.ones(len(X), dtype=np.bool_) if live is None else live
    return compute_layout(build_graph(X, there), ReducedCopy.fit(X, np.flatnonzero(there)), seed)


def nearest(Y: Any, k: int) -> Any:
    """The k nearest rows of each, itself left out, by brute force."""
    apart = np.linalg.norm(Y[:, None] - Y[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.argsort(apart, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("worth_a_grid", [1000, 0])
def test_neighbors_on_the_map_are_neighbors_in_the_pool(
    worth_a_grid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a tree or a grid tells how items repel each other."""
    monkeypatch.setattr(layout, "_WORTH_A_GRID", worth_a_grid)
    n = 300
    Y = placed(clusters(n, 6))
    assert Y.shape == (n, 2)
    assert np.abs(Y.mean(axis=0)).max() < 1e-3 * np.ptp(Y)
    same_group = (nearest(Y, 10) - np.arange(n)[:, None]) % 6 == 0
    assert same_group.mean() > 0.98


def test_it_keeps_more_neighbors_than_the_principal_plane() -> None:
    X = np.random.default_rng(0).normal(size=(400, 10)).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    reduced = ReducedCopy.fit(X, np.arange(400))
    plane = reduced.first.codes[:, :2] * reduced.first.scale[:, None]
    wanted = nearest(X, 10)

    def kept(Y: Any) -> float:
        pairs = zip(nearest(Y, 10), wanted, strict=True)
        return float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in pairs]))

    assert kept(placed(X)) > kept(plane) + 0.15


def test_equal_pools_and_seeds_give_equal_maps() -> None:
    X = clusters(200, 3)
    assert np.array_equal(placed(X), placed(X))
    assert not np.array_equal(placed(X), placed(X, seed=1))


def test_rows_that_are_not_live_have_no_place() -> None:
    X = clusters(60, 2)
    live = np.arange(60) % 5 != 0
    Y = placed(X, live)
    assert np.array_equal(np.isfinite(Y).all(axis=1), live)
    assert np.isnan(placed(X, np.zeros(60, dtype=np.bool_))).all()


@pytest.mark.parametrize(("kind", "n"), [("one point", 30), ("copies", 60), ("lattice", 40)])
def test_hard_pools_have_a_map(hard_vectors: Any, kind: str, n: int) -> None:
    assert np.isfinite(placed(hard_vectors(kind, n, 5, 0))).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_small_pools_have_a_map(n: int) -> None:
    Y = placed(np.eye(5, dtype=np.float32)[:n])
    assert np.isfinite(Y).all()
    assert len(np.unique(Y, axis=0)) == n


class Stages:
    """A narrator that remembers the progress of the map."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int | None]] = []

    def progress(self, step: str, done: int, total: int | None) -> None:
        if step == STEP:
            self.told.append((done, total))

    def say(self, message: str) -> None:
        raise AssertionError(message)


def test_progress_rises_to_its_end() -> None:
    X = clusters(50, 2)
    graph = build_graph(X, np.ones(50, dtype=np.bool_))
    stages = Stages()
    compute_layout(graph, ReducedCopy.fit(X, np.arange(50)), 0, stages)
    assert stages.told == sorted(stages.told)
    done, total = stages.told[-1]
    assert done == total
    assert len({total for _, total in stages.told}) == 1


# The file


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[NeighborGraph]:
    """The graphs that a map is really made of."""
    graphs: list[NeighborGraph] = []

    def remember(graph: NeighborGraph, *rest: Any) -> Any:
        graphs.append(graph)
        return compute_layout(graph, *rest)

    monkeypatch.setattr(layout_file, "compute_layout", remember)
    return graphs


def test_it_is_made_once_and_read_from_then_on(make_pool: Any, made: Any) -> None:
    pool = make_pool(clusters(40, 2))
    first = stored_layout(pool, pool.live)
    assert np.array_equal(stored_layout(pool, pool.live), first)
    assert len(made) == 1
    with np.load(pool.folder / "layout.npz") as stored:
        assert stored["positions"].dtype == np.float32
        assert np.array_equal(stored["positions"], first)
    stored_layout(pool, pool.live, seed=1)
    assert len(made) == 2


def test_it_is_made_anew_for_other_rows_and_from_a_damaged_file(make_pool: Any, made: Any) -> None:
    pool = make_pool(clusters(40, 2))
    first = stored_layout(pool, pool.live)
    fewer = pool.live.copy()
    fewer[3] = False
    assert np.isnan(stored_layout(pool, fewer)[3]).all()
    assert len(made) == 2
    file = pool.folder / "layout.npz"
    stored_layout(pool, pool.live)
    file.write_bytes(file.read_bytes()[:100])
    heard = Hearing()
    assert np.array_equal(stored_layout(pool, pool.live, heard), first)
    assert len(made) == 4
    assert [said[:37] for said in heard.said] == ["layout.npz is not used: it is damaged"]


def test_positions_that_do_not_fit_the_rows_are_not_used(make_pool: Any, made: Any) -> None:
    pool = make_pool(clusters(40, 2))
    first = stored_layout(pool, pool.live)
    file = pool.folder / "layout.npz"
    key = read_arrays(file).made_of
    for wrong in (first[:39], first.astype(np.float64), first[:, :1]):
        write_arrays(file, key, {"positions": wrong})
        assert load_layout(DerivedFile(file), key, 40) is None
    write_arrays(file, key, {"places": first})
    assert load_layout(DerivedFile(file), key, 40) is None
    assert np.array_equal(stored_layout(pool, pool.live), first)
    assert len(made) == 2


def test_a_map_that_cannot_be_stored_stays_in_memory(
    make_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, heard = make_pool(clusters(40, 2)), Hearing()
    monkeypatch.setattr("knnal.pool.derived.atomic_writer", full_disk)
    positions = stored_layout(pool, pool.live, heard)
    assert np.isfinite(positions).all()
    names = ["graph.npz", "reduced.npz", "layout.npz"]
    assert [said.partition(" is kept in memory")[0] for said in heard.said] == names
    assert not (pool.folder / "layout.npz").exists()


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(MissingExtraError, match=r"The map needs .*pip install 'knnal\[map\]'"):
        placed(clusters(30, 3))
