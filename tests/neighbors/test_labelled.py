"""Nearest labelled neighbours kept by updates, against a rebuild and against sorting everything."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from knnal.neighbors.labelled import LabelledNeighbours
from knnal.neighbors.similarity import similarities

POOLS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 25), st.sampled_from([1, 2, 4])),
    elements=st.integers(-2, 2),
)


def unit(X: Any) -> Any:
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0).astype(np.float32)


def sort_everything(X: Any, labelled: set[int], k: int) -> tuple[Any, Any]:
    ids = np.full((len(X), k), -1)
    sims = np.full((len(X), k), -np.inf, dtype=np.float32)
    for row, vector in enumerate(X):
        others = np.array(sorted(labelled - {row}), dtype=int)
        values = similarities(X[others], vector)
        order = np.lexsort((others, -values))[:k]
        ids[row, : len(order)], sims[row, : len(order)] = others[order], values[order]
    return ids, sims


def assert_state(state: LabelledNeighbours, X: Any, labelled: set[int]) -> None:
    ids, sims = sort_everything(X, labelled, state.k)
    np.testing.assert_array_equal(state.ids, ids)
    np.testing.assert_array_equal(state.similarities, sims)
    assert state.labelled == labelled


@settings(max_examples=80)
@given(POOLS, st.integers(1, 6), st.data())
def test_updates_equal_a_rebuild_and_a_full_sort(pool: Any, k: int, data: st.DataObject) -> None:
    X = unit(pool)
    state = LabelledNeighbours(X, k)
    labelled: set[int] = set()
    for row in data.draw(st.lists(st.integers(0, len(X) - 1), max_size=15)):
        before = state.ids.copy()
        changed = state.remove(row) if row in labelled else state.add(row)
        labelled ^= {row}
        np.testing.assert_array_equal(changed, np.flatnonzero((state.ids != before).any(axis=1)))
        assert_state(state, X, labelled)
    rebuilt = LabelledNeighbours(X, k)
    rebuilt.rebuild(np.array(sorted(labelled), dtype=np.int64))
    assert_state(rebuilt, X, labelled)


@settings(max_examples=30)
@given(POOLS, st.data())
def test_voters_are_the_rows_that_have_it_among_their_neighbours(
    pool: Any, data: st.DataObject
) -> None:
    X = unit(pool)
    labelled = data.draw(st.sets(st.integers(0, len(X) - 1)))
    state = LabelledNeighbours(X, 2)
    state.rebuild(np.array(sorted(labelled), dtype=np.int64))
    ids, _ = sort_everything(X, labelled, 2)
    for row in range(len(X)):
        assert set(state.voters(row)) == {r for r in range(len(X)) if row in ids[r]}


def test_full_dimension_with_near_duplicates() -> None:
    rng = np.random.default_rng(3)
    X = unit(np.repeat(rng.normal(size=(6, 1280)), 12, axis=0) + rng.normal(size=(72, 1280)) * 1e-4)
    state = LabelledNeighbours(X, 5)
    labelled: set[int] = set()
    for row in rng.integers(0, len(X), 60).tolist():
        if row in labelled:
            state.remove(row)
        else:
            state.add(row)
        labelled ^= {row}
    assert_state(state, X, labelled)
