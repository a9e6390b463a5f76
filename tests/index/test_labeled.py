"""Nearest labeled neighbors kept by updates, against a rebuild and against sorting everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.index import labeled as module
from knnal.index import parallel, reduced
from knnal.index.labeled import LabeledNeighbors
from knnal.index.reduced import ReducedCopy
from knnal.index.similarity import similarities

HARD = [
    "generic", "lattice", "copies", "one point", "hair's breadth", "flat", "clusters", "fading",
    "outliers", "opposites",
]  # fmt: skip
POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 25), st.sampled_from([1, 2, 4])),
    elements=st.integers(-2, 2),
)
Maker = Callable[..., Any]


@pytest.fixture(params=[(None, 1), (7, 1), (7, 2)], ids=["whole", "in blocks", "on two threads"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The pool in one block, in many, and in many on two threads."""
    size, threads = request.param
    before = parallel.thread_count()
    if size is not None:
        monkeypatch.setattr(parallel.over_rows, "__defaults__", (size,))
    parallel.use_threads(threads)
    yield
    parallel.use_threads(before)


@pytest.fixture
def two_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pools get the second group of axes too, and use it however many rows are in doubt."""
    monkeypatch.setattr(reduced, "_WORTH_A_SECOND", 1)


def unit(X: Any) -> Any:
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0).astype(np.float32)


def neighbors(X: Any, k: int) -> LabeledNeighbors:
    return LabeledNeighbors(X, k, ReducedCopy.fit(X, np.arange(len(X))))


def sort_everything(X: Any, labeled: set[int], k: int) -> tuple[Any, Any]:
    ids = np.full((len(X), k), -1)
    sims = np.full((len(X), k), -np.inf, dtype=np.float32)
    for row, vector in enumerate(X):
        others = np.array(sorted(labeled - {row}), dtype=int)
        values = similarities(X[others], vector)
        order = np.lexsort((others, -values))[:k]
        ids[row, : len(order)], sims[row, : len(order)] = others[order], values[order]
    return ids, sims


def assert_state(state: LabeledNeighbors, X: Any, labeled: set[int]) -> None:
    ids, sims = sort_everything(X, labeled, state.k)
    np.testing.assert_array_equal(state.ids, ids)
    np.testing.assert_array_equal(state.similarities, sims)
    assert state.labeled == labeled


def toggle(state: LabeledNeighbors, row: int) -> Any:
    return state.remove(row) if row in state.labeled else state.add(row)


@settings(max_examples=80)
@given(POOLS, st.integers(1, 6), st.data())
def test_updates_equal_a_rebuild_and_a_full_sort(pool: Any, k: int, data: st.DataObject) -> None:
    X = unit(pool)
    state = neighbors(X, k)
    labeled: set[int] = set()
    for row in data.draw(st.lists(st.integers(0, len(X) - 1), max_size=15)):
        before = state.ids.copy()
        changed = toggle(state, row)
        labeled ^= {row}
        np.testing.assert_array_equal(changed, np.flatnonzero((state.ids != before).any(axis=1)))
        assert_state(state, X, labeled)
    rebuilt = neighbors(X, k)
    rebuilt.rebuild(np.array(sorted(labeled), dtype=np.int64))
    assert_state(rebuilt, X, labeled)


@pytest.mark.usefixtures("two_groups")
@pytest.mark.parametrize("kind", HARD)
def test_hard_vectors_end_where_sorting_does(hard_vectors: Maker, kind: str) -> None:
    rng = np.random.default_rng(5)
    for d in (1, 2, 127, 129, 385):
        X = hard_vectors(kind, 60, d, d)
        state, rebuilt = neighbors(X, 3), neighbors(X, 3)
        for step, row in enumerate(rng.integers(0, 60, 25).tolist()):
            before = state.ids.copy()
            changed = toggle(state, row)
            moved = np.flatnonzero((state.ids != before).any(axis=1))
            np.testing.assert_array_equal(changed, moved)
            if step % 8 == 0:
                assert_state(state, X, set(state.labeled))
        assert_state(state, X, set(state.labeled))
        rebuilt.rebuild(np.array(sorted(state.labeled), dtype=np.int64))
        assert_state(rebuilt, X, set(state.labeled))


@pytest.mark.usefixtures("two_groups")
@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("d", [2, 127, 129, 385])
def test_no_row_is_missed_however_close_the_call(hard_vectors: Maker, kind: str, d: int) -> None:
    """A new label that is nearer than the last neighbor by the smallest step there is."""
    X = hard_vectors(kind, 60, d, d)
    copy = ReducedCopy.fit(X, np.arange(60))
    for row in (0, 29, 59):
        others, exact = np.delete(np.arange(60), row), similarities(X, X[row])
        for last, tied_with, expected in (
            (np.nextafter(exact, np.float32(-2)), 0, others),
            (exact, 60, others),  # a tie, which goes to the lower row
            (np.nextafter(exact, np.float32(2)), 60, []),
        ):
            state = LabeledNeighbors(X, 1, copy)
            state.similarities[:, 0], state.ids[:] = last, tied_with
            state.last[:] = last
            np.testing.assert_array_equal(state.add(row), expected)


@pytest.mark.usefixtures("blocks")
def test_removing_the_label_that_came_last_restores_what_was(hard_vectors: Maker) -> None:
    X = hard_vectors("lattice", 50, 6, 1)
    state = neighbors(X, 4)
    for row in range(0, 50, 3):
        ids, sims = state.ids.copy(), state.similarities.copy()
        added = state.add(row)
        np.testing.assert_array_equal(state.remove(row), added)
        np.testing.assert_array_equal(state.ids, ids)
        np.testing.assert_array_equal(state.similarities, sims)
        state.add(row)
        assert_state(state, X, set(range(0, row + 1, 3)))


@pytest.mark.usefixtures("blocks")
def test_labels_may_go_in_any_order_and_come_back(hard_vectors: Maker) -> None:
    X = hard_vectors("copies", 60, 8, 2)
    state = neighbors(X, 5)
    labeled = set(range(0, 60, 2))
    for row in labeled:
        state.add(row)
    for row in np.random.default_rng(0).permutation(sorted(labeled)).tolist():
        voters = state.voters(row)
        np.testing.assert_array_equal(state.remove(row), voters)
        labeled.remove(row)
        assert_state(state, X, labeled)
    state.rebuild(np.arange(10))
    np.testing.assert_array_equal(state.remove(9), np.flatnonzero(touched(X, 9)))
    state.add(9)
    assert_state(state, X, set(range(10)))


def touched(X: Any, row: int) -> Any:
    """Of which rows a label is among the five nearest, when rows 0 to 9 have labels."""
    return (sort_everything(X, set(range(10)), 5)[0] == row).any(axis=1)


def test_a_rebuild_forgets_what_could_be_taken_back(hard_vectors: Maker) -> None:
    X = hard_vectors("generic", 30, 4, 3)
    state = neighbors(X, 2)
    state.add(4)
    state.rebuild(np.array([1, 4, 7]))
    state.remove(4)
    assert_state(state, X, {1, 7})


@settings(max_examples=30)
@given(POOLS, st.data())
def test_voters_are_the_rows_that_have_it_among_their_neighbors(
    pool: Any, data: st.DataObject
) -> None:
    X = unit(pool)
    labeled = data.draw(st.sets(st.integers(0, len(X) - 1)))
    state = neighbors(X, 2)
    state.rebuild(np.array(sorted(labeled), dtype=np.int64))
    ids, _ = sort_everything(X, labeled, 2)
    for row in range(len(X)):
        assert set(state.voters(row)) == {r for r in range(len(X)) if row in ids[r]}
    wanted = data.draw(st.sets(st.integers(0, len(X) - 1)))
    reached = state.voters_of_any(np.array(sorted(wanted), dtype=np.int64))
    assert reached.tolist() == [r for r in range(len(X)) if wanted & set(ids[r])]


def test_full_dimension_with_near_duplicates() -> None:
    rng = np.random.default_rng(3)
    X = unit(np.repeat(rng.normal(size=(6, 1280)), 12, axis=0) + rng.normal(size=(72, 1280)) * 1e-4)
    state = neighbors(X, 5)
    for row in rng.integers(0, len(X), 60).tolist():
        toggle(state, row)
    assert_state(state, X, set(state.labeled))


@pytest.mark.parametrize(("clusters", "d"), [(20, 64), (20, 400)])
def test_few_rows_are_compared_in_full(
    monkeypatch: pytest.MonkeyPatch, clusters: int, d: int
) -> None:
    """Those of the new label's cluster, whose neighbors it may be, and no others."""
    monkeypatch.setattr(reduced, "_WORTH_A_SECOND", 1)
    rng = np.random.default_rng(4)
    member = rng.integers(0, clusters, 3000)
    X = unit(rng.normal(size=(clusters, d))[member] + 0.5 * rng.normal(size=(3000, d)))
    state = neighbors(X, 5)
    rows = rng.permutation(3000)
    state.rebuild(rows[:300])
    compared = []
    enter = module._enter

    def count(X: Any, q: Any, new: Any, found: Any, *rest: Any) -> Any:
        compared.append(len(found))
        return enter(X, q, new, found, *rest)

    monkeypatch.setattr(module, "_enter", count)
    changed = [len(state.add(row)) for row in rows[300:330].tolist()]
    assert sum(changed) <= sum(compared) < 30 * 3000 / clusters
    monkeypatch.undo()
    assert_state(state, X, set(rows[:330].tolist()))
