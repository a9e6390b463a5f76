"""Confident learning against its published definitions, written out item by item."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.session.suspicion import (
    NONE,
    class_thresholds,
    confident_classes,
    likeliest_classes,
    majority,
    off_diagonal,
    suspicion,
)

TOLERANCE = 1e-6


@st.composite
def judged(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities in sixteenths, so that ties and equalities do come up, and labels."""
    classes, items = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    parts = st.lists(st.integers(0, 16), min_size=classes, max_size=classes).filter(any)
    votes = np.array(draw(st.lists(parts, min_size=items, max_size=items)), dtype=np.float64)
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=items, max_size=items))
    return votes / votes.sum(axis=1, keepdims=True), np.array(labels)


def confident_joint(P: list[list[float]], labels: list[int]) -> dict[tuple[int, int], list[int]]:
    """The paper's equations 1 and 2: the items of each cell of C, for labels i and classes j."""
    classes = range(len(P[0]))
    thresholds = {}
    for j in classes:
        of_class = [p[j] for p, label in zip(P, labels, strict=True) if label == j]
        if of_class:
            thresholds[j] = sum(of_class) / len(of_class)
    joint: dict[tuple[int, int], list[int]] = {(i, j): [] for i in classes for j in classes}
    for item, (p, label) in enumerate(zip(P, labels, strict=True)):
        reached = [j for j in thresholds if p[j] >= thresholds[j] - TOLERANCE]
        if reached:
            joint[label, max(reached, key=lambda j: p[j])].append(item)
    return joint


@given(judged())
def test_the_confident_joint_is_that_of_the_paper(case: tuple[np.ndarray, np.ndarray]) -> None:
    P, labels = case
    joint = confident_joint(P.tolist(), labels.tolist())
    wrong = sorted(item for (i, j), items in joint.items() if i != j for item in items)
    assert np.flatnonzero(off_diagonal(P, labels)).tolist() == wrong
    confident = confident_classes(P, class_thresholds(P, labels))
    for (label, j), items in joint.items():
        assert all(confident[item] == j and labels[item] == label for item in items)
    assert np.count_nonzero(confident != NONE) == sum(map(len, joint.values()))


@given(judged())
def test_suspicion_is_the_normalized_margin_turned_round(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    P, labels = case
    for p, label, found in zip(P.tolist(), labels.tolist(), suspicion(P, labels), strict=True):
        others = [value for j, value in enumerate(p) if j != label]
        quality = (p[label] - max(others, default=0.0) + 1) / 2
        assert found == pytest.approx(1 - quality, abs=1e-12)
        assert 0.0 <= found <= 1.0
        if found > 0.5 + TOLERANCE:
            assert likeliest_classes(np.array([p]))[0] != label


def test_a_class_without_labels_is_nobodys_confident_class() -> None:
    P = np.array([[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    labels = np.array([0, 1])
    assert class_thresholds(P, labels).tolist() == [0.1, 0.4, np.inf]
    assert confident_classes(P, class_thresholds(P, labels)).tolist() == [0, 1]


def test_nothing_labeled() -> None:
    P, labels = np.empty((0, 0), dtype=np.float32), np.empty(0, dtype=np.int64)
    assert off_diagonal(P, labels).tolist() == suspicion(P, labels).tolist() == []


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1))
def test_two_of_three_win(votes: list[tuple[int, int, int]]) -> None:
    given_, first, second = np.array(votes).T
    for found, ballot in zip(majority(given_, first, second), votes, strict=True):
        winners = [name for name in ballot if ballot.count(name) >= 2]
        assert found == (winners[0] if winners else NONE)
