"""The kept labelled neighbours of a large pool: as good as found anew, or not used."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from knnal.neighbors import labelled_file as module
from knnal.neighbors.labelled import LabelledNeighbours
from knnal.neighbors.labelled_file import restore_neighbours
from knnal.neighbors.reduced import ReducedCopy
from knnal.store.derived import read_arrays, write_arrays
from knnal.store.pool import Pool

from ..damage.files import full_disk
from ..narrators import Hearing

LABELLED = np.arange(0, 300, 3)


@pytest.fixture(autouse=True)
def every_pool_is_worth_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WORTH_A_FILE", 1)


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    return make_pool(np.random.default_rng(0).normal(size=(300, 6)))


def neighbours_of(pool: Pool, k: int = 4) -> LabelledNeighbours:
    X = pool.embeddings
    return LabelledNeighbours(X, k, ReducedCopy.fit(X, np.arange(len(X))))


def restored(pool: Pool, labelled: Any, k: int = 4) -> LabelledNeighbours:
    neighbours = neighbours_of(pool, k)
    restore_neighbours(pool, neighbours, labelled)
    return neighbours


def assert_found_anew(pool: Pool, neighbours: LabelledNeighbours, labelled: Any) -> None:
    fresh = neighbours_of(pool, neighbours.k)
    fresh.rebuild(labelled)
    assert neighbours.labelled == set(labelled.tolist())
    np.testing.assert_array_equal(neighbours.ids, fresh.ids)
    np.testing.assert_array_equal(neighbours.similarities, fresh.similarities)


def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the searches for all neighbours from now on."""
    counted: list[int] = []
    search = LabelledNeighbours.rebuild

    def rebuild(self: LabelledNeighbours, rows: Any) -> None:
        counted.append(len(rows))
        search(self, rows)

    monkeypatch.setattr(LabelledNeighbours, "rebuild", rebuild)
    return counted


def test_what_was_kept_is_taken_over_without_a_search(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(pool, LABELLED)
    counted = searches(monkeypatch)
    neighbours = restored(pool, LABELLED)
    assert counted == []
    assert_found_anew(pool, neighbours, LABELLED)


def test_a_few_labels_more_and_less_are_brought_up_one_by_one(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored(pool, LABELLED)
    now = np.union1d(LABELLED[5:], [1, 2, 100])
    counted = searches(monkeypatch)
    neighbours = restored(pool, now)
    assert counted == []
    assert_found_anew(pool, neighbours, now)


def test_far_behind_it_is_found_anew_and_kept(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    restored(pool, LABELLED)
    others = np.arange(1, 300, 2)
    counted = searches(monkeypatch)
    assert_found_anew(pool, restored(pool, others), others)
    assert counted[0] == len(others)
    counted.clear()
    restored(pool, others)
    assert counted == []


def test_another_k_is_found_anew(pool: Pool) -> None:
    restored(pool, LABELLED, k=4)
    assert_found_anew(pool, restored(pool, LABELLED, k=3), LABELLED)


def test_a_damaged_file_is_not_used(pool: Pool) -> None:
    restored(pool, LABELLED)
    assert pool.neighbours_file is not None
    whole = pool.neighbours_file.read_bytes()
    for damaged in (b"", whole[:400], whole[:-60], whole[:900] + b"??" + whole[902:]):
        pool.neighbours_file.write_bytes(damaged)
        heard = Hearing()
        neighbours = neighbours_of(pool)
        restore_neighbours(pool, neighbours, LABELLED, heard)
        assert_found_anew(pool, neighbours, LABELLED)
        assert [said[:41] for said in heard.said] == ["neighbours.npz is not used: it is damaged"]


def test_numbers_of_rows_that_are_not_there_are_not_used(pool: Pool) -> None:
    """Even with a checksum that is right, since kernels trust the numbers."""
    restored(pool, LABELLED)
    file = pool.neighbours_file
    assert file is not None
    stored = read_arrays(file)
    ids = stored.arrays["ids"]
    wrong = {
        "labelled": [LABELLED + 300, LABELLED - 1],
        "ids": [np.where(ids == ids[0, 0], row, ids) for row in (300, -2)] + [ids.astype("<i8")],
        "similarities": [stored.arrays["similarities"][:, :2]],
    }
    for name, others in wrong.items():
        for other in others:
            write_arrays(file, stored.made_of, {**stored.arrays, name: other})
            assert_found_anew(pool, restored(pool, LABELLED), LABELLED)


def test_what_cannot_be_stored_stays_in_memory(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knnal.store.derived.atomic_writer", full_disk)
    neighbours, heard = neighbours_of(pool), Hearing()
    restore_neighbours(pool, neighbours, LABELLED, heard)
    assert_found_anew(pool, neighbours, LABELLED)
    (said,) = heard.said
    assert said.startswith("neighbours.npz is kept in memory for this command. The disk")
    assert pool.neighbours_file is not None
    assert not pool.neighbours_file.exists()


def test_neighbours_of_other_vectors_are_not_used(pool: Pool, make_pool: Any) -> None:
    restored(pool, LABELLED)
    other = make_pool(np.random.default_rng(1).normal(size=(300, 6)), folder="other")
    assert pool.neighbours_file is not None
    assert other.neighbours_file is not None
    other.neighbours_file.write_bytes(pool.neighbours_file.read_bytes())
    assert_found_anew(other, restored(other, LABELLED), LABELLED)


def test_small_pools_and_pools_in_memory_keep_no_file(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WORTH_A_FILE", 300 * len(LABELLED) + 1)
    assert_found_anew(pool, restored(pool, LABELLED), LABELLED)
    assert pool.neighbours_file is not None
    assert not pool.neighbours_file.exists()
    with closing(Pool.in_memory(np.random.default_rng(0).normal(size=(300, 6)))) as in_memory:
        assert_found_anew(in_memory, restored(in_memory, LABELLED), LABELLED)
