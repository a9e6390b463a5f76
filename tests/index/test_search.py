"""The exact index against sorting everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.index import search
from knnal.index.search import NOBODY, ExactIndex
from knnal.index.similarity import similarities


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0).astype(np.float32)


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
    found = ExactIndex(base).search(queries, k)
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
    whole = ExactIndex(base).search(queries, 6)
    monkeypatch.setattr(search, "_BLOCK", 3)
    cut = ExactIndex(base).search(queries, 6)
    np.testing.assert_array_equal(cut.ids, whole.ids)
    np.testing.assert_array_equal(cut.similarities, whole.similarities)


def test_nobody_in_an_empty_base_and_no_rows_for_no_queries() -> None:
    empty = ExactIndex(np.empty((0, 3), np.float32)).search(unit(np.eye(3)), 2)
    assert (empty.ids == NOBODY).all()
    assert np.isneginf(empty.similarities).all()
    assert ExactIndex(unit(np.eye(3))).search(np.empty((0, 3), np.float32), 2).ids.shape == (0, 2)
