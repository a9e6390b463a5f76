"""The uncertainty measures against SciPy and sorted lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from knnal.acquisition.uncertainty import (
    MEASURES,
    disagreement,
    entropy,
    largest_margin,
    least_confidence,
    smallest_margin,
)


def distribution(votes: list[float]) -> list[float]:
    total = sum(votes)
    return [vote / total for vote in votes] if total else [1 / len(votes)] * len(votes)


VOTE = st.one_of(st.just(0.0), st.floats(1e-6, 1.0))
MATRICES = st.integers(1, 6).flatmap(
    lambda classes: st.lists(
        st.lists(VOTE, min_size=classes, max_size=classes).map(distribution), min_size=1, max_size=8
    ).map(np.array)
)


@given(MATRICES)
def test_entropy_is_that_of_scipy(P: Any) -> None:
    np.testing.assert_allclose(entropy(P), stats.entropy(P, axis=1), atol=1e-9)


@given(MATRICES)
def test_measures_of_the_ranked_probabilities(P: Any) -> None:
    ranked = [sorted(row, reverse=True) for row in P.tolist()]
    second = [row[1] if len(row) > 1 else 0.0 for row in ranked]
    for measure, expected in (
        (least_confidence, [1 - row[0] for row in ranked]),
        (smallest_margin, [1 - (row[0] - p2) for row, p2 in zip(ranked, second, strict=True)]),
        (largest_margin, [1 - (row[0] - row[-1]) for row in ranked]),
    ):
        np.testing.assert_allclose(measure(P), expected, atol=1e-12)


@given(st.lists(MATRICES, min_size=1, max_size=4))
def test_disagreement_is_mutual_information(voters: list[Any]) -> None:
    n, c = min(len(P) for P in voters), min(P.shape[1] for P in voters)
    P = np.stack([P[:n, :c] + 1e-12 for P in voters], axis=1)
    P /= P.sum(axis=2, keepdims=True)
    expected = [
        # KL between the joint distribution of voter and class and the product of its marginals
        stats.entropy(
            (rows / len(rows)).ravel(),
            np.outer(np.full(len(rows), 1 / len(rows)), rows.mean(axis=0)).ravel(),
        )
        for rows in P
    ]
    np.testing.assert_allclose(disagreement(P), expected, atol=1e-9)


@given(MATRICES, st.randoms())
def test_the_order_of_classes_does_not_matter(P: Any, random: Any) -> None:
    order = list(range(P.shape[1]))
    random.shuffle(order)
    for measure in MEASURES.values():
        np.testing.assert_allclose(measure(P[:, order]), measure(P), atol=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_the_extremes(name: str) -> None:
    sure, even = MEASURES[name](np.array([[0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    assert sure == 0
    assert even > 0.6


@pytest.mark.parametrize("name", MEASURES)
def test_without_classes_all_are_equally_uncertain(name: str) -> None:
    values = MEASURES[name](np.empty((4, 0)))
    assert values.shape == (4,)
    assert len(set(values.tolist())) == 1


def test_the_input_is_left_as_it_was() -> None:
    P = np.array([[0.2, 0.5, 0.3]])
    for measure in MEASURES.values():
        measure(P)
    assert P.tolist() == [[0.2, 0.5, 0.3]]
