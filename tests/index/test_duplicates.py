"""Groups of near-duplicates, against all pairs of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from knnal.errors import InputError
from knnal.index.duplicates import DuplicateGroups, OpenGroups, find_duplicates
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.similarity import similarities

THRESHOLDS = (0.3, 0.8, 0.95, 0.999)


def found(X: Any, threshold: float, g: int = 20, live: Any = None) -> DuplicateGroups:
    there = np.ones(len(X), dtype=bool) if live is None else live
    return find_duplicates(X, KernelGraph(build_graph(X, there, g)), threshold)


def by_all_pairs(X: Any, threshold: float, live: Any = None) -> set[frozenset[int]]:
    """Connected components over the full matrix of similarities."""
    near = np.array([similarities(X, x) for x in X]) >= np.float32(threshold)
    if live is not None:
        near &= live & live[:, None]
    return partition(connected_components(near, directed=False)[1])


def partition(numbers: Any) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(numbers == n).tolist()) for n in set(numbers.tolist())}


def unit(X: Any) -> Any:
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=25)
@given(
    st.integers(1, 90),
    st.integers(1, 8),
    st.sampled_from([
        "generic", "lattice", "copies", "one point", "hair's breadth", "clusters", "opposites",
    ]),
    st.sampled_from(THRESHOLDS),
    st.sampled_from([1, 3, 20]),
    st.integers(0, 99),
)  # fmt: skip
def test_groups_are_those_of_all_pairs(
    hard_vectors: Callable[..., Any],
    n: int,
    d: int,
    kind: str,
    threshold: float,
    g: int,
    seed: int,
) -> None:
    X = hard_vectors(kind, n, d, seed)
    live = np.random.default_rng(seed).random(n) < 0.9
    groups = found(X, threshold, g, live)
    assert partition(groups.numbers) == by_all_pairs(X, threshold, live)
    assert set(groups.numbers.tolist()) == set(range(len(groups)))
    for row in range(n):
        expected = np.flatnonzero(groups.numbers == groups.numbers[row])
        np.testing.assert_array_equal(groups.members(row), expected)
        assert groups.sizes[groups.numbers[row]] == len(expected)


@settings(max_examples=10)
@given(st.integers(2, 6), st.sampled_from([2, 5, 12]), st.integers(0, 99))
def test_crowds_that_no_list_joins_are_joined(crowds: int, size: int, seed: int) -> None:
    """Copies of points on a chain: every list is full of copies, of any length."""
    rng = np.random.default_rng(seed)
    angles = np.cumsum(rng.uniform(0.0, 0.6, crowds))
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    X = unit(np.repeat(points, size, axis=0)[rng.permutation(crowds * size)])
    for g in (1, size - 1):
        assert partition(found(X, 0.95, g).numbers) == by_all_pairs(X, 0.95)


def test_a_hundred_copies_are_one_group() -> None:
    rng = np.random.default_rng(0)
    X = unit(np.vstack([np.tile(rng.normal(size=16), (100, 1)), rng.normal(size=(50, 16))]))
    order = rng.permutation(150)
    groups = found(X[order], 0.95)
    copies = np.flatnonzero(order < 100)
    np.testing.assert_array_equal(groups.members(int(copies[0])), copies)
    assert len(groups) == 51


def test_five_crowds_of_copies_side_by_side_are_one_group() -> None:
    """None of the graph's edges leads from one crowd to another."""
    rng = np.random.default_rng(1)
    center = rng.normal(size=32)
    points = center + 0.05 * rng.normal(size=(5, 32))
    X = unit(np.repeat(points, 40, axis=0))
    graph = build_graph(X, np.ones(200, dtype=bool))
    assert (graph.similarities[:, -1] > 0.9999).all()
    assert len(found(X, 0.95)) == 1
    assert len(found(X, 0.99999)) == 5


def test_a_chain_is_one_group_though_its_ends_are_unlike() -> None:
    angles = np.arange(40) * 0.1
    X = unit(np.column_stack([np.cos(angles), np.sin(angles)]))
    assert X[0] @ X[31] < -0.9
    assert len(found(X, 0.99)) == 1
    assert len(found(X, 0.996)) == 40


def test_a_pool_without_near_duplicates() -> None:
    groups = found(np.eye(30, dtype=np.float32), 0.9)
    assert len(groups) == 30
    assert groups.members(7).tolist() == [7]


def test_a_pool_of_nothing() -> None:
    assert len(found(np.empty((0, 4), dtype=np.float32), 0.9)) == 0


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.5, 1.2, float("nan")])
def test_other_thresholds_are_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="above 0 and below 1"):
        found(np.eye(3, dtype=np.float32), threshold)


@settings(max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.data())
def test_groups_close_and_open_with_their_rows(numbers: list[int], data: Any) -> None:
    numbering = np.unique(numbers, return_inverse=True)[1]
    rows = len(numbers)
    decided = np.array(data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)))
    tracked = OpenGroups(DuplicateGroups(numbering), decided)
    changes = st.tuples(st.integers(0, rows - 1), st.booleans())
    for row, now in data.draw(st.lists(changes, max_size=20)):
        decided[row] = now
        tracked.set_decided(row, now)
        expected = [any(decided[numbering == numbering[r]]) for r in range(rows)]
        assert tracked.closed.tolist() == expected
    some = np.array(data.draw(st.permutations(range(rows))))
    places = tracked.first_of_each(some)
    seen: set[int] = set()
    expected_places = []
    for place, row in enumerate(some):
        if numbering[row] not in seen:
            expected_places.append(place)
            seen.add(int(numbering[row]))
    assert places.tolist() == expected_places
