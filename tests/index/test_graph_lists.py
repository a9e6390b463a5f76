"""Offers to lists of nearest rows against sorting all similarities, down to ties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.index.graph_lists import NearestLists, offer, offer_back, rerank, take
from knnal.index.parallel import thread_count, use_threads
from knnal.index.similarity import similarities

POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.sampled_from([2, 3, 17])),
    elements=st.integers(-2, 2),
)


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    X = np.where(np.all(X == 0, axis=1, keepdims=True), 1.0, X)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def by_sorting(X: Any, rows: Any, others: Any, g: int) -> tuple[Any, Any]:
    lists = NearestLists.empty(len(rows), g)
    for i, row in enumerate(rows):
        own = others[others != row]
        sims = similarities(X, X[row])[own]
        first = np.lexsort((own, -sims))[:g]
        lists.ids[i, : len(first)] = own[first]
        lists.similarities[i, : len(first)] = sims[first]
    return lists.ids, lists.similarities


def assert_lists(lists: NearestLists, expected: tuple[Any, Any]) -> None:
    np.testing.assert_array_equal(lists.ids, expected[0])
    np.testing.assert_array_equal(lists.similarities, expected[1])


@settings(max_examples=100)
@given(POOLS, st.integers(1, 9), st.data())
def test_any_offers_in_any_order_leave_the_nearest(X: Any, g: int, data: st.DataObject) -> None:
    X = unit(X)
    everyone = np.arange(len(X))
    owner = data.draw(hnp.arrays(np.int64, len(X), elements=st.integers(0, 3)))
    lists = NearestLists.empty(len(X), g)
    for part in data.draw(st.permutations([0, 1, 2])):  # those of 3 are never offered
        offer(X, everyone, np.flatnonzero(owner == part), lists)
    offer(X, everyone, np.flatnonzero(owner == 0), lists)  # once more changes nothing
    assert_lists(lists, by_sorting(X, everyone, np.flatnonzero(owner < 3), g))


@settings(max_examples=60)
@given(POOLS, st.integers(1, 9), st.data())
def test_candidates_are_ranked_in_full(X: Any, g: int, data: st.DataObject) -> None:
    X = unit(X)
    rows = np.arange(0, len(X), 2)
    shape = (len(rows), 12)
    candidates = data.draw(hnp.arrays(np.int64, shape, elements=st.integers(-1, len(X) - 1)))
    lists = NearestLists.empty(len(rows), g)
    rerank(X, rows, candidates, lists)
    for i, row in enumerate(rows):
        others = np.setdiff1d(candidates[i], [-1])
        expected = by_sorting(X, np.array([row]), others, g)
        assert_lists(lists.of(np.array([i])), expected)


def test_candidates_that_take_are_offered_the_row(unit_pool: Any) -> None:
    X = unit_pool
    rows = np.arange(100, 120)
    candidates = np.random.default_rng(1).integers(-1, 120, (20, 30))
    takers = np.arange(120) < 90
    lists = NearestLists.empty(120, 5)
    offer_back(X, rows, candidates, takers, lists)
    for taker in range(120):
        offered = rows[(candidates == taker).any(axis=1)] if takers[taker] else rows[:0]
        expected = by_sorting(X, np.array([taker]), offered, 5)
        assert_lists(lists.of(np.array([taker])), expected)


@pytest.fixture(name="unit_pool")
def vectors() -> Any:
    return unit(np.random.default_rng(0).normal(size=(120, 40)))


def test_the_number_of_threads_changes_nothing(unit_pool: Any) -> None:
    everyone = np.arange(120)
    before = thread_count()
    try:
        for threads in (1, 2, 5):
            use_threads(threads)
            lists = NearestLists.empty(120, 6)
            offer(unit_pool, everyone, everyone, lists)
            assert_lists(lists, by_sorting(unit_pool, everyone, everyone, 6))
    finally:
        use_threads(before)


def test_rows_in_a_row_are_not_copied(unit_pool: Any) -> None:
    assert np.shares_memory(take(unit_pool, np.arange(3, 50)), unit_pool)
    np.testing.assert_array_equal(take(unit_pool, np.array([1, 5])), unit_pool[[1, 5]])
    assert take(unit_pool, np.arange(0)).shape == (0, 40)


def test_lists_grow_and_shrink_with_the_pool() -> None:
    lists = NearestLists(np.arange(6, dtype=np.int32).reshape(3, 2), np.ones((3, 2), np.float32))
    assert lists.resized(4).ids.tolist() == [[0, 1], [2, 3], [4, 5], [-1, -1]]
    assert lists.resized(4).similarities[3].tolist() == [-np.inf, -np.inf]
    assert lists.resized(1).ids.tolist() == [[0, 1]]
