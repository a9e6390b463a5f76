"""The pick without sorting, against sorting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.acquisition import bins
from knnal.acquisition.selection import CdfProductSelector, Selection, place_in_cdfs
from knnal.acquisition.terms import empirical_cdf
from knnal.index import parallel
from knnal.index.parallel import thread_count, use_threads

ELEMENTS = [
    st.sampled_from([0.0, 1.0]),
    st.integers(-3, 3).map(float),
    st.just(0.25),
    st.floats(-(2.0**100), 2.0**100, width=32),
    st.floats(0, 1, width=32),
    # Neighboring numbers, which share a bin and differ.
    st.integers(0, 40).map(lambda steps: float(np.float32(1) + np.float32(2**-23) * steps)),
    st.sampled_from([0.0, -0.0, 1e-45, 1e-38, 1.0]).map(lambda x: float(np.float32(x))),
]


@st.composite
def questions(draw: Any) -> tuple[Any, Any, Any, Any]:
    """One to four factors and powers, the pool they are of, and the rows that may be picked."""
    n = draw(st.integers(0, 60))
    factors = tuple(
        draw(hnp.arrays(np.float32, n, elements=draw(st.sampled_from(ELEMENTS))))
        for _ in range(draw(st.integers(1, 4)))
    )
    power = st.one_of(st.just(1.0), st.sampled_from([0.0, 0.5, 2.0]), st.floats(0, 3))
    powers = draw(st.lists(power, min_size=len(factors), max_size=len(factors)))
    masks = hnp.arrays(np.bool_, n, elements=st.booleans())
    pool = draw(st.one_of(st.just(np.ones(n, dtype=np.bool_)), masks))
    allowed = draw(st.one_of(st.just(pool), masks))
    return factors, powers, pool, allowed


def select(factors: Any, powers: Any, pool: Any, allowed: Any) -> Selection | None:
    return CdfProductSelector().select(factors, powers, pool, allowed)


def by_sorting(factors: Any, powers: Any, pool: Any, allowed: Any) -> Selection | None:
    rows = np.flatnonzero(pool)
    places = [empirical_cdf(values[rows]) for values in factors]
    scores = np.ones(len(rows))
    for place, power in zip(places, powers, strict=True):
        scores = scores * (place if power == 1 else np.power(place, power))
    open_to = np.flatnonzero(allowed[rows])
    if not len(open_to):
        return None
    best = open_to[scores[open_to].argmax()]
    return Selection(int(rows[best]), float(scores[best]), tuple(float(p[best]) for p in places))


@settings(max_examples=300)
@given(questions(), st.sampled_from([1, 2, 7, 65536]), st.sampled_from([1, 2]))
def test_it_is_the_argmax_of_the_sorted_product(question: Any, block: int, threads: int) -> None:
    before = thread_count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "BLOCK", block)
        use_threads(threads)
        try:
            assert select(*question) == by_sorting(*question)
        finally:
            use_threads(before)


@settings(max_examples=60)
@given(questions(), st.sampled_from([np.inf, -np.inf, np.nan]))
def test_what_lies_outside_of_the_pool_does_not_count(question: Any, value: float) -> None:
    factors, powers, pool, allowed = question
    expected = select(factors, powers, pool, allowed)
    for values in factors:
        values[~pool] = value
    assert select(factors, powers, pool, allowed) == expected


@pytest.mark.parametrize("kind", ["smooth", "ties", "one constant", "two lumps", "opposed"])
@pytest.mark.parametrize("block", [1000, 65536])
def test_large_pools(kind: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "BLOCK", block)
    rng = np.random.default_rng(len(kind))
    n = 30_000
    u, i, d = rng.random((3, n)).astype(np.float32)
    if kind == "ties":
        u, i = np.round(u, 1), np.round(i, 2)
    elif kind == "one constant":
        u[:] = 0.5
    elif kind == "two lumps":  # nearly all in two bins, none of them equal
        u = np.where(u < 0.5, u * 1e-6, 1 + u * 1e-6).astype(np.float32)
        i = u[::-1].copy()
    elif kind == "opposed":
        i = -u
    pool, allowed = rng.random(n) < 0.9, rng.random(n) < 0.5
    for powers in ((1.0, 1.0, 1.0), (0.3, 1.0, 2.0)):
        question = (u, i, d), powers, pool, allowed
        assert select(*question) == by_sorting(*question)


@settings(max_examples=100)
@given(questions())
def test_a_row_is_placed_as_the_pick_is(question: Any) -> None:
    factors, powers, pool, _ = question
    picked = select(*question)
    if picked is not None:
        assert place_in_cdfs(factors, powers, pool, picked.row) == picked


def test_nothing_allowed_picks_nothing() -> None:
    values = (np.array([1.0, 2.0], np.float32),)
    some, none = np.array([True, False]), np.zeros(2, np.bool_)
    assert select(values, (1.0,), some, none) is None
    assert select(values, (1.0,), some, ~some) is None
    assert select(values, (1.0,), none, some) is None
    assert select((np.empty(0, np.float32),), (1.0,), none[:0], none[:0]) is None


def test_a_single_row() -> None:
    values = np.array([9.0, 3.0, 9.0], np.float32)
    only = np.array([False, True, False])
    assert select((values, values), (1.0, 0.5), only, only) == Selection(1, 1.0, (1.0, 1.0))


def test_ties_go_to_the_lower_row() -> None:
    values = np.array([1.0, 2.0, 2.0, 2.0], np.float32)
    everyone = np.ones(4, np.bool_)
    assert select((values,), (1.0,), everyone, everyone) == Selection(1, 1.0, (1.0,))
    late = np.array([True, False, False, True])
    assert select((values,), (1.0,), everyone, late) == Selection(3, 1.0, (1.0,))


def test_places_count_rows_that_may_not_be_picked() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    everyone, low = np.ones(4, np.bool_), np.array([True, True, False, False])
    assert select((values,), (1.0,), everyone, low) == Selection(1, 0.5, (0.5,))


@settings(max_examples=100)
@given(st.data(), st.sampled_from([7, 65536]))
def test_what_is_kept_from_pick_to_pick_changes_nothing(data: Any, block: int) -> None:
    """Values move within their range and beyond it, rows leave the pool and come back."""
    factors, powers, pool, allowed = data.draw(questions())
    values = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "BLOCK", block)
        patch.setattr(bins, "_MANY", data.draw(st.sampled_from([1, 2, 16])))
        selector = CdfProductSelector()
        for _ in range(6):
            question = factors, powers, pool, allowed
            assert selector.select(*question) == by_sorting(*question)
            if len(pool):
                for row in data.draw(st.lists(st.integers(0, len(pool) - 1), max_size=5)):
                    data.draw(st.sampled_from(factors))[row] = data.draw(values)
                    pool[row] = data.draw(st.booleans())


def test_another_pool_starts_anew() -> None:
    selector, everyone = CdfProductSelector(), np.ones(5, np.bool_)
    values = np.array([1.0, 2.0, 3.0, 5.0, 4.0], np.float32)
    for size in (3, 5, 4):
        some = values[:size].copy()
        question = (some,), (1.0,), everyone[:size], everyone[:size]
        assert selector.select(*question) == by_sorting(*question)
