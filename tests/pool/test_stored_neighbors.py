"""The kept labeled neighbors of a large pool: as good as found anew, or not used."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.index.labeled import LabeledNeighbors
from knnal.index.reduced import ReducedCopy
from knnal.pool import index_files as module
from knnal.pool.derived import read_arrays, write_arrays
from knnal.pool.index_files import restore_neighbors
from knnal.pool.pool import Pool

from ..damage.files import full_disk
from ..narrators import Hearing

LABELED = np.arange(0, 300, 3)


@pytest.fixture(autouse=True)
def every_pool_is_worth_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WORTH_A_FILE", 1)


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    return make_pool(np.random.default_rng(0).normal(size=(300, 6)))


def neighbors_of(pool: Pool, k: int = 4) -> LabeledNeighbors:
    X = pool.embeddings
    return LabeledNeighbors(X, k, ReducedCopy.fit(X, np.arange(len(X))))


def restored(pool: Pool, labeled: Any, k: int = 4) -> LabeledNeighbors:
    neighbors = neighbors_of(pool, k)
    restore_neighbors(pool, neighbors, labeled)
    return neighbors


def assert_found_anew(pool: Pool, neighbors: LabeledNeighbors, labeled: Any) -> None:
    fresh = neighbors_of(pool, neighbors.k)
    fresh.rebuild(labeled)
    assert neighbors.labeled == set(labeled.tolist())
    np.testing.assert_array_equal(neighbors.ids, fresh.ids)
    np.testing.assert_array_equal(neighbors.similarities, fresh.similarities)


def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the searches for all neighbors from now on."""
    counted: list[int] = []
    search = LabeledNeighbors.rebuild

    def rebuild(self: LabeledNeighbors, rows: Any) -> None:
        counted.append(len(rows))
        search(self, rows)

    monkeypatch.setattr(LabeledNeighbors, "rebuild", rebuild)
    return counted


def test_what_was_kept_is_taken_over_without_a_search(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(pool, LABELED)
    counted = searches(monkeypatch)
    neighbors = restored(pool, LABELED)
    assert counted == []
    assert_found_anew(pool, neighbors, LABELED)


def test_a_few_labels_more_and_less_are_brought_up_one_by_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(pool, LABELED)
    now = np.union1d(LABELED[5:], [1, 2, 100])
    counted = searches(monkeypatch)
    neighbors = restored(pool, now)
    assert counted == []
    assert_found_anew(pool, neighbors, now)


def test_far_behind_it_is_found_anew_and_kept(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    restored(pool, LABELED)
    others = np.arange(1, 300, 2)
    counted = searches(monkeypatch)
    assert_found_anew(pool, restored(pool, others), others)
    assert counted[0] == len(others)
    counted.clear()
    restored(pool, others)
    assert counted == []


def test_another_k_is_found_anew(pool: Pool) -> None:
    restored(pool, LABELED, k=4)
    assert_found_anew(pool, restored(pool, LABELED, k=3), LABELED)


def test_a_damaged_file_is_not_used(pool: Pool) -> None:
    restored(pool, LABELED)
    assert pool.neighbors_file is not None
    whole = pool.neighbors_file.read_bytes()
    for damaged in (b"", whole[:400], whole[:-60], whole[:900] + b"??" + whole[902:]):
        pool.neighbors_file.write_bytes(damaged)
        heard = Hearing()
        neighbors = neighbors_of(pool)
        restore_neighbors(pool, neighbors, LABELED, heard)
        assert_found_anew(pool, neighbors, LABELED)
        assert [said[:41] for said in heard.said] == ["neighbours.npz is not used: it is damaged"]


def test_numbers_of_rows_that_are_not_there_are_not_used(pool: Pool) -> None:
    """Even with a checksum that is right, since kernels trust the numbers."""
    restored(pool, LABELED)
    file = pool.neighbors_file
    assert file is not None
    stored = read_arrays(file)
    ids = stored.arrays["ids"]
    wrong = {
        "labeled": [LABELED + 300, LABELED - 1],
        "ids": [np.where(ids == ids[0, 0], row, ids) for row in (300, -2)] + [ids.astype("<i8")],
        "similarities": [stored.arrays["similarities"][:, :2]],
    }
    for name, others in wrong.items():
        for other in others:
            write_arrays(file, stored.made_of, {**stored.arrays, name: other})
            assert_found_anew(pool, restored(pool, LABELED), LABELED)


def test_what_cannot_be_stored_stays_in_memory(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knnal.pool.derived.atomic_writer", full_disk)
    neighbors, heard = neighbors_of(pool), Hearing()
    restore_neighbors(pool, neighbors, LABELED, heard)
    assert_found_anew(pool, neighbors, LABELED)
    (said,) = heard.said
    assert said.startswith("neighbours.npz is kept in memory for this command. The disk")
    assert pool.neighbors_file is not None
    assert not pool.neighbors_file.exists()


def test_neighbors_of_other_vectors_are_not_used(pool: Pool, make_pool: Any) -> None:
    restored(pool, LABELED)
    other = make_pool(np.random.default_rng(1).normal(size=(300, 6)), folder="other")
    assert pool.neighbors_file is not None
    assert other.neighbors_file is not None
    other.neighbors_file.write_bytes(pool.neighbors_file.read_bytes())
    assert_found_anew(other, restored(other, LABELED), LABELED)


def test_small_pools_and_pools_in_memory_keep_no_file(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WORTH_A_FILE", 300 * len(LABELED) + 1)
    assert_found_anew(pool, restored(pool, LABELED), LABELED)
    assert pool.neighbors_file is not None
    assert not pool.neighbors_file.exists()
    with closing(Pool.in_memory(np.random.default_rng(0).normal(size=(300, 6)))) as in_memory:
        assert_found_anew(in_memory, restored(in_memory, LABELED), LABELED)
