"""Exact search, and offers to lists of nearest rows, against sorting all similarities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.index import search
from knnal.index.parallel import thread_count, use_threads
from knnal.index.search import NO_NEIGHBOR, Nearest, offer, offer_back, rerank, search_rows, take
from knnal.index.similarity import similarities


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0).astype(np.float32)


def search_all(base: Any, queries: Any, k: int) -> Nearest:
    return search_rows(base, np.arange(len(base)), queries, k)


def sort_everything(base: Any, queries: Any, k: int) -> tuple[Any, Any]:
    """By falling similarity, ties by lower row, one query at a time."""
    ids = np.full((len(queries), k), -1)
    sims = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for at, query in enumerate(queries):
        values = similarities(base, query)
        order = np.lexsort((np.arange(len(base)), -values))[:k]
        ids[at, : len(order)], sims[at, : len(order)] = order, values[order]
    return ids, sims


def assert_exact(base: Any, queries: Any, k: int) -> None:
    found = search_all(base, queries, k)
    ids, sims = sort_everything(base, queries, k)
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_array_equal(found.similarities, sims)
    if len(base):
        exact = np.sort(queries.astype(np.float64) @ base.T.astype(np.float64), axis=1)[:, ::-1]
        width = min(k, len(base))
        np.testing.assert_allclose(sims[:, :width], exact[:, :width], rtol=0, atol=1e-5)


LATTICES = st.sampled_from([1, 2, 3, 5]).flatmap(
    lambda d: st.tuples(
        hnp.arrays(
            np.float64, st.tuples(st.integers(1, 45), st.just(d)), elements=st.integers(-2, 2)
        ),
        hnp.arrays(
            np.float64, st.tuples(st.integers(1, 4), st.just(d)), elements=st.integers(-2, 2)
        ),
    )
)


@settings(max_examples=120)
@given(LATTICES, st.integers(1, 60))
def test_ties_duplicates_zeros_and_large_k(vectors: tuple[Any, Any], k: int) -> None:
    base, queries = map(unit, vectors)
    assert_exact(base, queries, k)


@pytest.mark.parametrize("d", [1, 2, 1280])
@pytest.mark.parametrize("extra", [0, 1, 2, 30])
def test_equal_rows_just_beyond_what_is_proposed(d: int, extra: int) -> None:
    k = 5
    base = unit(np.ones((k + 8 + extra, d)))
    assert_exact(base, base[:3], k)


@pytest.mark.parametrize("d", [2, 1280])
def test_rows_that_differ_by_less_than_a_matrix_product_rounds(d: int) -> None:
    rng = np.random.default_rng(d)
    base = unit(rng.normal(size=d) + rng.normal(size=(300, d)) * 1e-4)
    assert_exact(base, base[:20], 7)
    assert_exact(base, unit(rng.normal(size=(5, d))), 7)


def test_generic_rows_of_full_dimension() -> None:
    rng = np.random.default_rng(1)
    assert_exact(unit(rng.normal(size=(500, 1280))), unit(rng.normal(size=(20, 1280))), 10)


def test_results_do_not_depend_on_how_queries_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    base, queries = unit(rng.integers(-2, 3, (60, 4))), unit(rng.integers(-2, 3, (31, 4)))
    whole = search_all(base, queries, 6)
    monkeypatch.setattr(search, "_QUERIES", 3)
    monkeypatch.setattr(search, "_OTHERS", 7)
    cut = search_all(base, queries, 6)
    np.testing.assert_array_equal(cut.ids, whole.ids)
    np.testing.assert_array_equal(cut.similarities, whole.similarities)


def test_nobody_in_an_empty_base_and_no_rows_for_no_queries() -> None:
    empty = search_all(np.empty((0, 3), np.float32), unit(np.eye(3)), 2)
    assert (empty.ids == NO_NEIGHBOR).all()
    assert np.isneginf(empty.similarities).all()
    assert search_all(unit(np.eye(3)), np.empty((0, 3), np.float32), 2).ids.shape == (0, 2)


POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 30), st.sampled_from([2, 3, 17])),
    elements=st.integers(-2, 2),
)


def by_sorting(X: Any, rows: Any, others: Any, g: int) -> tuple[Any, Any]:
    lists = Nearest.empty(len(rows), g)
    for i, row in enumerate(rows):
        own = others[others != row]
        sims = similarities(X, X[row])[own]
        first = np.lexsort((own, -sims))[:g]
        lists.ids[i, : len(first)] = own[first]
        lists.similarities[i, : len(first)] = sims[first]
    return lists.ids, lists.similarities


def assert_lists(lists: Nearest, expected: tuple[Any, Any]) -> None:
    np.testing.assert_array_equal(lists.ids, expected[0])
    np.testing.assert_array_equal(lists.similarities, expected[1])


@settings(max_examples=100)
@given(POOLS, st.integers(1, 9), st.data())
def test_any_offers_in_any_order_leave_the_nearest(X: Any, g: int, data: st.DataObject) -> None:
    X = unit(X)
    everyone = np.arange(len(X))
    owner = data.draw(hnp.arrays(np.int64, len(X), elements=st.integers(0, 3)))
    lists = Nearest.empty(len(X), g)
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
    lists = Nearest.empty(len(rows), g)
    rerank(X, rows, candidates, lists)
    for i, row in enumerate(rows):
        others = np.setdiff1d(candidates[i], [-1])
        expected = by_sorting(X, np.array([row]), others, g)
        assert_lists(lists.at(np.array([i])), expected)


def test_candidates_that_take_are_offered_the_row(unit_pool: Any) -> None:
    X = unit_pool
    rows = np.arange(100, 120)
    candidates = np.random.default_rng(1).integers(-1, 120, (20, 30))
    takers = np.arange(120) < 90
    lists = Nearest.empty(120, 5)
    offer_back(X, rows, candidates, takers, lists)
    for taker in range(120):
        offered = rows[(candidates == taker).any(axis=1)] if takers[taker] else rows[:0]
        expected = by_sorting(X, np.array([taker]), offered, 5)
        assert_lists(lists.at(np.array([taker])), expected)


@pytest.fixture(name="unit_pool")
def vectors() -> Any:
    return unit(np.random.default_rng(0).normal(size=(120, 40)))


def test_the_number_of_threads_changes_nothing(unit_pool: Any) -> None:
    everyone = np.arange(120)
    before = thread_count()
    try:
        for threads in (1, 2, 5):
            use_threads(threads)
            lists = Nearest.empty(120, 6)
            offer(unit_pool, everyone, everyone, lists)
            assert_lists(lists, by_sorting(unit_pool, everyone, everyone, 6))
    finally:
        use_threads(before)


def test_rows_in_a_row_are_not_copied(unit_pool: Any) -> None:
    assert np.shares_memory(take(unit_pool, np.arange(3, 50)), unit_pool)
    np.testing.assert_array_equal(take(unit_pool, np.array([1, 5])), unit_pool[[1, 5]])
    assert take(unit_pool, np.arange(0)).shape == (0, 40)


def test_lists_grow_and_shrink_with_the_pool() -> None:
    lists = Nearest(np.arange(6, dtype=np.int32).reshape(3, 2), np.ones((3, 2), np.float32))
    assert lists.resized(4).ids.tolist() == [[0, 1], [2, 3], [4, 5], [-1, -1]]
    assert lists.resized(4).similarities[3].tolist() == [-np.inf, -np.inf]
    assert lists.resized(1).ids.tolist() == [[0, 1]]
