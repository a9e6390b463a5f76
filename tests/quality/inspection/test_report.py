"""Pairs, extremes and shares, against plain loops over all that there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from knnal.index.duplicates import DuplicateGroups
from knnal.index.graph import build_graph
from knnal.quality.inspection.report import (
    class_distribution,
    closest_pairs,
    evenness,
    extreme_rows,
    largest_groups,
)


@pytest.mark.parametrize("threshold", [-1.0, 0.6, 0.9, 1.0])
def test_pairs_are_all_those_above_the_threshold(threshold: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(21, 3))
    X[7] = X[3]
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    live = np.ones(21, dtype=np.bool_)
    live[5] = False
    S = X.astype(np.float64) @ X.T
    expected = {
        (i, j): S[i, j]
        for i in range(21)
        for j in range(i + 1, 21)
        if 5 not in (i, j) and S[i, j] >= threshold - (1e-6 if threshold == 1.0 else 0)
    }
    total, *found = closest_pairs(build_graph(X, live), min(threshold, 1 - 1e-6), 8)
    assert total == len(expected)
    best = sorted(expected.values(), reverse=True)[:8]
    assert found[2] == pytest.approx(best, abs=1e-5)
    for i, j, similarity in zip(*found, strict=True):
        assert expected[int(i), int(j)] == pytest.approx(similarity, abs=1e-5)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=25), st.integers(1, 9))
def test_the_largest_groups_come_first(numbers: list[int], top: int) -> None:
    _, gapless = np.unique(numbers, return_inverse=True)
    members = [[row for row, one in enumerate(numbers) if one == n] for n in set(numbers)]
    expected = sorted((rows for rows in members if len(rows) > 1), key=lambda r: (-len(r), r[0]))
    found = largest_groups(DuplicateGroups(gapless), top)
    assert [rows.tolist() for rows in found] == expected[:top]


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=20),
    st.integers(1, 25),
    st.booleans(),
    st.data(),
)
def test_extreme_rows_are_sorted_with_ties_by_row(
    values: list[int], top: int, largest: bool, data: Any
) -> None:
    rows = sorted(data.draw(st.sets(st.sampled_from(range(len(values))))))
    found = extreme_rows(
        np.array(values, dtype=np.float32), np.array(rows, dtype=np.int64), top, largest=largest
    )
    sign = -1 if largest else 1
    assert found.tolist() == sorted(rows, key=lambda row: (sign * values[row], row))[:top]


def test_shares_of_classes() -> None:
    predicted = np.array([1, 1, 1, 0])
    first, second, third = class_distribution(["a", "b", "c"], {"a": 3, "b": 1, "c": 0}, predicted)
    assert (first.name, first.labeled, first.labeled_share) == ("a", 3, 0.75)
    assert (second.predicted, second.predicted_share) == (3, 0.75)
    assert (third.labeled, third.predicted, third.predicted_share) == (0, 0, 0.0)
    (empty,) = class_distribution(["a"], {"a": 0}, predicted[:0])
    assert (empty.labeled_share, empty.predicted_share) == (0.0, 0.0)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=9).filter(any))
def test_evenness_is_normalized_entropy(counts: list[int]) -> None:
    expected = entropy(counts) / np.log(len(counts))
    assert evenness(counts) == pytest.approx(expected, abs=1e-12)


def test_evenness_takes_two_classes_and_a_label() -> None:
    assert evenness([]) is None
    assert evenness([5]) is None
    assert evenness([0, 0]) is None
